"""The texts of WARN and ERROR events: one line each, with nothing secret in it."""

import html
import json
import re

from glance_notify_middleware.events.escaping import NOT_ESCAPED_BY_JSON
from glance_notify_middleware.events.exchange import Exchange
from glance_notify_middleware.events.operations import Action, Operation

BYTES_READ = 4096
"""How many bytes of the body of an error response are looked at."""

_LONGEST_TEXT = 1024  # bytes
_LONGEST_ID = 100  # characters, so that the rest of a text has room

TRIED = {
    Action.CREATE: "create image",
    Action.UPLOAD: "upload data of image",
    Action.STAGE: "stage data of image",
    Action.PATCH: "update image",
    Action.DEACTIVATE: "deactivate image",
    Action.REACTIVATE: "reactivate image",
    Action.TAG: "tag image",
    Action.STORE_DELETE: "delete from a store the data of image",
    Action.DELETE: "delete image",
    Action.IMPORT: "import data of image",
    Action.ADD_LOCATION: "add a location to image",
    Action.TASK: "import an image by task",
    Action.MEMBER_CREATE: "add a member to image",
    Action.MEMBER_UPDATE: "update a member of image",
    Action.MEMBER_DELETE: "remove a member from image",
    Action.CREATE_V1: "create image",
    Action.UPDATE_V1: "update image",
    Action.MEMBERS_V1: "replace the members of image",
}
"""What an operation tries, in words; the image id may follow. A download has no text: its payload
has the fields of image.send."""

UNKNOWN_OUTCOME = "the outcome is unknown"
"""Stands in the text for an operation whose end nobody has seen."""

_TASK = TRIED[Action.TASK]
_TRIED = "|".join(re.escape(tried) for tried in sorted({*TRIED.values()} - {_TASK}))
_OF_IMAGE = re.compile(rf"(?:{_TRIED}) (?P<image>.*?): ")
"""The beginning of a text that names an image. An import by task names its task."""
_UNKNOWN = re.compile(rf"(?:{_TRIED}|{_TASK})(?>(?: .*?)?: ){UNKNOWN_OUTCOME}: ")


def text(exchange: Exchange) -> str:
    """What was tried, on which image, and how it ended: at most 1 KiB.

    It ended with the class of the exception that the application raised, or with the status, or
    without any answer.
    """
    operation, response = exchange.operation, exchange.response
    if response.error is not None:
        ended = f"the application raised {response.error}"
    elif response.status is None:
        ended = "the application gave no answer"
    else:
        ended = f"{response.status} {_one_line(response.reason)}".strip()
    # The error pages of WebOb begin with the status, which the text already has.
    explained = response.explanation.removeprefix(ended).strip()
    tried = _tried(TRIED[operation.action], operation.image_id)
    return _cut(": ".join([tried, ended, *([explained] if explained else [])]))


def background_text(operation: Operation, how: str) -> str:
    """The text for background work that failed; `how` describes how the failure shows."""
    return _cut(f"{_tried(TRIED[operation.action], operation.subject_id)}: {_one_line(how)}")


def unknown_outcome_text(
    tried: str, image_id: str | None, why: str = "the process that served it died"
) -> str:
    """The text for an operation whose end nobody has seen."""
    return f"{_tried(tried, image_id)}: {UNKNOWN_OUTCOME}: {why}"


def image_in(text: str) -> str | None:
    """The id of the image that a text of this module names; None where it names none."""
    found = _OF_IMAGE.match(text)
    return (found["image"] or None) if found else None


def is_unknown_outcome(text: str) -> bool:
    """Whether a text of this module is that of an operation whose end nobody has seen."""
    return _UNKNOWN.match(text) is not None


def _cut(text: str) -> str:
    return text.encode(errors="replace")[:_LONGEST_TEXT].decode(errors="ignore")


def _tried(tried: str, image_id: str | None) -> str:
    """An id of a client's choice has no colon: the first one ends what was tried."""
    if image_id is None:
        return tried
    return f"{tried} {_one_line(image_id)[:_LONGEST_ID].replace(':', '%3A')}"


# A client can choose what Glance puts into an error. The repetitions in _HIDDEN_ELEMENT and in the
# scheme of _URL are bounded, so that no text takes a time that grows with the square of its length.
_HIDDEN_ELEMENT = re.compile(r"<(head|script|style)\b.{0,500}?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[a-z/!][^>]*(>|$)", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,30}(:|%3a)(/|%2f){2}(\s?\S+)?", re.IGNORECASE)
_USERINFO = re.compile(r"(?<!\S)[^\s:]++:[^\s@]*+@\S*+")  # a URL without its scheme
_PATH = re.compile(r"(?<!\w)/[^\s'\"<>,;()]+")
_BLANK = re.compile(rf"[\s\x00-\x1f{NOT_ESCAPED_BY_JSON}]+")


def explanation(body: bytes, content_type: str, content_encoding: str) -> str:
    """What the body of an error response explains, on one line, with nothing secret in it.

    `body` is the first BYTES_READ bytes of it. The result is empty for a compressed body. URLs,
    which can hold the credentials of a store, and absolute paths are replaced.
    """
    if content_encoding.lower() not in ("", "identity"):
        return ""
    text = body.decode(errors="replace")
    if "json" in content_type.lower():
        text = _json_message(text)
    text = _TAG.sub(" ", _HIDDEN_ELEMENT.sub(" ", text))
    text = html.unescape(html.unescape(text))  # Glance can have escaped the explanation already
    text = _URL.sub("<url>", _one_line(text))
    return _PATH.sub("<path>", _USERINFO.sub("<url>", text))


def _json_message(text: str) -> str:
    """The `message` of a JSON error, at the top or one level below; `text` if there is none."""
    try:
        error = json.loads(text)
    except (ValueError, RecursionError):
        return text
    candidates = [error, *error.values()] if isinstance(error, dict) else []
    for candidate in candidates:
        if isinstance(candidate, dict) and isinstance(candidate.get("message"), str):
            return str(candidate["message"])
    return text


def _one_line(text: str) -> str:
    return _BLANK.sub(" ", text).strip()
