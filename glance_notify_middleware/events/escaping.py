"""Escapes, or replaces, the characters that would end a line or control a terminal."""

import re

NOT_ESCAPED_BY_JSON = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Those of these characters that JSON leaves as they are, as the inside of a character class in a
regular expression: DEL; the C1 controls (U+009B is the ESC [ of a terminal); what ends a line for a
reader of Unicode; and what changes the direction of writing."""

_UNSAFE = re.compile(f"[\x00-\x1f{NOT_ESCAPED_BY_JSON}\ud800-\udfff]")


def escaped_text(text: str) -> str:
    """`text` as one line: these characters, all other controls and lone surrogates are escaped.

    The escapes are those of JSON, so that a line of JSON keeps its meaning.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escaped_json(encoded: bytes) -> bytes:
    """A line of JSON in UTF-8 with the same meaning, and with these characters escaped.

    Most lines hold none of them: a line in ASCII without DEL is returned at once.
    """
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return escaped_text(encoded.decode()).encode()


def printable(text: str) -> str:
    """`text` with a space for each character that Unicode does not count as printable.

    Those are the characters above, all other controls, lone surrogates, noncharacters and all white
    space but the space.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " for each in text)
