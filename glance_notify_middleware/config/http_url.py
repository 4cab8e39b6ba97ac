"""URLs of HTTP: where something is posted, and proxies on the way."""

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from glance_notify_middleware.config.brokers import Broker, address
from glance_notify_middleware.config.kinds import Kind, RefusedError, line

_PORTS = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<login>[^/?#@]*)@)?(?P<place>[^/?#@]*)(?P<target>[/?][^#]*)?"
    r"(?P<fragment>#.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class HttpURL:
    """A parsed URL. Its text, scheme and host, may be shown; the rest may hold secrets."""

    scheme: str
    broker: Broker
    """Host and port, without a user."""
    login: str = field(repr=False)
    """The header Authorization that user and password of the URL make (RFC 7617), or empty."""
    target: str = field(repr=False)
    """Path and query, as a request names them (RFC 9112, 3.2.1)."""

    def __str__(self) -> str:
        place = str(self.broker).removesuffix(f":{_PORTS[self.scheme]}")
        return f"{self.scheme}://{place}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        host = self.broker.host
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host.lower() == "localhost"


def _http_url(text: str) -> HttpURL | None:
    """The URL, or None for an empty text. Raises RefusedError, which shows nothing of it."""
    if not text:
        return None
    match = _URL.fullmatch(line(text))
    if not match:
        raise RefusedError("it is not https:// and a host, with a path")
    if match["fragment"]:
        raise RefusedError("it has a #, which is written %23 in a path, a name or a password")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise RefusedError("it has a character that a URL cannot have: such are written %XX")
    scheme = match["scheme"].lower()
    try:
        host, number = address(match["place"])
    except ValueError:
        raise RefusedError("its host or its port is not one") from None
    target = match["target"] or "/"
    return HttpURL(
        scheme,
        Broker(host, number or _PORTS[scheme], "", ""),
        _basic(match["login"] or ""),
        target if target.startswith("/") else f"/{target}",
    )


def _basic(login: str) -> str:
    if not login:
        return ""
    userid, _, password = login.partition(":")
    decoded = unquote_to_bytes(userid) + b":" + unquote_to_bytes(password)
    return f"Basic {base64.b64encode(decoded).decode()}"


def _receiver(text: str) -> HttpURL | None:
    url = _http_url(text)
    if url and url.scheme == "http" and not url.is_loopback:
        raise RefusedError("without TLS it may lead to this machine alone")
    return url


def _proxy(text: str) -> HttpURL | None:
    url = _http_url(text)
    if url and (url.scheme != "http" or url.target != "/"):
        raise RefusedError("it is not http:// and a host")
    return url


RECEIVER = Kind(
    _receiver,
    "https://host/path, with a port and a query where the receiver has them, or http:// to "
    "localhost, 127.0.0.1 or [::1]",
)
PROXY = Kind(_proxy, "http://host:port, or http://user:password@host:port")
