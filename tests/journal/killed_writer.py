"""A process that records until it is killed, and reports what it begins and has recorded."""

import os
import random
import uuid
from multiprocessing.connection import Connection
from pathlib import Path

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal.writer import Journal
from tests.journal.sample_journals import GIB

MIB = 1024 * 1024


def body_of(message_id: str) -> bytes:
    """The body of the message with this id, which decides its length.

    One body of sixteen is so long that a kill can tear its entry.
    """
    number = uuid.UUID(message_id).int
    return message_id.encode() * (3000 if number % 16 == 0 else 1 + number % 60)


def record_for_ever(directory: Path, begin: Connection, report: Connection, seed: int) -> None:
    """Record messages from when the other end of `begin` is closed.

    Writes to `report` a line for each message: `?` and its id before it is recorded, `!` after.
    """
    random.seed(seed)
    out = report.fileno()
    begin.poll(None)
    journal = Journal(directory, max_size=GIB, segment_size=MIB)
    while True:
        message_id = str(uuid.UUID(int=random.getrandbits(128)))
        body = body_of(message_id)
        os.write(out, f"?{message_id}\n".encode())
        journal.record([Message(message_id, "image.update", Priority.INFO, 1.0, body)])
        os.write(out, f"!{message_id}\n".encode())
