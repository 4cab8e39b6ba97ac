"""What the plain JSON of a notification is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events import failure
from glance_notify_middleware.events.failure import TRIED, UNKNOWN_OUTCOME
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import Action
from glance_notify_middleware.events.reading import image_id, is_unknown_outcome
from tests.events.cases import IMAGE
from tests.events.notifications import SENT, fields

TRIED_ON_AN_IMAGE = sorted({*TRIED.values()} - {TRIED[Action.TASK]})


@pytest.mark.parametrize("tried", TRIED_ON_AN_IMAGE)
def test_image_is_read_from_the_text_of_a_failure(tried: str) -> None:
    for ended in ("404 Not Found", "404: no image: x", f"{UNKNOWN_OUTCOME}: died"):
        assert failure.image_in(f"{tried} {IMAGE}: {ended}") == IMAGE
        assert failure.image_in(f"{tried}: {ended}") is None


@given(st.sampled_from(sorted(TRIED.values())), st.none() | st.text(), st.text())
def test_text_of_an_unknown_outcome_is_known_by_its_words(
    tried: str, image: str | None, why: str
) -> None:
    if ": " not in f"{image} ":
        assert failure.is_unknown_outcome(failure.unknown_outcome_text(tried, image, why))


@pytest.mark.parametrize(
    "text",
    [
        f"update image {IMAGE}: 400 Bad Request: {UNKNOWN_OUTCOME}: x",
        f"create image: 400 Bad Request: {UNKNOWN_OUTCOME}: x",
        f"{UNKNOWN_OUTCOME}: x",
        IMAGE,
    ],
)
def test_text_with_the_words_of_an_unknown_outcome_elsewhere_is_none(text: str) -> None:
    assert not failure.is_unknown_outcome(text)


def test_task_is_no_image() -> None:
    text = failure.unknown_outcome_text(TRIED[Action.TASK], IMAGE)
    made = fields(EventType.CREATE, text, Priority.ERROR)
    assert image_id(made) is None
    assert is_unknown_outcome(made)


def test_id_that_is_no_text_is_none() -> None:
    assert image_id(fields(payload={"image_id": 7})) is None


def test_notification_that_is_no_error_has_a_known_outcome() -> None:
    assert not is_unknown_outcome(fields(payload=SENT))
