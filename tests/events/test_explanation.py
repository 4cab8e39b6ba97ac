"""The text of a failure, and the explanation in it: one line, with nothing secret."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.failure import BYTES_READ, explanation
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.rules import decide
from tests.events import cases

PAGE = """<html>
 <head>
  <title>404 Not Found</title>
  <style>p { color: red }</style>
 </head>
 <body>
  <h1>404 Not Found</h1>
  No image <b>found</b> with ID &quot;i1&quot;.<br /><br />
 </body>
</html>"""


@pytest.mark.parametrize(
    ("body", "content_type", "explained"),
    [
        (PAGE, "text/html; charset=UTF-8", '404 Not Found No image found with ID "i1".'),
        ("409 Conflict\n\nIn use.\n\n   ", "text/plain", "409 Conflict In use."),
        ('{"message": "In <b>use</b> now.", "code": 1}', "application/json", "In use now."),
        ('{"error": {"code": 401, "message": "Who?"}}', "Application/JSON", "Who?"),
        ('{"code": "409 Conflict"}', "application/json", '{"code": "409 Conflict"}'),
        ('{"message": 1}', "application/json", '{"message": 1}'),
        ('["In use."]', "application/json", '["In use."]'),
        ('{"message": "cut', "application/json", '{"message": "cut'),
        ('{"message": "a\\u0000b\\nc"}', "application/json", "a b c"),
        ("", "", ""),
        ("a\x00b\x1b[0mc\x7f\x85d\u2028e\u2029f", "text/plain", "a b [0mc d e f"),
        ("a\u202eb\u2066c\u200ed\u061ce\x9bf", "text/plain", "a b c d e f"),
        ("<script>alert(1)</script>no<!-- a > b <p class='", "text/html", "no b"),
        ("1 < 2 > 1", "text/plain", "1 < 2 > 1"),
        ("at http://u:p@host/x?y, no", "text/plain", "at <url> no"),
        ("swift+https://u:p@h/c", "text/plain", "<url>"),
        ("RBD://fsid/pool", "text/plain", "<url>"),
        ("file&#58;&#47;&#47;/etc/x", "text/html", "<url>"),
        ("no /var/lib/glance/images/i1.", "text/plain", "no <path>"),
        ("'/a/b' (/c/d), x=/e/f;", "text/plain", "'<path>' (<path>), x=<path>;"),
        ("&lt;/etc/passwd&gt;", "text/html", "<<path>>"),
        ("https%3A%2F%2Fu:p@h", "text/plain", "<url>"),
        ("at http:// u:p@h now", "text/plain", "at <url> now"),
        ("http://<b></b>u:p@h", "text/html", "<url>"),
        ("http:&amp;#47;&amp;#47;u:p@h", "text/html", "<url>"),
        ("1http://u:p@h/c", "text/plain", "1<url>"),
        ("no u:p@h/c, no", "text/plain", "no <url> no"),
        ("'u:p:w@h' @ noon: a@b", "text/plain", "<url> @ noon: a@b"),
        ("[" * 4096, "application/json", "[" * 4096),
        ("and/or, n/a, 1/2, a / b", "text/plain", "and/or, n/a, 1/2, a / b"),
    ],
)
def test_explanation_is_one_line_without_secrets(
    body: str, content_type: str, explained: str
) -> None:
    assert explanation(body.encode(), content_type, "") == explained


@pytest.mark.parametrize(
    ("content_encoding", "explained"),
    [("", "In use."), ("identity", "In use."), ("gzip", ""), ("Deflate", ""), ("br", "")],
)
def test_explanation_of_a_compressed_body_is_empty(content_encoding: str, explained: str) -> None:
    assert explanation(b"In use.", "text/plain", content_encoding) == explained


def test_explanation_reads_4_kib() -> None:
    assert BYTES_READ == 4096


def test_bytes_that_are_no_text_do_not_hide_the_rest() -> None:
    assert explanation(b"In \xff use.", "text/plain", "") == "In \ufffd use."


HOSTILE = st.lists(
    st.sampled_from(
        [
            *("http://", "swift+https", "a", "1", ":", "/", "//", "://", "<", ">", "&", ";", " "),
            *("&#58;", "&#x2f;", "&sol;", "&colon;", "&amp;", "&lt;", "\\u002f", "\\/", '"', "'"),
            *("\n", "\r\n", "\t", "\0", "\x1b", "\x85", "\u2028", "\u2029", "&#10;", "&#13;"),
            *("\x7f", "\x9b", "\u202e", "\u2069", "&#8238;", "&#x9b;"),
            *("<b>", "</b>", "<!--", "-->", "<head>", "</head>", "<script", "/etc/x", "\\ud800"),
        ]
    )
    | st.characters(exclude_categories=["Cs"])
).map(lambda pieces: "".join(pieces).encode())
BODY = HOSTILE | HOSTILE.map(lambda text: b'{"message": "' + text + b'"}') | st.binary()
CONTENT_TYPE = st.sampled_from(["application/json", "text/html", "text/plain", ""])


def is_clean(text: str) -> bool:
    """Whether `text` is one line without control characters and without a URL.

    Control characters include those that change the direction of writing.
    """
    return (
        len(text.splitlines()) <= 1
        and not re.search(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text)
        and not any(unicodedata.category(character) == "Cc" for character in text)
        and not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    )


@given(BODY, CONTENT_TYPE)
@example(b"1http://u:p@h/c", "text/plain")
@example(b"ht<b></b>tp:<i>//u:p@h/c", "text/html")
@example(b"http&#58;&sol;&#x2f;u:p@h/c", "text/html")
@example(b'{"message": "http:\\/\\u002fu:p@h"}', "application/json")
def test_explanation_of_any_body_has_no_url_and_no_control_character(
    body: bytes, content_type: str
) -> None:
    assert is_clean(explanation(body, content_type, ""))


def text_of(request: str, response: ResponseFacts) -> str:
    exchange = Exchange(cases.operation(request), RequestFacts(Requester(), None), response)
    [event] = decide(exchange, None, now=lambda: cases.NOW)
    assert isinstance(event.payload, str)
    return event.payload


@given(BODY, CONTENT_TYPE, st.sampled_from([400, 404, 500]), st.sampled_from([0, 300, 1400]))
def test_failure_text_is_one_line_of_at_most_1_kib(
    body: bytes, content_type: str, status: int, words: int
) -> None:
    explained = explanation((body + b"\xc3\xa9 " * words)[:4096], content_type, "")
    text = text_of(cases.DELETE, ResponseFacts(status, "Not\r\nso", explained))
    assert text.startswith(f"delete image {cases.IMAGE}: {status} Not so")
    assert is_clean(text)
    assert len(text.encode()) <= 1024


@pytest.mark.parametrize("character", ["x", "\u00e9", "\u20ac", "\U0001f600"])
def test_failure_text_is_cut_between_two_characters(character: str) -> None:
    text = text_of(cases.DELETE, ResponseFacts(400, "No", character * 2000))
    assert 1024 - 4 < len(text.encode()) <= 1024
    assert text.endswith(character)


def test_long_id_leaves_room_for_the_status_and_the_explanation() -> None:
    text = text_of(f"DELETE images/{'i' * 3000}", ResponseFacts(404, "Not Found", "No such image."))
    assert text == f"delete image {'i' * 100}: 404 Not Found: No such image."


def test_lone_surrogate_does_not_break_the_failure_text() -> None:
    explained = explanation(b'{"message": "a\\ud800b"}', "application/json", "")
    assert (
        text_of(cases.CREATE, ResponseFacts(400, "Bad", explained)) == "create image: 400 Bad: a?b"
    )
