"""The promise of the sequences, in histories of journals and leaders that are made at random."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.settling import Settling
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.events.notification import EventType, Message, Priority
from glance_notify_middleware.events.selection import ALL_KINDS, Selection
from glance_notify_middleware.journal import checksummed, entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.layout import live_path, segment_path
from tests.journal.sample_journals import encoded, head, message
from tests.sequences import Gap, gaps

STEPS = 60
SELECTIONS = {
    "all": None,
    "sends": Selection(frozenset({(EventType.SEND, Priority.INFO)})),
    "project": Selection(ALL_KINDS, frozenset({"mine"}), deletes_by_id=True),
}


class Process:
    """What one process records. `messages` are by number; those with the numbers `damaged` cannot
    be read."""

    def __init__(self, directory: Path, identity: str) -> None:
        self.identity = identity
        self.messages: list[Message] = []
        self.damaged: set[int] = set()
        self._directory = directory
        self._segment = -1
        self.turn_over(0)

    def record(self, chance: random.Random, clock: int) -> None:
        """One entry with some messages; a few entries are damaged."""
        number = len(self.messages)
        made = [_any_message(chance) for _ in range(chance.choice([1, 1, 2, 4]))]
        data = bytearray(encoded(made, number=number, clock=clock))
        self.messages += made
        if chance.random() < 0.1:
            data[-1] ^= 0x55
            self.damaged |= set(range(number, len(self.messages)))
        self._append(bytes(data))

    def record_again(self, clock: int) -> None:
        """An entry whose messages were counted before."""
        self._append(self._counting_nothing(Kind.EVENTS, [message(b'{"payload":{}}')], clock))

    def turn_over(self, clock: int) -> None:
        """Begin the next segment."""
        self._segment += 1
        self._append(head() + self._counting_nothing(Kind.MARK, [], clock))

    def die(self) -> None:
        """Leave a live file that nobody has locked."""
        content = {"number": len(self.messages), "recorded": {}, "dropped": {}}
        live_path(self._directory, self.identity).write_bytes(checksummed.dumps(content))

    def _counting_nothing(self, kind: Kind, made: list[Message], clock: int) -> bytes:
        body = entries.encode_messages(made) if made else b""
        crc = entries.checksum(body)
        return entries.encode(kind, body, crc, count=0, number=len(self.messages), clock=clock)

    def _append(self, data: bytes) -> None:
        with segment_path(self._directory, self.identity, self._segment).open("ab") as segment:
            segment.write(data)


class History:
    """Processes, and leaders one after another; `received` is what the reader of each target has,
    with the messages of dead letters and aside files."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.received: dict[str, list[dict[str, Any]]] = {name: [] for name in SELECTIONS}
        self.processes: list[Process] = []
        self._chance = random.Random(seed)
        self._directory = directory
        self._clock = 1
        CursorFile(directory, SELECTIONS).save(at_once=True)
        self._living = [self._new_process(), self._new_process()]
        self._lead()

    def play(self) -> None:
        """Let STEPS things happen, then all processes end, and all is delivered."""
        for _ in range(STEPS):
            self._clock += 1
            self._happen()
        for process in self._living:
            process.die()
        for _ in range(6):
            self._settling.survey(lambda: None)
            for name in SELECTIONS:
                self._deliver(name, [Done.TAKEN])
        assert not list(self._directory.glob("*.seg"))
        self._settling.close()

    def _happen(self) -> None:
        chance, process = self._chance, self._chance.choice(self._living)
        match chance.choices(range(6), [12, 2, 2, 8, 2, 1])[0]:
            case 0:
                process.record(chance, self._clock)
            case 1:
                process.record_again(self._clock)
            case 2:
                process.turn_over(self._clock)
            case 3:
                outcomes = [Done.TAKEN, Done.TAKEN, Done.DEAD, Done.ASIDE, None]
                self._deliver(chance.choice(list(SELECTIONS)), outcomes)
            case 4:
                self._settling.survey(lambda: None)
            case _:
                self._end_one_of(process)

    def _end_one_of(self, process: Process) -> None:
        """The leader, a lane, or a process."""
        match self._chance.randrange(3):
            case 0:
                self._settling.close()
                self._lead()
            case 1:
                self._subscriptions[self._chance.choice(list(SELECTIONS))].begin_again()
            case _:
                process.die()
                self._living[self._living.index(process)] = self._new_process()

    def _deliver(self, name: str, outcomes: list[Done | None]) -> None:
        """Send what there is. A message without an outcome may have come all the same."""
        subscription = self._subscriptions[name]
        subscription.read()
        subscription.read_on()
        for pending in subscription.window.waiting():
            pending.done = self._chance.choice(outcomes)
            if pending.done or self._chance.random() < 0.5:
                self.received[name].append(json.loads(pending.message.body))
        subscription.window.advance()
        if self._chance.random() < 0.5:
            subscription.cursors.save(at_once=True)

    def _lead(self) -> None:
        file = CursorFile(self._directory, SELECTIONS)
        self._subscriptions = {
            name: Subscription(self._directory, file.of(name), selection)
            for name, selection in SELECTIONS.items()
        }
        everyone = list(self._subscriptions.values())
        self._settling = Settling(self._directory, everyone, lambda unknown: True)

    def _new_process(self) -> Process:
        process = Process(self._directory, f"{len(self.processes):016x}")
        self.processes.append(process)
        return process


def _any_message(chance: random.Random) -> Message:
    event_type = chance.choice([EventType.SEND, EventType.UPDATE, EventType.DELETE])
    payload = {"id": "1", "owner": chance.choice(["mine", "other"])}
    body = json.dumps({"payload": payload}).encode()
    return message(body, event_type=event_type, priority=chance.choice(list(Priority)))


@pytest.mark.parametrize("seed", range(12))
def test_reader_finds_each_message_that_it_lacks_and_no_other(seed: int, tmp_path: Path) -> None:
    history = History(tmp_path, seed)
    history.play()
    for name, selection in SELECTIONS.items():
        received = [each for each in history.received[name] if "_sequence" in each]
        sequences = {json.dumps(each["_sequence"]) for each in received}
        places = {_place(each) for each in received}
        assert len(sequences) == len(places), "a message has one sequence, however often it comes"
        for process in history.processes:
            had = {number for journal, number in places if journal == process.identity}
            wanted = {
                number
                for number, each in enumerate(process.messages)
                if selection is None or selection.message(each) is not None
            }
            assert had == wanted - process.damaged
            lacked = {number for number in wanted - had if number < max(had, default=0)}
            found = [gap for gap in gaps(received) if gap.journal == process.identity]
            assert {gap.last for gap in found} <= process.damaged
            assert lacked <= _numbers(found)
            for number in sorted(had)[:-1]:
                place = process.identity, number
                rest = gaps(each for each in received if _place(each) != place)
                assert number in _numbers([gap for gap in rest if gap.journal == process.identity])


def _place(received: dict[str, Any]) -> tuple[str, int]:
    return received["_sequence"]["journal"], received["_sequence"]["number"]


def _numbers(found: list[Gap]) -> set[int]:
    return {number for gap in found for number in range(gap.first, gap.last + 1)}
