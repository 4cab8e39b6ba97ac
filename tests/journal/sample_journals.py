"""Messages and segments that tests write, and what a reader finds in a directory."""

import os
import uuid
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.chain import Step
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.layout import segment_path
from glance_notify_middleware.journal.origin import Origin, boot_id
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.writer import Journal

GIB = 1024**3
OTHER_BOOT = "5f1c3a52-0000-4000-8000-000000000000"


class MakeJournal(Protocol):
    """What the fixture `make_journal` gives."""

    def __call__(
        self,
        directory: Path = ...,
        *,
        max_size: int = ...,
        sync: bool = ...,
        segment_size: int = ...,
    ) -> Journal: ...


def message(
    body: bytes = b'{"payload": {}}',
    *,
    priority: Priority = Priority.INFO,
    event_type: str = "image.update",
) -> Message:
    """A message with an id of its own."""
    return Message(str(uuid.uuid4()), event_type, priority, 1_790_000_000.25, body)


def encoded(
    messages: Sequence[Message], *, number: int = 0, clock: int = 1, kind: Kind = Kind.EVENTS
) -> bytes:
    """The bytes of one entry with these messages."""
    body = entries.encode_messages(messages)
    checksum = entries.checksum(body)
    return entries.encode(kind, body, checksum, count=len(messages), number=number, clock=clock)


def head(*, boot: str | None = None, began: float = 1.0, body: bytes | None = None) -> bytes:
    """The first entry of a segment."""
    body = body or Origin(boot or boot_id(), 1, began).encode()
    return entries.encode(Kind.SEGMENT, body, entries.checksum(body), count=0, number=0, clock=1)


def write_segment(
    directory: Path,
    identity: str,
    clocks_and_messages: Sequence[tuple[int, Message]],
    *,
    segment: int = 0,
    number: int = 0,
    boot: str | None = None,
    began: float = 1.0,
) -> Path:
    """Write a segment of a made-up process, with an entry for each message."""
    path = segment_path(directory, identity, segment)
    parts = [head(boot=boot, began=began)]
    for at, (clock, each) in enumerate(clocks_and_messages, number):
        parts.append(encoded([each], number=at, clock=clock))
    path.write_bytes(b"".join(parts))
    return path


def of_newer_version(entry: bytes) -> bytes:
    """The same entry, as a newer version writes it."""
    newer = bytearray(entry)
    newer[4] = entries.VERSION + 1
    fields = bytes(newer[:28])
    checksum = zlib.crc32(fields, entries.checksum(bytes(newer[32:])))
    return fields + checksum.to_bytes(4, "big") + bytes(newer[32:])


def segments(directory: Path) -> list[Path]:
    """The segments that lie there, in order of identity and number."""
    found = directory.glob("????????????????.*.seg")
    return sorted(found, key=lambda path: (path.name[:16], int(path.name.split(".")[1])))


def numbers(directory: Path) -> list[int]:
    """The numbers of all EVENTS entries, over all segments in their order."""
    return [
        entry.number
        for path in segments(directory)
        for entry in entries.scan(path.read_bytes())
        if entry.kind == entries.Kind.EVENTS
    ]


def record_each(journal: Journal, messages: Sequence[Message]) -> list[str]:
    """Record each of the messages by itself; returns their ids."""
    for each in messages:
        journal.record([each])
    return [each.message_id for each in messages]


def ids(steps: Sequence[Step]) -> list[str]:
    """The ids of the messages in the steps."""
    return [each.message_id for step in steps for each in step.messages]


def lost(steps: Sequence[Step]) -> int:
    """How many notifications are lost, by the steps."""
    return sum(step.lost for step in steps)


def read(directory: Path) -> list[Step]:
    """What a new reader without positions reads in one pass."""
    reader = Reader(directory, {})
    try:
        return reader.read(10**9)
    finally:
        reader.close()


def open_files(folder: Path | str = "") -> list[str]:
    """The files that this process has open, below a folder if given; ` (deleted)` follows the name
    of a removed file.

    Without a folder there may be some of other threads: those of earlier tests maintain their
    journals as long as the process lives.
    """
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            continue
    return [each for each in found if each.startswith(str(folder))]
