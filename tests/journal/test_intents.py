"""Intents: open until they end, and reported when their process dies."""

import os
from pathlib import Path

import pytest

from glance_notify_middleware.events import intent
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.layout import listing, segment_path
from glance_notify_middleware.journal.open_intents import read_open_intents
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal, NotWrittenError
from glance_notify_middleware.runtime.ids import Ids
from tests.journal.fake_leader import FakeLeader
from tests.journal.sample_journals import GIB, MakeJournal, message, segments, write_segment

IDS = Ids()


def begun(event_type: EventType = EventType.UPLOAD, image_id: str = "i1") -> Intent:
    return Intent(
        *(IDS.key(), 1_790_000_000.25, "glance-1", event_type, "upload data of image", image_id),
        *("req-1", "p1", "u1", "192.0.2.7"),
    )


def recorder(journal: Journal) -> JournalRecorder:
    return JournalRecorder(lambda: journal, refuse_when_full=False)


def open_keys(directory: Path) -> set[bytes]:
    """The keys of the open intents in the one journal there."""
    ((identity, numbers),) = listing(directory).segments.items()
    left = read_open_intents(directory, identity, numbers)
    assert left is not None
    return set(left.by_key)


def test_intent_is_open_until_one_entry_ends_it_with_its_events(
    tmp_path: Path, make_journal: MakeJournal
) -> None:
    journal = make_journal()
    with_events, came_to_nothing, still_open = begun(), begun(), begun()
    for each in (with_events, came_to_nothing, still_open):
        recorder(journal).begin(each)
    assert open_keys(tmp_path) == {with_events.key, came_to_nothing.key, still_open.key}
    journal.record([message(), message()], with_events.key)
    recorder(journal).record([], came_to_nothing)
    assert open_keys(tmp_path) == {still_open.key}
    kinds = [each.kind for each in entries.scan(segments(tmp_path)[0].read_bytes())]
    assert kinds == [Kind.SEGMENT, Kind.MARK, *[Kind.BEGIN] * 3, Kind.EVENTS, Kind.END]


def test_next_segment_has_copies_of_the_open_intents_so_that_older_ones_can_go(
    tmp_path: Path, make_journal: MakeJournal
) -> None:
    journal = make_journal(segment_size=1500)
    download, ended = begun(EventType.SEND), begun()
    recorder(journal).begin(download)
    recorder(journal).begin(ended)
    recorder(journal).progress(download, Progress(7, "o1"))
    journal.record([message()], ended.key)
    while len(segments(tmp_path)) < 4:
        journal.record([message(bytes(400))])
    for old in segments(tmp_path)[:-1]:
        old.unlink()
    ((identity, numbers),) = listing(tmp_path).segments.items()
    left = read_open_intents(tmp_path, identity, numbers)
    assert left is not None
    assert left.is_complete
    ((key, (facts, progress)),) = left.by_key.items()
    assert intent.decode(key, facts) == download
    assert intent.decode_progress(progress) == Progress(7, "o1")


def test_segment_without_its_mark_does_not_hold_all_open_intents(tmp_path: Path) -> None:
    one, two = begun(), begun()
    write_segment(tmp_path, "0" * 16, [])
    first, second = (segment_path(tmp_path, "0" * 16, number) for number in (0, 1))
    head = first.read_bytes()
    first.write_bytes(head + _entry(Kind.MARK) + _begin(one) + _begin(two))
    second.write_bytes(head + _begin(one))  # its process died in the middle of the copies
    assert open_keys(tmp_path) == {one.key, two.key}
    second.write_bytes(head + _begin(one) + _entry(Kind.MARK))
    assert open_keys(tmp_path) == {one.key}
    first.unlink()
    second.write_bytes(head + _begin(one))  # the mark is damaged, and nothing else is left
    assert open_keys(tmp_path) == {one.key}


def _entry(kind: Kind, body: bytes = b"") -> bytes:
    return entries.encode(kind, body, entries.checksum(body), count=0, number=0, clock=1)


def _begin(one: Intent) -> bytes:
    return _entry(Kind.BEGIN, one.key + intent.encode(one))


