"""The password, and what TLS needs. Files are read for each connection.

So a password or a certificate can be replaced while the process runs.
"""

import ssl
from pathlib import Path

from glance_notify_middleware.config.brokers import Broker, BrokerSettings, PeerSettings


class MisconfiguredError(Exception):
    """An option names what cannot be used; the text names the option."""


def password(broker: Broker, settings: BrokerSettings) -> str:
    """The password at a broker: of the password file, if there is one, else the broker's own.

    Raises MisconfiguredError.
    """
    path = settings.password_file
    return text_of(f"{settings.option_prefix}_password_file", path) if path else broker.password


def text_of(option: str, path: str) -> str:
    """The text of the file that an option names, without the end of its last line.

    Raises MisconfiguredError, also where the file is empty.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise _unusable(option, path, error) from error
    except UnicodeDecodeError:
        raise MisconfiguredError(f"option {option}: {path}: not UTF-8") from None
    if not text:
        raise MisconfiguredError(f"option {option}: {path}: is empty")
    return text


def tls_context(settings: PeerSettings) -> ssl.SSLContext:
    """What TLS checks and shows, as the ssl options choose. Raises MisconfiguredError."""
    prefix = settings.option_prefix
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file or None)
    except OSError as error:
        raise _unusable(f"{prefix}_ssl_ca_file", settings.ssl_ca_file, error) from error
    if settings.ssl_cert_file:
        _load_certificate(context, prefix, settings.ssl_cert_file, settings.ssl_key_file)
    if not settings.ssl_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_certificate(context: ssl.SSLContext, prefix: str, certificate: str, key: str) -> None:
    options = (f"{prefix}_ssl_cert_file", f"{prefix}_ssl_key_file")
    for option, path in zip(options, (certificate, key), strict=True):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise _unusable(option, path, error) from error
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # "": never ask a terminal
    except OSError as error:
        raise _unusable(" or ".join(options), f"{certificate} or {key}", error) from error


def _unusable(option: str, path: str, error: OSError) -> MisconfiguredError:
    why = error.strerror
    if isinstance(error, ssl.SSLError):
        why = error.reason or "not PEM, or with a passphrase"
    return MisconfiguredError(f"option {option}: {path}: {why}")
