"""Texts of a request that accompany its notifications, as readers are given them.

A request's thread keeps such a text as WSGI has it: each character is one byte. A client chooses
its bytes. It is made readable when the message is made.
"""

import re
from urllib.parse import quote

from glance_notify_middleware.events.bounds import LONGEST_USER_AGENT
from glance_notify_middleware.events.escaping import printable

_IN_PATHS = "/!$&'()*+,;=:@~"
"""What a path has unescaped, beside letters, digits and `-._` (RFC 3986, section 3.3)."""
_USUAL_PATH = re.compile(r"[A-Za-z0-9/._-]*")  # most paths: `quote` takes ten times as long


def user_agent(header: str | None) -> str | None:
    """The text of a User-Agent header: at most LONGEST_USER_AGENT characters, all printable.

    None where there is none, or nothing but white space.
    """
    if header is None:
        return None
    text = header if header.isascii() else _bytes(header).decode(errors="replace")
    return printable(text)[:LONGEST_USER_AGENT].strip() or None


def url_path(path: str | None) -> str | None:
    """The path of a URL, percent-encoded, from that which WSGI has decoded; None for None."""
    if path is None or _USUAL_PATH.fullmatch(path):
        return path
    return quote(_bytes(path), safe=_IN_PATHS)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")
