"""The errors below AMQP (options, names, sockets, TLS) in an operator's words."""

import socket
import ssl

from glance_notify_middleware.strategies.credentials import MisconfiguredError


def explain(error: Exception) -> tuple[str, bool]:
    """What happened, without a secret, and whether only an operator can change it."""
    match error:
        case MisconfiguredError():
            return str(error), True
        case ssl.SSLCertVerificationError():
            return f"the broker's certificate is not valid: {error.verify_message}", True
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ssl.SSLSyscallError():
            return "the connection broke off in the middle of TLS", False
        case ssl.SSLError():
            return f"TLS: {error.reason or error}", True
        case socket.gaierror():
            return f"no such host ({error.strerror})", False
        case OSError():
            return error.strerror or str(error), False
        case _:
            return f"{type(error).__name__}: {error}", False
