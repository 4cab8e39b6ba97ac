"""WSGI environ -> who asks, and from which address."""

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Receiver(NamedTuple):
    """Who made the request; None where nobody is known."""

    project_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None


def context_in(environ: Mapping[str, Any]) -> Any:
    """Glance's own RequestContext; None where there is none (yet)."""
    return environ.get("webob.adhoc_attrs", {}).get("context")


def from_context(environ: Mapping[str, Any]) -> Receiver | None:
    """Who Glance's own RequestContext says that it is; None where there is no context (yet).

    What it leaves empty stays empty.
    """
    context = context_in(environ)
    if context is None:
        return None
    return Receiver(
        project_id=getattr(context, "project_id", None),
        user_id=getattr(context, "user_id", None),
        request_id=getattr(context, "request_id", None),
    )


def was_passed_on(before: Receiver, environ: Mapping[str, Any]) -> bool:
    """Whether Glance had another of its nodes do what was asked, by who asked `before` the call.

    What concerns an image that was staged on another node is sent on to that one, and then the
    context has the request_id that it had there (glance 33.0.0, api/v2/images.py,
    `_proxy_request_to_host`).
    """
    context = context_in(environ)
    return context is not None and getattr(context, "request_id", None) != before.request_id


def is_there(environ: Mapping[str, Any]) -> bool:
    """Whether anything has looked who asks, be it nobody."""
    return context_in(environ) is not None or "HTTP_X_IDENTITY_STATUS" in environ


def from_headers(environ: Mapping[str, Any]) -> Receiver:
    """Who the headers say that it is, for where no context ever was.

    They count when keystonemiddleware has confirmed them; it removes a client's own. So they
    are to be read after the application was called: the filter may stand above it.
    """
    if environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
        return Receiver()
    return Receiver(
        project_id=environ.get("HTTP_X_PROJECT_ID") or environ.get("HTTP_X_TENANT_ID") or None,
        user_id=environ.get("HTTP_X_USER_ID") or None,
    )


def destination_ip(environ: Mapping[str, Any], trusted: Sequence[Network]) -> str | None:
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
    peer = environ.get("REMOTE_ADDR")
    if not trusted:
        return _text(_address(peer))
    chains = list(_chains(environ))
    if not chains:
        return _text(_address(peer))
    overwritten = peer == chains[0].oslo_takes
    if not overwritten and not _is_trusted(_address(peer), trusted):
        return _text(_address(peer))
    found = {_text(_first_untrusted(chain.addresses, trusted)) for chain in chains}
    return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class _Chain:
    """One forwarding header: its addresses, client first, and what oslo makes REMOTE_ADDR."""

    addresses: list[Address | None]
    oslo_takes: str | None


def _chains(environ: Mapping[str, Any]) -> Iterable[_Chain]:
    """The forwarding headers that are there; Forwarded first, which oslo prefers."""
    forwarded = environ.get("HTTP_FORWARDED")
    if forwarded:
        texts = [_parameters(element).get("for") for element in forwarded.split(",")]
        yield _Chain([_address(text) for text in texts], texts[0])
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR")
    if forwarded_for:
        yield _Chain([_address(text) for text in forwarded_for.split(",")], forwarded_for)


def _parameters(element: str) -> dict[str, str]:
    """`for=192.0.2.60;proto=http` (RFC 7239, section 4) as a dictionary."""
    pairs = (parameter.partition("=") for parameter in element.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _first_untrusted(addresses: list[Address | None], trusted: Sequence[Network]) -> Address | None:
    """From the right, the first that is no trusted proxy; the left-most when all are."""
    for address in reversed(addresses):
        if not _is_trusted(address, trusted):
            return address
    return addresses[0]


def _is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)


@functools.lru_cache(maxsize=1024)
def _address(text: str | None) -> Address | None:
    """An address with or without port, brackets and quotes; None for anything else."""
    if not text:
        return None
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])  # a scope means nothing elsewhere
    except ValueError:
        return None
    # A dual-stack socket shows an IPv4 peer as ::ffff:a.b.c.d.
    return getattr(address, "ipv4_mapped", None) or address


def _text(address: Address | None) -> str | None:
    return None if address is None else str(address)
