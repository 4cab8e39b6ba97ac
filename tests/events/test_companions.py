"""The texts of a request, as a message has them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events.bounds import LONGEST_PATH, LONGEST_USER_AGENT
from glance_notify_middleware.events.companions import url_path, user_agent
from tests.events.contract import WSGI_TEXT
from tests.events.notifications import fields


def wsgi(text: str) -> str:
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("curl/8.5.0", "curl/8.5.0"),
        (wsgi("Größe/1"), "Größe/1"),
        ("a\x00b\x1bc\x7fd", "a b c d"),
        (wsgi("a\u202eb\u2028c"), "a b c"),
        ("\xffx", "\ufffdx"),
        (" \t ", None),
        ("", None),
        (None, None),
    ],
)
def test_user_agent_has_printable_characters_alone(header: str | None, text: str | None) -> None:
    assert user_agent(header) == text


@given(WSGI_TEXT)
def test_user_agent_of_any_bytes_is_printable_and_bounded(header: str) -> None:
    text = user_agent(header * 9)
    assert text is None or (text.isprintable() and 0 < len(text) <= LONGEST_USER_AGENT)


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/v2/images/55354b8b-28d8-4e35-aa1e-20e5222c93a9/file", None),
        ("/image/v2/images/i/tags/a:b@c,d;e=f", None),
        ("/v2/images/a b", "/v2/images/a%20b"),
        ("/v2/images/a?b#c", "/v2/images/a%3Fb%23c"),
        (wsgi("/v2/images/i/tags/ö"), "/v2/images/i/tags/%C3%B6"),
        ("/v2/images\n", "/v2/images%0A"),
        ("/%41", "/%2541"),
    ],
)
def test_path_is_percent_encoded_as_it_was_asked_for(path: str, encoded: str | None) -> None:
    assert url_path(path) == (encoded or path)


@given(st.none() | WSGI_TEXT)
def test_path_of_any_bytes_is_a_path(path: str | None) -> None:
    encoded = url_path(path)
    assert encoded is None if path is None else re.fullmatch(r"[!-~]*", encoded or "")
    assert "?" not in (encoded or "")


def test_message_has_the_texts_made_readable() -> None:
    made = fields(user_agent="a\x00b", path="/a b", method="GET", status=206)
    assert made["_context_user_agent"] == "a b"
    assert made["_context_path"] == "/a%20b"
    assert (made["_context_method"], made["_context_status"]) == ("GET", 206)
    assert fields(path="\xff" * LONGEST_PATH)["_context_path"] == "%FF" * LONGEST_PATH
