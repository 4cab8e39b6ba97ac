"""A broker that takes some messages and not others, and processes that record and relay to it.

The processes are to be killed: what arrives is in files, which outlive them.
"""

import os
import random
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.file_broker import AppendingStrategy, make_relay
from tests.journal.sample_journals import GIB

SEGMENT = 16 * 1024  # bytes
TARGETS = ("rabbit", "qpid")
MOODS = ("no queue", "full", "shaky")
"""A file of one of these names makes the broker so."""


class MoodyStrategy:
    """Sends to a broker of this mood. It never takes every fourth ERROR."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._taking = AppendingStrategy(folder / name)

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        moods = {mood for mood in MOODS if (self._folder / mood).exists()}
        outcomes = [_outcome(message, moods) for message in batch]
        if "shaky" in moods and random.random() < 0.3:
            outcomes = outcomes[: len(outcomes) // 2]
        taken = [each for each, how in zip(batch, outcomes, strict=False) if how is Outcome.TAKEN]
        self._taking.send(taken)
        if len(outcomes) < len(batch):
            raise SendError("it was lost", outcomes)
        return outcomes

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        pass


def _outcome(message: Message, moods: set[str]) -> Outcome:
    number = uuid.UUID(message.message_id).int
    if message.priority is Priority.WARN and "no queue" in moods:
        return Outcome.UNROUTABLE
    if message.priority is Priority.INFO and "full" in moods and number % 9 == 0:
        return Outcome.REFUSED
    if message.priority is Priority.ERROR and number % 4 == 0:
        return Outcome.REJECTED
    return Outcome.TAKEN


def relay_for_ever(directory: Path, folder: Path) -> None:
    """What a process runs: a relay to both targets."""
    rabbit, qpid = (lambda name=name: MoodyStrategy(folder, name) for name in TARGETS)
    make_relay(directory, rabbit, qpid=qpid).run()


def record_for_ever(directory: Path, log: Path, seed: int) -> None:
    """What a process runs: it records, and maintains its journal. It appends to `log` a line for
    each message: `?` and its id before it is recorded, `!` after."""
    chance = random.Random(seed)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    journal = Journal(directory, max_size=GIB, segment_size=SEGMENT)
    journal.open()
    while True:
        messages = [_message(chance) for _ in range(chance.choice((1, 1, 1, 2, 5)))]
        os.write(out, "".join(f"?{each.message_id}\n" for each in messages).encode())
        journal.record(messages)
        os.write(out, "".join(f"!{each.message_id}\n" for each in messages).encode())
        if chance.random() < 0.03:
            journal.maintain()
        time.sleep(0.0005)


def _message(chance: random.Random) -> Message:
    message_id = str(uuid.UUID(int=chance.getrandbits(128)))
    priority = chance.choice(tuple(Priority))
    body = b'{"payload": {}, "message_id": "%s", "more": "%s"}' % (
        message_id.encode(),
        bytes(chance.randrange(600)).replace(b"\0", b"x"),
    )
    return Message(message_id, "image.update", priority, time.time(), body)
