"""What is wrong with the certificate of a broker, and when it ends. For the inspections."""

import dataclasses
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from glance_notify_middleware.config.brokers import Broker, PeerSettings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.strategies import credentials

_SOON = 30
"""Days before its end from which on a certificate's end is a finding."""
_NOT_YET, _EXPIRED = 9, 10  # of X509_V_ERR_*, openssl-verify(1)

_RENEW = "openssl x509 -enddate -noout -in CERTIFICATE (of the broker, after it is renewed)"

Shake = Callable[[ssl.SSLContext], ssl.SSLSocket]
"""Returns a socket to the broker after TLS's handshake. Raises OSError."""

Shown = Mapping[str, Any]
"""A certificate, as SSLSocket.getpeercert has it."""


def error(name: str, what: str, mend: str) -> Finding:
    """A finding: it does not work."""
    return Finding(Level.ERROR, name, what, mend)


def warning(name: str, what: str, mend: str) -> Finding:
    """A finding: it works, and may not work well."""
    return Finding(Level.WARNING, name, what, mend)


def refused(
    broker: Broker, settings: PeerSettings, shake: Shake, host_line: Callable[[str], str]
) -> Iterator[Finding]:
    """All that is wrong with a certificate that TLS has refused: chain, name, and dates.

    TLS names one of them at a time. `host_line` makes the line of the section that names a host
    with its port. Raises OSError.
    """
    blind = credentials.tls_context(dataclasses.replace(settings, ssl_verify=False))
    with shake(blind) as sock:
        der = sock.getpeercert(binary_form=True) or b""
    # Trusts the certificate itself, so that nothing but its dates and its name is checked.
    context = credentials.tls_context(dataclasses.replace(settings, ssl_ca_file=""))
    context.load_verify_locations(cadata=der)
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
    wrong_name = _refusal(context, shake)
    context.check_hostname = False
    wrong_date = _refusal(context, shake)
    chain = credentials.tls_context(settings)
    chain.check_hostname = False
    wrong_chain = _refusal(chain, shake)
    if wrong_date is not None:
        yield _outside_its_dates(broker, wrong_date)
    else:
        with shake(context) as sock:
            shown: Shown = sock.getpeercert() or {}
        yield from expires(broker, shown)
        if wrong_name is not None:
            names = [text for _, text in shown.get("subjectAltName", ())] or ["HOST"]
            yield error(
                "broker-certificate-name",
                f"{broker}: the certificate is for another host ({wrong_name.verify_message})",
                f"{host_line(f'{names[0]}:{broker.port}')} (the certificate is for: "
                f"{', '.join(names)})",
            )
    if wrong_chain is not None and wrong_chain.verify_code not in (_NOT_YET, _EXPIRED):
        yield error(
            "broker-certificate-untrusted",
            f"{broker}: no authority that is trusted here has signed the certificate "
            f"({wrong_chain.verify_message})",
            f"{settings.option_prefix}_ssl_ca_file = PATH (of the certificate of the broker's "
            "authority)",
        )


def expires(broker: Broker, shown: Shown) -> Iterator[Finding]:
    """The finding of a certificate that ends soon."""
    if "notAfter" not in shown:
        return
    days = (ssl.cert_time_to_seconds(shown["notAfter"]) - time.time()) / 86400
    if days < _SOON:
        yield warning(
            "broker-certificate-expires",
            f"{broker}: the certificate expires in {days:.0f} days ({shown['notAfter']})",
            _RENEW,
        )


def _refusal(context: ssl.SSLContext, shake: Shake) -> ssl.SSLCertVerificationError | None:
    """Why a handshake refuses the certificate, or None. Raises OSError."""
    try:
        shake(context).close()
    except ssl.SSLCertVerificationError as refusal:
        return refusal
    return None


def _outside_its_dates(broker: Broker, why: ssl.SSLCertVerificationError) -> Finding:
    if why.verify_code == _EXPIRED:
        what, mend = "has expired", _RENEW
    else:
        what = f"is not valid: {why.verify_message}"
        mend = "timedatectl set-ntp true (on both hosts)"
    return error("broker-certificate-expired", f"{broker}: the certificate {what}", mend)