def test_open_intents_of_a_dead_process_are_reported_once_and_its_files_removed(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    upload, download, ended = begun(), begun(EventType.SEND), begun()
    for each in (upload, download, ended):
        recorder(journal).begin(each)
    recorder(journal).progress(download, Progress(2**26, "o1"))
    journal.record([message()], ended.key)
    journal.close()  # as if its process died
    leader = FakeLeader(tmp_path)
    leader.settle()
    assert leader.unknown == [
        intent.unknown_outcome(upload, Progress()),
        intent.unknown_outcome(download, Progress(2**26, "o1")),
    ]
    assert not segments(tmp_path)
    assert not listing(tmp_path).live_files
    leader.close()


def test_files_of_a_dead_process_stay_until_its_unknown_outcomes_are_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    recorder(journal).begin(begun())
    journal.close()  # as if its process died
    leader = FakeLeader(tmp_path)
    leader.has_room = False
    leader.settle()
    assert segments(tmp_path)
    assert listing(tmp_path).live_files
    leader.has_room = True
    leader.settle()
    assert len(leader.unknown) == 1
    assert not segments(tmp_path)
    assert "has died in the middle of 1 operations" in caplog.text
    leader.close()


def test_open_intent_is_reported_before_delivery_and_not_by_a_later_leader_again(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    recorder(journal).begin(begun())
    journal.record([message()])
    journal.close()  # as if its process died
    first = FakeLeader(tmp_path)
    for _ in range(3):
        first.survey()  # nothing is read or delivered
    assert len(first.unknown) == 1
    assert segments(tmp_path)
    first.close()
    second = FakeLeader(tmp_path)
    second.settle()
    assert second.unknown == []
    assert not segments(tmp_path)
    second.close()


def test_journal_of_a_newer_version_is_left_to_a_relay_of_that_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_segment(tmp_path, "0" * 16, [])
    path = segment_path(tmp_path, "0" * 16, 0)
    with monkeypatch.context() as later:
        later.setattr(entries, "VERSION", entries.VERSION + 1)
        path.write_bytes(path.read_bytes() + _begin(begun()))
    assert read_open_intents(tmp_path, "0" * 16, [0]) is None


def test_end_that_could_not_be_written_is_written_by_maintenance(
    tmp_path: Path, make_journal: MakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal()
    one = begun()
    recorder(journal).begin(one)
    with monkeypatch.context() as full:
        full.setattr(os, "write", _no_room)
        with pytest.raises(NotWrittenError):
            journal.record([message()], one.key)
        recorder(journal).record([], one)
    assert open_keys(tmp_path) == {one.key}
    journal.maintain()
    assert open_keys(tmp_path) == set()


def _no_room(fd: int, data: bytes) -> int:
    raise OSError(28, os.strerror(28))


def test_turnover_without_room_stays_in_the_old_segment_and_uses_up_a_number(
    tmp_path: Path, make_journal: MakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(segment_size=600)
    one = begun()
    recorder(journal).begin(one)
    journal.record([message(bytes(500))])
    write = os.write
    with monkeypatch.context() as full:

        def only_to_the_old(fd: int, data: bytes) -> int:
            return _no_room(fd, data) if data.count(b"\xff\xfeGN") > 1 else write(fd, data)

        full.setattr(os, "write", only_to_the_old)
        for _ in range(3):
            journal.record([message(bytes(500))])
    assert len(segments(tmp_path)) == 1
    for _ in range(3):
        journal.record([message(bytes(500))])
    numbers = sorted(int(path.name.split(".")[1]) for path in segments(tmp_path))
    assert numbers[0] == 0
    assert numbers[1] > 1
    assert open_keys(tmp_path) == {one.key}


def test_intent_leaves_no_trace_in_a_full_journal(
    tmp_path: Path, make_journal: MakeJournal
) -> None:
    journal = make_journal()
    journal.open()
    journal.health.is_full = True
    one = begun()
    recorder(journal).begin(one)
    recorder(journal).progress(one, Progress(1))
    recorder(journal).record([], one)
    kinds = [each.kind for each in entries.scan(segments(tmp_path)[0].read_bytes())]
    assert kinds == [Kind.SEGMENT, Kind.MARK]


def test_unknown_outcome_has_what_is_known_and_nothing_else() -> None:
    upload, download = begun(image_id="i\n1"), begun(EventType.SEND)
    unknown = intent.unknown_outcome(upload, Progress())
    assert (unknown.event_type, unknown.priority) == (EventType.UPLOAD, Priority.ERROR)
    assert unknown.payload == (
        "upload data of image i 1: the outcome is unknown: the process that served it died"
    )
    assert unknown.timestamp == upload.timestamp
    assert unknown.message_id.replace("-", "") == upload.key.hex()
    assert intent.unknown_outcome(download, Progress(5, "o1")).payload == {
        **{"image_id": "i1", "owner_id": "o1", "receiver_tenant_id": "p1"},
        **{"receiver_user_id": "u1", "destination_ip": "192.0.2.7", "bytes_sent": 5},
    }


def test_running_download_is_reminded_every_few_seconds_and_held_weakly(
    make_journal: MakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Running:
        due = 100.0

    journal = make_journal()
    one, gone = Running(), Running()
    recorder(journal).remind(one)
    recorder(journal).remind(gone)
    del gone
    journal.open()
    journal.maintain()
    assert one.due == 0
    one.due = 100.0
    journal.maintain()
    assert one.due == 100.0
    monkeypatch.setattr("glance_notify_middleware.journal.reminders.time.monotonic", lambda: 1e12)
    journal.maintain()
    assert one.due == 0
