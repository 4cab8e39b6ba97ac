"""WSGI environ -> who asks, and from which address."""

import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from glance_notify_middleware.events.bounds import LONGEST_ID, bounded

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX: Literal["unix"] = "unix"
"""Whoever is at the other end of a unix socket: it has no address."""

Proxy = Network | Literal["unix"]
_Hop = Address | Literal["unix"] | None  # None: not known

# What servers give for REMOTE_ADDR where the peer is a unix socket: gunicorn 27.0 nothing,
# uWSGI 2.0.30 the address of nobody, waitress 3.0.2 a name; nginx writes the last one.
_UNIX_PEERS = ("", "0.0.0.0", "localhost", "unix:")  # noqa: S104 (nothing listens there)

_LONGEST_CHAIN = 4096  # characters of a forwarding header, from its end, that are looked at
_LONGEST_HOP = 100  # characters of an address with its port, scope and brackets


class Requester(NamedTuple):
    """Who made the request; None where nobody is known."""

    project_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None


def glance_context(environ: Mapping[str, Any]) -> Any:
    """Glance's own RequestContext; None where there is none (yet)."""
    return environ.get("webob.adhoc_attrs", {}).get("context")


def from_context(environ: Mapping[str, Any]) -> Requester | None:
    """Who Glance's own RequestContext says that it is; None where there is no context (yet).

    What it leaves empty stays empty.
    """
    context = glance_context(environ)
    if context is None:
        return None
    who = Requester(
        project_id=getattr(context, "project_id", None),
        user_id=getattr(context, "user_id", None),
        request_id=getattr(context, "request_id", None),  # the client's, from a header
    )
    if len(f"{who.project_id}{who.user_id}{who.request_id}") > LONGEST_ID:
        who = Requester(*map(bounded, who))
    return who


def was_passed_on(before: Requester, environ: Mapping[str, Any]) -> bool:
    """Whether Glance had another of its nodes do what was asked, by who asked `before` the call.

    What concerns an image that was staged on another node is sent on to that one, and then the
    context has the request_id that it had there (glance 33.0.0, api/v2/images.py,
    `_proxy_request_to_host`).
    """
    context = glance_context(environ)
    if context is None:
        return False
    request_id = getattr(context, "request_id", None)
    return request_id != before.request_id and bounded(request_id) != before.request_id


def authentication_has_run(environ: Mapping[str, Any]) -> bool:
    """Whether anything has looked who asks, be it nobody."""
    return glance_context(environ) is not None or "HTTP_X_IDENTITY_STATUS" in environ


def from_headers(environ: Mapping[str, Any]) -> Requester:
    """Who the headers say that it is, for where no context ever was.

    They count when keystonemiddleware has confirmed them; it removes a client's own. So they
    are to be read after the application was called: the filter may stand above it.
    """
    if environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
        return Requester()
    return Requester(
        project_id=bounded(
            environ.get("HTTP_X_PROJECT_ID") or environ.get("HTTP_X_TENANT_ID") or None
        ),
        user_id=bounded(environ.get("HTTP_X_USER_ID") or None),
    )


def destination_ip(environ: Mapping[str, Any], trusted: Sequence[Proxy]) -> str | None:
    """The address that the data goes to, as text; None where it is not known.

    Without `trusted` proxies it is the peer, REMOTE_ADDR. With them it is the right-most
    address of the chain of forwarding headers and peer that is no trusted proxy: whatever
    stands left of that one, its sender may have made up. An entry there that is no address
    is an unknown client, not a reason to believe the next one.

    oslo.middleware's http_proxy_to_wsgi (`enable_proxy_headers_parsing`) puts the first
    `for=` of Forwarded, else the whole text of X-Forwarded-For, into REMOTE_ADDR. Then the
    peer is gone, and the header's chain is judged alone.

    A client can send the header that the proxy does not write. So where both are there and
    disagree, nothing is known.
    """
    remote = environ.get("REMOTE_ADDR") or ""
    peer = UNIX if remote in _UNIX_PEERS else _hop(remote)
    if not trusted:
        return _text(peer)
    forwarded = environ.get("HTTP_FORWARDED") or ""
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR") or ""
    if not (forwarded or forwarded_for):
        return _text(peer)
    taken = _first_for(forwarded) if forwarded else forwarded_for
    overwritten = remote != "" and remote == taken
    if not overwritten and not _is_trusted(peer, trusted):
        return _text(peer)
    found = []
    if forwarded:
        found.append(_first_untrusted(_forwarded(forwarded), trusted))
    if forwarded_for:
        found.append(_first_untrusted(_forwarded_for(forwarded_for), trusted))
    return _text(found[0]) if found[0] == found[-1] else None


