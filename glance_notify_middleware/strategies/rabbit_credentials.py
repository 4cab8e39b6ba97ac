"""Who we are at the broker, and whom we trust: read anew from the files for each connection.

So a password or a certificate can be changed while we run.
"""

import ssl
from pathlib import Path

from glance_notify_middleware.brokers import Broker
from glance_notify_middleware.config import Settings


class MisconfiguredError(Exception):
    """An option names what cannot be used; the text names the option."""


def password(broker: Broker, settings: Settings) -> str:
    """The password at a broker: of its file, if there is one, as that is now.

    Raises MisconfiguredError.
    """
    path = settings.rabbit_password_file
    if not path:
        return broker.password
    try:
        secret = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise _unusable("rabbit_password_file", path, error) from error
    except UnicodeDecodeError:
        raise MisconfiguredError(f"option rabbit_password_file: {path}: not UTF-8") from None
    if not secret:
        raise MisconfiguredError(f"option rabbit_password_file: {path}: is empty")
    return secret


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What TLS checks and shows; None without rabbit_use_ssl. Raises MisconfiguredError."""
    if not settings.rabbit_use_ssl:
        return None
    authorities = settings.rabbit_ssl_ca_file
    certificate, key = settings.rabbit_ssl_cert_file, settings.rabbit_ssl_key_file
    try:
        context = ssl.create_default_context(cafile=authorities or None)
    except OSError as error:
        raise _unusable("rabbit_ssl_ca_file", authorities, error) from error
    if certificate:
        for option, path in (("rabbit_ssl_cert_file", certificate), ("rabbit_ssl_key_file", key)):
            try:
                Path(path).read_bytes()
            except OSError as error:
                raise _unusable(option, path, error) from error
        try:
            context.load_cert_chain(certificate, key, password=lambda: "")
        except OSError as error:
            options = "rabbit_ssl_cert_file or rabbit_ssl_key_file"
            raise _unusable(options, f"{certificate} or {key}", error) from error
    if not settings.rabbit_ssl_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unusable(option: str, path: str, error: OSError) -> MisconfiguredError:
    why = error.strerror
    if isinstance(error, ssl.SSLError):
        why = error.reason or "not PEM, or with a passphrase"
    return MisconfiguredError(f"option {option}: {path}: {why}")
