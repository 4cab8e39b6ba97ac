"""Escaping: what is written is one line, and controls no terminal."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events.escaping import escaped_json, escaped_text

# Characters in texts of a language that is written from right to left, and characters that join
# emoji, control no terminal.
HARMLESS = st.sampled_from(["\u200d", "\ufe0f", "\xa0", "\u0300", "\ue000", "\u05d0", "\U0001f600"])


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("plain, Größe \U0001f600", "plain, Größe \U0001f600"),
        ("a\x9b31m", "a\\u009b31m"),
        ("a\x1b[31m\x7f", "a\\u001b[31m\\u007f"),
        ("a\r\nb\tc\0", "a\\u000d\\u000ab\\u0009c\\u0000"),
        ("a\x85b\u2028c\u2029", "a\\u0085b\\u2028c\\u2029"),
        ("a\u202eb\u2066c\u200ed\u061c", "a\\u202eb\\u2066c\\u200ed\\u061c"),
        ("half \ud83d", "half \\ud83d"),
    ],
)
def test_line_ends_and_terminal_controls_are_escaped(text: str, escaped: str) -> None:
    assert escaped_text(text) == escaped


@given(st.text(st.characters()))
def test_any_text_becomes_one_encodable_line_without_controls(text: str) -> None:
    line = escaped_text(text)
    assert line.encode().decode() == line
    assert len(line.splitlines()) <= 1
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(each) for each in line}
    assert not {"RLO", "LRO", "RLE", "LRE", "PDF", "LRI", "RLI", "FSI", "PDI"} & {
        unicodedata.bidirectional(each) for each in line
    }


@given(st.text(HARMLESS))
def test_harmless_characters_stay_as_they_are(text: str) -> None:
    assert escaped_text(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_json_has_the_same_value(text: str) -> None:
    line = escaped_json(json.dumps({text: [text]}, ensure_ascii=False).encode())
    assert json.loads(line) == {text: [text]}
    assert len(line.decode().splitlines()) == 1
    assert escaped_text(line.decode()).encode() == line
