"""Signatures of Standard Webhooks (https://www.standardwebhooks.com, version 1.0). Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

_PREFIX = "whsec_"
_LENGTHS = range(24, 65)
"""Bytes that a secret may have."""


def secrets(text: str) -> tuple[bytes, ...]:
    """The secrets in a file's text, one in each line that is not empty.

    Raises ValueError with the number of the line that is wrong, and why; it shows nothing of the
    line.
    """
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return tuple(_secret(line, number) for number, line in lines if line)


def _secret(line: str, number: int) -> bytes:
    if not line.startswith(_PREFIX):
        raise ValueError(f"line {number} does not begin with {_PREFIX}")
    encoded = line.removeprefix(_PREFIX)
    try:
        secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not secret:
        raise ValueError(f"line {number} has no base64 after {_PREFIX}")
    if len(secret) not in _LENGTHS:
        raise ValueError(f"the secret of line {number} has not 24 to 64 bytes")
    return secret


def headers(message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers that name and sign a request; without a signature where there is no key.

    `timestamp` is when the request is sent, in seconds: a receiver refuses one that is old.
    """
    found = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if keys:
        signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
        found["webhook-signature"] = " ".join(_signature(signed, key) for key in keys)
    return found


def _signature(signed: bytes, key: bytes) -> str:
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
