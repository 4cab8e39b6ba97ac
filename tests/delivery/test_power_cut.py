"""What is moved to another file is on the disk before it may be removed from the first one."""

import errno
import logging
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY
from glance_notify_middleware.delivery.cursors import Cursors, add_strategies
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.events.intent import Intent, encode
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import listing, live_path
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.runtime.ids import Ids
from glance_notify_middleware.strategies import Outcome
from tests.delivery.dispatcher_harness import WARN, DispatcherHarness, message_with_id, warning
from tests.delivery.file_broker import AppendingStrategy, FileBroker
from tests.delivery.scripted_strategy import respond, take_all, unroutable
from tests.journal.fake_leader import FakeLeader, read_totals, write_dead_process
from tests.journal.power_cut import PowerCut
from tests.journal.processes import eventually
from tests.journal.sample_journals import GIB, message, segments, write_segment
from tests.runtime.logged import logged_lines

A = "a" * 16
ERROR = Priority.ERROR


@pytest.fixture
def power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PowerCut:
    return PowerCut(tmp_path, monkeypatch)


def at_each_move(
    monkeypatch: pytest.MonkeyPatch, look: Callable[[], None], method: str = "move"
) -> None:
    """Call `look` before each move of a cursor."""
    move = getattr(Cursors, method)

    def moved(cursors: Cursors, *place: object) -> None:
        look()
        move(cursors, *place)

    monkeypatch.setattr(Cursors, method, moved)


