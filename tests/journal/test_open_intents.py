"""Which intents are open where the mark behind the copies of a segment is lost."""

from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.open_intents import OpenIntents

ONE, OTHER = b"1" * 16, b"2" * 16
FACTS = b"facts"
SEGMENT = Kind.SEGMENT, b""


def open_after(*applied: tuple[Kind, bytes]) -> dict[bytes, tuple[bytes, bytes | None]]:
    """The open intents after these entries."""
    found = OpenIntents()
    for kind, body in applied:
        found.apply(kind, body)
    found.finish()
    return found.by_key


def test_intent_that_was_not_copied_yet_is_open() -> None:
    applied = (Kind.BEGIN, ONE + FACTS), (Kind.BEGIN, OTHER + FACTS), SEGMENT
    both = {ONE: (FACTS, None), OTHER: (FACTS, None)}
    assert open_after(*applied) == open_after(*applied, (Kind.BEGIN, ONE + FACTS)) == both


def test_intent_that_ended_after_its_copy_is_not_open() -> None:
    applied = (Kind.BEGIN, ONE + FACTS), SEGMENT, (Kind.BEGIN, ONE + FACTS), (Kind.END, ONE)
    assert open_after(*applied) == {}


def test_latest_progress_of_a_download_counts() -> None:
    begun = Kind.BEGIN, ONE + FACTS
    applied = begun, (Kind.PROGRESS, ONE + b"8"), SEGMENT, begun, (Kind.PROGRESS, ONE + b"9")
    assert open_after(*applied) == {ONE: (FACTS, b"9")}


def test_progress_without_an_intent_is_ignored() -> None:
    assert open_after((Kind.PROGRESS, ONE + b"8")) == {}
