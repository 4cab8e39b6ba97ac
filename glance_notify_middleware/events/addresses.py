"""The destination address, from a WSGI environ: of the peer, or as trusted proxies say it."""

import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX: Literal["unix"] = "unix"
"""The peer at the other end of a unix socket, which has no address."""

Proxy = Network | Literal["unix"]
_Hop = Address | Literal["unix"] | None
"""One end of a connection on the way of a request: client or proxy. None: unknown."""

# The REMOTE_ADDR of a peer on a unix socket: empty by gunicorn 27.0, 0.0.0.0 by uWSGI 2.0.30,
# "localhost" by waitress 3.0.2, "unix:" by nginx.
_UNIX_PEERS = ("", "0.0.0.0", "localhost", "unix:")  # noqa: S104 (nothing listens there)

_LONGEST_CHAIN = 4096  # characters of a forwarding header, from its end, that are looked at
_LONGEST_HOP = 100  # characters of an address with its port, scope and brackets


def destination_ip(environ: Mapping[str, Any], trusted: Sequence[Proxy]) -> str | None:
    """The address that image data goes to, as text; None when it is unknown.

    Without `trusted` proxies it is the address of the peer, REMOTE_ADDR. With them, the entries of
    the forwarding header and the peer form a chain, and the address is the right-most one that is
    no trusted proxy. Its sender may have made up everything that stands left of it. An entry there
    that is no address is an unknown client, and not a reason to believe the next entry.

    http_proxy_to_wsgi of oslo.middleware (`enable_proxy_headers_parsing`) overwrites REMOTE_ADDR
    with the first `for=` of Forwarded, or else with the whole text of X-Forwarded-For. The peer is
    lost then, and the chain is that of the header alone.

    A client can send the header that the proxy does not write. So the address is unknown when both
    headers are there and disagree.
    """
    remote = environ.get("REMOTE_ADDR") or ""
    if not trusted:
        return _peer_text(remote) if len(remote) <= _LONGEST_HOP else None
    peer = _peer(remote)
    forwarded = environ.get("HTTP_FORWARDED") or ""
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR") or ""
    if not (forwarded or forwarded_for):
        return _address_text(peer)
    taken_by_oslo = _first_for(forwarded) if forwarded else forwarded_for
    is_overwritten = remote != "" and remote == taken_by_oslo
    if not is_overwritten and not _is_trusted(peer, trusted):
        return _address_text(peer)
    found = []
    if forwarded:
        found.append(_first_untrusted(_forwarded(forwarded), trusted))
    if forwarded_for:
        found.append(_first_untrusted(_forwarded_for(forwarded_for), trusted))
    return _address_text(found[0]) if found[0] == found[-1] else None


def _peer(remote: str) -> _Hop:
    """The hop that REMOTE_ADDR names."""
    return UNIX if remote in _UNIX_PEERS else _hop(remote)


@functools.lru_cache(maxsize=1024)
def _peer_text(remote: str) -> str | None:
    return _address_text(_peer(remote))


def _first_for(forwarded: str) -> str:
    """What oslo.middleware 8.1 takes from Forwarded; it does not parse quoted strings."""
    pairs = (pair.partition("=") for pair in forwarded.partition(",")[0].split(";"))
    return {name.lower().strip(): value.strip() for name, _, value in pairs}.get("for", "")


# The grammar is that of RFC 7239, section 4. It also takes what stays unambiguous: white space
# around names and values, and a value without the quotes that it needs.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r'(?:(?P<bare>[^\s",;\\]*)|"(?P<quoted>(?:[^"\\]|\\.)*)")'
_PAIR = re.compile(rf"[ \t]*(?:(?P<name>{_NAME})[ \t]*=[ \t]*{_VALUE}[ \t]*)?(?:;|\Z)", re.DOTALL)
_MARKS = re.compile(r'(\\*)"|,')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _forwarded(text: str) -> Iterator[_Hop]:
    """The hops in a Forwarded header, from right to left."""
    for element in _elements(text):
        yield _hop(_for_value(element))


def _elements(text: str) -> Iterator[str]:
    """The elements of a Forwarded header, from right to left; a comma in quotes separates none.

    The proxies have written the right end. So the header is read from there: a quote that a client
    leaves open cannot reach into what the proxies wrote. By the grammar, a quote after an odd
    number of backslashes belongs to the quoted text and does not end it.
    """
    tail = text[-_LONGEST_CHAIN:]
    end, in_quotes = len(tail), False
    for mark in reversed(list(_MARKS.finditer(tail))):
        if mark[0] == ",":
            if not in_quotes:
                yield tail[mark.end() : end]
                end = mark.start()
        elif not in_quotes or len(mark[1]) % 2 == 0:
            in_quotes = not in_quotes
    yield tail[:end] if len(tail) == len(text) else ""  # an element that was cut is unknown


def _for_value(element: str) -> str:
    """The `for` of an element; empty when it has none or several, or breaks the grammar."""
    values, at = [], 0
    while at < len(element):
        pair = _PAIR.match(element, at)
        if pair is None:
            return ""
        at = pair.end()
        if (pair["name"] or "").lower() == "for":
            quoted = pair["quoted"]
            values.append(pair["bare"] if quoted is None else _ESCAPED.sub(r"\1", quoted))
    return values[0] if len(values) == 1 else ""


def _forwarded_for(text: str) -> Iterator[_Hop]:
    """The hops in an X-Forwarded-For header, from right to left."""
    tail = text[-_LONGEST_CHAIN:]
    entries = tail.split(",")
    if len(tail) < len(text):
        entries[0] = ""  # an entry that was cut is unknown
    for entry in reversed(entries):
        yield _hop(entry.strip().strip('"'))


def _first_untrusted(hops: Iterable[_Hop], trusted: Sequence[Proxy]) -> _Hop:
    """The first hop that is no trusted proxy; the last hop when all are trusted."""
    hop: _Hop = None
    for hop in hops:
        if not _is_trusted(hop, trusted):
            break
    return hop


def _is_trusted(hop: _Hop, trusted: Sequence[Proxy]) -> bool:
    if hop is None or isinstance(hop, str):  # comparing an address with a text is slow
        return hop in trusted
    return any(hop in proxy for proxy in trusted if not isinstance(proxy, str))


def _hop(text: str) -> _Hop:
    """The hop that `text` names: an address with or without port and brackets, or `unix:` of nginx.

    None for anything else. A client chooses what stands in a chain, and how long it is: a text that
    is too long must not reach the cache of `_short_hop`.
    """
    return _short_hop(text) if len(text) <= _LONGEST_HOP else None


_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")


@functools.lru_cache(maxsize=1024)
def _short_hop(text: str) -> _Hop:
    if text == "unix:":
        return UNIX
    found = _WITH_PORT.fullmatch(text)
    if found:
        text = found[1] or found[2] or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])  # a scope has no meaning elsewhere
    except ValueError:
        return None
    # A dual-stack socket reports an IPv4 peer as ::ffff:a.b.c.d.
    address = getattr(address, "ipv4_mapped", None) or address
    return None if address.is_unspecified else address


def _address_text(hop: _Hop) -> str | None:
    return None if hop is None or isinstance(hop, str) else str(hop)
