"""Characters that end a line or drive a terminal, written so that they do neither."""

import re

NOT_ESCAPED_BY_JSON = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Those that JSON leaves as they are, for a class in a regular expression: DEL, the C1 controls
(U+009B is a terminal's ESC [), what ends a line to a reader of Unicode, and what turns the
direction of writing."""

_ESCAPED = re.compile(f"[\x00-\x1f{NOT_ESCAPED_BY_JSON}\ud800-\udfff]")


def escaped_text(text: str) -> str:
    """`text` as one line: these characters, all other controls, and halves of a pair, escaped.

    As in JSON, so that a line of JSON stays what it was.
    """
    if text.isprintable():
        return text
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escaped_json(encoded: bytes) -> bytes:
    """A line of JSON, in UTF-8, that says the same. Most has none of them: that is seen fast."""
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return escaped_text(encoded.decode()).encode()
