"""Who we are at a broker, and whom we trust: read anew from the files for each connection.

So a password or a certificate can be changed while we run.
"""

import ssl
from pathlib import Path
from typing import Any

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker


class MisconfiguredError(Exception):
    """An option names what cannot be used; the text names the option."""


def password(strategy: str, broker: Broker, settings: Settings) -> str:
    """The password at a broker: of its file, if there is one, as that is now.

    Raises MisconfiguredError.
    """
    option = f"{strategy}_password_file"
    path: str = getattr(settings, option)
    if not path:
        return broker.password
    try:
        secret = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise _unusable(option, path, error) from error
    except UnicodeDecodeError:
        raise MisconfiguredError(f"option {option}: {path}: not UTF-8") from None
    if not secret:
        raise MisconfiguredError(f"option {option}: {path}: is empty")
    return secret


def tls_context(strategy: str, settings: Settings) -> ssl.SSLContext:
    """What TLS checks and shows, as the strategy's ssl options say. Raises MisconfiguredError."""

    def chosen(option: str) -> Any:
        return getattr(settings, f"{strategy}_{option}")

    authorities, verify = chosen("ssl_ca_file"), chosen("ssl_verify")
    certificate, key = chosen("ssl_cert_file"), chosen("ssl_key_file")
    try:
        context = ssl.create_default_context(cafile=authorities or None)
    except OSError as error:
        raise _unusable(f"{strategy}_ssl_ca_file", authorities, error) from error
    if certificate:
        options = (f"{strategy}_ssl_cert_file", f"{strategy}_ssl_key_file")
        for option, path in zip(options, (certificate, key), strict=True):
            try:
                Path(path).read_bytes()
            except OSError as error:
                raise _unusable(option, path, error) from error
        try:
            context.load_cert_chain(certificate, key, password=lambda: "")
        except OSError as error:
            raise _unusable(" or ".join(options), f"{certificate} or {key}", error) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unusable(option: str, path: str, error: OSError) -> MisconfiguredError:
    why = error.strerror
    if isinstance(error, ssl.SSLError):
        why = error.reason or "not PEM, or with a passphrase"
    return MisconfiguredError(f"option {option}: {path}: {why}")