def look_before_removal(monkeypatch: pytest.MonkeyPatch, look: Callable[[Path], None]) -> None:
    """Call `look` before a segment is removed."""
    unlink = Path.unlink

    def removed(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".seg":
            look(path)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", removed)


def content_left(power: PowerCut) -> bytes:
    """The content of all files that a power cut would leave."""
    return b"".join(power.left().values())


def upload() -> Intent:
    """The intent of a new operation."""
    return Intent(Ids().key(), 1.0, "host", EventType.UPLOAD, "upload data", "i1", *["x"] * 4)


@pytest.mark.parametrize("together", [False, True], ids=["one step each", "one step"])
def test_messages_set_aside_are_on_the_disk_before_the_cursor_passes_them(
    together: bool, harness: DispatcherHarness, power: PowerCut, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.strategy.choose = unroutable(WARN, ERROR)
    made = [warning(), message(priority=ERROR), warning()]
    moves: list[bytes] = []
    at_each_move(monkeypatch, lambda: moves.append(content_left(power)))
    harness.take(*made, together=together)
    harness.send_all()
    assert harness.done == 3
    assert len(moves) == (1 if together else 3)
    for left in moves:
        assert all(each.message_id.encode() in left for each in made)


def test_one_sync_serves_all_messages_that_a_batch_sets_aside(
    harness: DispatcherHarness, power: PowerCut, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def count(fd: int) -> None:
        synced.append(fd)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", count)
    harness.strategy.choose = unroutable(WARN)
    harness.take(*(warning() for _ in range(300)))
    harness.send_all()
    assert harness.done == 300
    assert len(synced) == 2, "the file and its directory"
    assert power.left()


def test_dead_letter_is_on_the_disk_before_the_cursor_passes_it(
    harness: DispatcherHarness, power: PowerCut, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.strategy.choose = lambda _: Outcome.REJECTED
    ids = harness.take(message_with_id(), message_with_id())
    moves: list[bytes] = []
    at_each_move(monkeypatch, lambda: moves.append(content_left(power)))
    harness.send_all()
    assert harness.done == 2
    assert moves
    for left in moves:
        assert all(each.encode() in left for each in ids)


def test_dead_letter_of_a_set_aside_message_is_on_the_disk_before_the_aside_cursor_passes_it(
    harness: DispatcherHarness, power: PowerCut, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.strategy.choose = unroutable(WARN)
    made = message_with_id(WARN)
    harness.take(made)
    harness.send_all()
    left: list[dict[str, bytes]] = []
    at_each_move(monkeypatch, lambda: left.append(power.left()), "move_aside")
    harness.strategy.choose = lambda _: Outcome.REJECTED
    for _ in range(4):
        harness.wait(ASIDE_RETRY)
        harness.send_all()
    assert left
    (dead,) = (content for name, content in left[0].items() if name.startswith("dead-"))
    assert made.message_id.encode() in dead


@pytest.mark.parametrize("outcome", [Outcome.UNROUTABLE, Outcome.REJECTED])
def test_message_that_cannot_be_synced_stays_in_the_journal_and_is_logged_once(
    outcome: Outcome,
    harness: DispatcherHarness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    harness.strategy.choose = respond(outcome, WARN)
    harness.take(message_with_id(WARN))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        harness.send_all()
        assert harness.done == 0
    lines = [line for line in logged_lines(caplog, logging.ERROR) if "cannot sync" in line]
    assert lines == ["scripted cannot sync what it has kept: [Errno 5] Input/output error"]
    harness.send_all()
    assert harness.done == 1


def test_aside_file_is_removed_only_after_its_cursor_is_on_the_disk(
    harness: DispatcherHarness, power: PowerCut
) -> None:
    """A power cut could bring an older cursor back, which would skip messages of the next file."""
    harness.strategy.choose = unroutable(WARN)
    harness.take(*(warning() for _ in range(5)))
    harness.send_all()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert not harness.aside_files()
    saved = checksummed.loads(power.left()["cursors.json"]) or {}
    assert saved["scripted"]["aside"] == {"WARN": 0}


def test_unknown_outcomes_are_on_the_disk_before_the_segments_go(
    journal_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with journal_sync = normal: the segments that have the intents are removed then."""
    dead = Journal(journal_dir, max_size=GIB)
    begun = [upload() for _ in range(9)]
    for each in begun:
        dead.begin(each.key, encode(each))
    dead.close()
    power = PowerCut(journal_dir, monkeypatch)
    looks: dict[str, bytes] = {}
    look_before_removal(monkeypatch, lambda path: looks.update({path.name: content_left(power)}))
    broker = FileBroker(tmp_path / "broker")
    chosen = config.read(
        {"notifier_strategy": "rabbit", "journal_dir": str(journal_dir), "relay": "external"},
        "this-host",
    )
    relay = assembly.relay(chosen, {"rabbit": lambda: AppendingStrategy(broker.path)}, Host())
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: dead.identity not in listing(journal_dir).live_files)
    finally:
        relay.stop()
        thread.join()
    left = looks[f"{dead.identity}.0.seg"]
    assert all(str(uuid.UUID(bytes=each.key)).encode() in left for each in begun)


def test_copy_of_an_open_intent_is_on_the_disk_before_the_first_segment_goes(
    tmp_path: Path, power: PowerCut, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, max_size=GIB, segment_size=1500)
    begun = upload()
    journal.begin(begun.key, encode(begun))
    while len(segments(tmp_path)) < 4:
        journal.record([message(bytes(400))])
    leader = FakeLeader(tmp_path)
    looks: list[bool] = []
    look_before_removal(monkeypatch, lambda _: looks.append(begun.key in content_left(power)))
    leader.deliver()
    leader.survey(journal.identity)
    monkeypatch.undo()
    assert len(segments(tmp_path)) == 1
    assert looks == [True] * 3
    leader.close()
    journal.close()


def test_totals_are_on_the_disk_before_the_live_file_goes(tmp_path: Path, power: PowerCut) -> None:
    write_dead_process(tmp_path, A, 2)
    leader = FakeLeader(tmp_path)
    leader.settle()
    assert read_totals(tmp_path)[0] == {"image.update INFO": 2}
    assert power.left()["totals.json"] == (tmp_path / "totals.json").read_bytes()
    leader.close()


def test_cursor_of_an_added_strategy_is_on_the_disk_before_anything_is_recorded(
    tmp_path: Path, power: PowerCut
) -> None:
    """A power cut would else have it begin later, behind messages that were recorded for it."""
    write_segment(tmp_path, A, [(1, message())])
    checksummed.replace(tmp_path / "cursors.json", {"rabbit": {}})
    add_strategies(tmp_path, ["rabbit", "qpid"])
    left = checksummed.loads(power.left()["cursors.json"]) or {}
    assert left["qpid"]["positions"].keys() == {A}


def test_synced_journal_survives_a_power_cut_with_any_setting(
    tmp_path: Path, power: PowerCut
) -> None:
    journal = Journal(tmp_path, max_size=GIB, segment_size=700)
    made = [message(bytes(300)) for _ in range(6)]
    for each in made:
        journal.record([each])
    journal.sync()
    left = content_left(power)
    assert all(each.message_id.encode() in left for each in made)
    journal.close()


@pytest.mark.parametrize(
    "also_its_live_file", [False, True], ids=["the segment", "the live file, too"]
)
def test_segment_that_was_removed_under_a_living_process_is_on_the_disk_again(
    also_its_live_file: bool, tmp_path: Path, power: PowerCut
) -> None:
    """With journal_sync = full, as it was before the removal."""
    journal = Journal(tmp_path, max_size=GIB, sync=True)
    journal.open()
    journal.maintain()
    made = [message() for _ in range(3)]
    for each in made:
        journal.record([each])
    for path in segments(tmp_path):
        path.unlink()
    if also_its_live_file:
        live_path(tmp_path, str(journal.identity)).unlink()
    journal.maintain()
    left = content_left(power)
    assert all(each.message_id.encode() in left for each in made)
    journal.close()
