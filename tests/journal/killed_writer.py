"""A process that records until it is killed, and tells what it begins and what it has recorded."""

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
    """Of a length that the id tells; one of sixteen is long enough to be torn by a kill."""
    number = uuid.UUID(message_id).int
    return message_id.encode() * (3000 if number % 16 == 0 else 1 + number % 60)


def record_for_ever(directory: Path, begin: Connection, told: Connection, seed: int) -> None:
    """Tells what it begins, and what is recorded; from when the other end of `begin` is closed."""
    random.seed(seed)
    out = told.fileno()
    begin.poll(None)
    journal = Journal(directory, max_size=GIB, segment_size=MIB)
    while True:
        each = str(uuid.UUID(int=random.getrandbits(128)))
        os.write(out, f"?{each}\n".encode())
        journal.record([Message(each, "image.update", Priority.INFO, 1.0, body_of(each))])
        os.write(out, f"!{each}\n".encode())