def _first_for(forwarded: str) -> str:
    """What oslo.middleware 8.1 takes from Forwarded; it does not know of quoted strings."""
    pairs = (pair.partition("=") for pair in forwarded.partition(",")[0].split(";"))
    return {name.lower().strip(): value.strip() for name, _, value in pairs}.get("for", "")


# The grammar is that of RFC 7239, section 4; more lenient where nothing is ambiguous for it:
# white space around names and values; a value without quotes that would need them.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r'(?:(?P<bare>[^\s",;\\]*)|"(?P<quoted>(?:[^"\\]|\\.)*)")'
_PAIR = re.compile(rf"[ \t]*(?:(?P<name>{_NAME})[ \t]*=[ \t]*{_VALUE}[ \t]*)?(?:;|\Z)", re.DOTALL)
_MARKS = re.compile(r'(\\*)"|,')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _forwarded(text: str) -> Iterator[_Hop]:
    """Who stands in a Forwarded header, the last first."""
    for element in _elements(text):
        yield _hop(_named_by(element))


def _elements(text: str) -> Iterator[str]:
    """The elements of a Forwarded header, the last first; a comma in quotes parts none.

    Read from the right, as what stands there is the proxies' own: no quote that a client leaves
    open reaches into it. In what a proxy writes by the grammar, a quote is one of the text in
    the quotes where an odd number of backslashes stands in front of it.
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
    yield tail[:end] if len(tail) == len(text) else ""  # what was cut is not known


def _named_by(element: str) -> str:
    """The `for` of an element; empty where it has none, or several, or is against the grammar."""
    named, at = [], 0
    while at < len(element):
        pair = _PAIR.match(element, at)
        if pair is None:
            return ""
        at = pair.end()
        if (pair["name"] or "").lower() == "for":
            quoted = pair["quoted"]
            named.append(pair["bare"] if quoted is None else _ESCAPED.sub(r"\1", quoted))
    return named[0] if len(named) == 1 else ""


def _forwarded_for(text: str) -> Iterator[_Hop]:
    """Who stands in an X-Forwarded-For header, the last first."""
    tail = text[-_LONGEST_CHAIN:]
    entries = tail.split(",")
    if len(tail) < len(text):
        entries[0] = ""  # what was cut is not known
    for entry in reversed(entries):
        yield _hop(entry.strip().strip('"'))


def _first_untrusted(hops: Iterable[_Hop], trusted: Sequence[Proxy]) -> _Hop:
    """The first that is no trusted proxy; the last one when all are."""
    hop: _Hop = None
    for hop in hops:
        if not _is_trusted(hop, trusted):
            break
    return hop


def _is_trusted(hop: _Hop, trusted: Sequence[Proxy]) -> bool:
    if hop is None or isinstance(hop, str):  # to compare an address with a text takes long
        return hop in trusted
    return any(hop in proxy for proxy in trusted if not isinstance(proxy, str))


def _hop(text: str) -> _Hop:
    """An address with or without port and brackets, or nginx's word; None for anything else.

    Clients choose what stands in a chain, and how long it is.
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
        address = ipaddress.ip_address(text.partition("%")[0])  # a scope means nothing elsewhere
    except ValueError:
        return None
    # A dual-stack socket shows an IPv4 peer as ::ffff:a.b.c.d.
    address = getattr(address, "ipv4_mapped", None) or address
    return None if address.is_unspecified else address


def _text(hop: _Hop) -> str | None:
    return None if hop is None or isinstance(hop, str) else str(hop)
