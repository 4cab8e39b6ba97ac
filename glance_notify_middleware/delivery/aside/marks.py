"""What the entries of an aside file say beside their messages, and how many wait there."""

import enum
import os
from collections.abc import Iterator
from dataclasses import dataclass

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Header, Kind

_CHUNK = 4 * (entries.MAX_BODY + 1024)  # bytes read at a time; each has a whole entry


class Mark(enum.IntEnum):
    """What stands in the field `number` of an entry that is set aside: whether it is counted."""

    ORDINARY = 0
    """Its message counts as delivered, or as a dead letter, when it is done."""
    SENT_AGAIN = 1
    """An operator has its message sent again: it was counted before."""
    REPEATED = 2
    """The journal still had its message when the leader died: that one counts."""


@dataclass(slots=True)
class AsideCount:
    """What waits in one aside file. `pending`: messages that have not been counted. `dropped`: of
    these, the ones that an operator has dropped. `set_aside`: messages that are still to be sent.
    `sent_again`: of these, the ones that an operator sends again. `oldest`: the timestamp of the
    first message."""

    pending: int = 0
    dropped: int = 0
    set_aside: int = 0
    sent_again: int = 0
    oldest: float | None = None


def count(fd: int, offset: int, passed: int | None) -> AsideCount:
    """Count the entries of an open aside file behind `offset`. Raises OSError.

    The journal's cursor has passed the messages before `passed`; those behind it are still pending
    in the journal, too. None: not known, so all.
    """
    found = AsideCount()
    for header, end, data in _headers(fd, offset):
        is_sent = header.kind == Kind.EVENTS
        if header.number == Mark.ORDINARY and (passed is None or end <= passed):
            found.pending += header.messages
            found.dropped += 0 if is_sent else header.messages
        elif header.number != Mark.SENT_AGAIN:
            continue
        if is_sent:
            found.set_aside += header.messages
            if header.number == Mark.SENT_AGAIN:
                found.sent_again += header.messages
            if found.oldest is None:
                found.oldest = _timestamp(data[header.start : header.end])
    return found


def _headers(fd: int, offset: int) -> Iterator[tuple[Header, int, bytes]]:
    """The headers behind `offset`, each with the offset behind its entry, and the bytes in which
    it was found."""
    while data := os.pread(fd, _CHUNK, offset):
        end = 0
        for header in entries.walk(data):
            end = header.end
            yield header, offset + end, data
        if len(data) < _CHUNK:
            return
        offset += end or _CHUNK // 2


def _timestamp(entry: bytes) -> float | None:
    """The timestamp of the first message of an entry; None where the entry is damaged."""
    for found in entries.scan(entry):
        return entries.decode_messages(found.body)[0].timestamp
    return None
