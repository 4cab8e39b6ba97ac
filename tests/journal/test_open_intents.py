"""Which intents are open where the mark behind the copies of a segment is lost."""

from pathlib import Path

import pytest

from glance_notify_middleware.journal import open_intents
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.open_intents import OpenIntents
from tests.journal.sample_journals import MakeJournal, message, record_each, segments

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


def test_reading_them_gives_way_once_in_64_kib(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader may be a thread among those of requests."""
    given: list[None] = []
    monkeypatch.setattr(open_intents, "give_way", lambda: given.append(None))
    journal = make_journal()
    record_each(journal, [message(bytes(1000)) for _ in range(500)])
    assert open_intents.read_open_intents(tmp_path, str(journal.identity), [0]) is not None
    size = sum(path.stat().st_size for path in segments(tmp_path))
    assert len(given) == size // (66 * 1024)
