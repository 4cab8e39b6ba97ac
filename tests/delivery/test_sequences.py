"""The sequence of each message: by it a reader finds each message that it lacks, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.events.notification import EventType, Message, Priority
from glance_notify_middleware.events.selection import Selection
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.layout import segment_path
from tests.journal.sample_journals import encoded, head, message
from tests.sequences import Gap, gaps

A, B = "a" * 16, "b" * 16
SENDS = Selection(frozenset({(EventType.SEND, Priority.INFO)}))
SEND, UPDATE = EventType.SEND, EventType.UPDATE


class Target:
    """What the reader of a target receives of a directory, whose leader may die."""

    def __init__(self, directory: Path, selection: Selection | None = None) -> None:
        self._directory = directory
        self._selection = selection
        self.received: list[dict[str, Any]] = []
        self.begin_again()

    def begin_again(self) -> None:
        """Go on from the saved cursors, as the next leader does."""
        self.cursors = CursorFile(self._directory, ["target"]).of("target")
        self._subscription = Subscription(self._directory, self.cursors, self._selection)

    def receive(self, *, confirms: bool = True) -> list[dict[str, Any]]:
        """Receive all that is there; returns the sequences, in their order."""
        self._subscription.read()
        waiting = self._subscription.window.waiting()
        if confirms:
            for pending in waiting:
                pending.done = Done.TAKEN
            self._subscription.window.advance()
            self.cursors.save(at_once=True)
        received = [json.loads(pending.message.body) for pending in waiting]
        self.received += received
        return [each["_sequence"] for each in received if "_sequence" in each]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    CursorFile(tmp_path, ["target"]).save(at_once=True)
    return tmp_path


def write(directory: Path, *parts: bytes, identity: str = A, segment: int = 0) -> None:
    segment_path(directory, identity, segment).write_bytes(b"".join((head(), *parts)))


def of_types(*event_types: str) -> list[Message]:
    return [message(event_type=event_type) for event_type in event_types]


def each_alone(*event_types: str, number: int = 0, clock: int = 1) -> list[bytes]:
    """An entry for a message of each type."""
    return [
        encoded([each], number=at, clock=clock + at)
        for at, each in enumerate(of_types(*event_types), number)
    ]


def again(each: Message, *, number: int, clock: int) -> bytes:
    """The entry of a message that is recorded again: it was counted before."""
    body = entries.encode_messages([each])
    crc = entries.checksum(body)
    return entries.encode(Kind.EVENTS, body, crc, count=0, number=number, clock=clock)


def places(sequences: list[dict[str, Any]]) -> list[tuple[int, int | None]]:
    return [(each["number"], each["after"]) for each in sequences]


def test_each_message_names_the_one_before_it_in_its_journal(directory: Path) -> None:
    write(directory, *each_alone(SEND, SEND, SEND))
    write(directory, *each_alone(UPDATE, clock=2), identity=B)
    target = Target(directory)
    assert target.receive() == [
        {"journal": A, "number": 0, "after": None},
        {"journal": A, "number": 1, "after": 0},
        {"journal": B, "number": 0, "after": None},
        {"journal": A, "number": 2, "after": 1},
    ]
    assert gaps(target.received) == []


def test_messages_of_one_entry_name_one_another(directory: Path) -> None:
    write(directory, encoded(of_types(SEND, UPDATE, SEND)))
    assert places(Target(directory).receive(confirms=False)) == [(0, None), (1, 0), (2, 1)]
    assert places(Target(directory, SENDS).receive()) == [(0, None), (2, 0)]


def test_message_names_the_one_before_it_that_its_target_gets(directory: Path) -> None:
    write(directory, *each_alone(UPDATE, SEND, UPDATE, UPDATE, SEND, SEND))
    target = Target(directory, SENDS)
    assert places(target.receive()) == [(1, None), (4, 1), (5, 4)]
    assert gaps(target.received) == []
    assert gaps(target.received[::2]) == [Gap(A, 2, 4)]
    assert gaps(target.received[1:]) == [Gap(A, 0, 1)]


def test_next_leader_gives_each_message_the_same_sequence(directory: Path) -> None:
    written = each_alone(SEND, UPDATE, UPDATE, SEND)
    write(directory, *written)
    target = Target(directory, SENDS)
    target.receive()
    target.begin_again()
    written += each_alone(UPDATE, SEND, SEND, number=4)
    write(directory, *written)
    first = target.receive(confirms=False)
    target.begin_again()
    assert target.receive() == first
    assert places(first) == [(5, 3), (6, 5)]
    assert gaps(target.received) == []


def test_lane_that_begins_again_gives_each_message_the_same_sequence(directory: Path) -> None:
    write(directory, *each_alone(SEND, UPDATE, SEND))
    target = Target(directory, SENDS)
    first = target.receive(confirms=False)
    target._subscription.begin_again()
    assert target.receive() == first


def test_what_a_segment_has_lost_is_a_gap(directory: Path) -> None:
    written = each_alone(SEND, UPDATE, SEND, UPDATE, SEND)
    for position in (2, 3):
        written[position] = written[position][:-1] + b"\0"
    write(directory, *written)
    target = Target(directory, SENDS)
    assert places(target.receive()) == [(0, None), (4, 3)]
    assert gaps(target.received) == [Gap(A, 1, 3)]


def test_loss_before_an_entry_without_messages_is_a_gap(directory: Path) -> None:
    lost, kept = each_alone(SEND, SEND)
    mark = entries.encode(Kind.MARK, b"", entries.checksum(b""), count=0, number=1, clock=2)
    write(directory, lost[:-1] + b"\0", mark, kept)
    target = Target(directory)
    assert places(target.receive()) == [(1, 0)]
    assert gaps(target.received) == [Gap(A, 0, 0)]


def test_segment_that_is_gone_is_a_gap(directory: Path) -> None:
    write(directory, *each_alone(SEND))
    write(directory, *each_alone(SEND, number=3), segment=2)
    target = Target(directory)
    assert places(target.receive()) == [(0, None), (3, 2)]
    assert gaps(target.received) == [Gap(A, 1, 2)]


def test_message_that_is_recorded_again_has_no_sequence(directory: Path) -> None:
    first, second = of_types(SEND, SEND)
    write(directory, encoded([first]), again(first, number=1, clock=2), encoded([second], number=1))
    target = Target(directory)
    assert places(target.receive()) == [(0, None), (1, 0)]
    assert len(target.received) == 3
    assert "_sequence" not in target.received[1]


def test_number_that_was_passed_before_claims_nothing_of_the_one_before_it(directory: Path) -> None:
    """A segment that somebody has removed is written again: a part of it may have been sent."""
    written = each_alone(SEND, SEND, SEND)
    write(directory, *written[:2])
    target = Target(directory)
    target.receive()
    write(directory, *written, segment=1)
    assert places(target.receive()) == [(0, None), (1, None), (2, 1)]
    assert gaps(target.received) == []


def test_new_target_claims_nothing_of_what_was_before_it(directory: Path) -> None:
    written = each_alone(SEND, SEND)
    write(directory, *written)
    later = CursorFile(directory, ["target", "later"]).of("later")
    write(directory, *written, *each_alone(SEND, SEND, number=2))
    subscription = Subscription(directory, later)
    found = [json.loads(each.body) for step in subscription.read() for each in step.messages]
    assert places([each["_sequence"] for each in found]) == [(2, None), (3, 2)]


def test_cursor_of_an_earlier_version_claims_nothing_of_what_was_before_it(
    directory: Path,
) -> None:
    write(directory, *each_alone(SEND))
    target = Target(directory)
    target.receive()
    target.cursors.last.clear()
    target.cursors.move(A, target.cursors.positions[A])
    target.cursors.save(at_once=True)
    write(directory, *each_alone(SEND, SEND, SEND))
    target.begin_again()
    assert places(target.receive()) == [(1, None), (2, 1)]


def test_settled_journal_is_forgotten(directory: Path) -> None:
    write(directory, *each_alone(SEND))
    target = Target(directory)
    target.receive()
    assert target.cursors.content()["last"] == {A: 0}
    target._subscription.forget(A)
    assert target.cursors.content()["last"] == {}
    write(directory, *each_alone(SEND))
    assert places(target.receive()) == [(0, None)]
