"""This process's journal: what a request's thread does is append one record to a file.

No other process writes to that file, and no other waits for it. One lock, of the threads of this
process, is held around one write().
"""

import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from glance_notify_middleware.harmless import log_error
from glance_notify_middleware.journal import records
from glance_notify_middleware.journal.directory import segment_path, size
from glance_notify_middleware.journal.live import LiveFile
from glance_notify_middleware.journal.origin import Origin
from glance_notify_middleware.journal.records import Kind
from glance_notify_middleware.notification import Message, Priority

SEGMENT_SIZE = 4 * 1024 * 1024
"""Bytes after which a segment is followed by the next one."""

_ROOM = 1024 * 1024  # bytes free on a disk that counts as no longer full
_LEFT_FULL = 0.9  # of the bound: below that a full journal takes records again


class NotWrittenError(Exception):
    """A record is not in the journal; the text says why."""


class Journal:
    """The journal of one process in one directory: every thread of it appends here."""

    def __init__(
        self,
        directory: Path,
        *,
        max_size: int,
        sync: bool = False,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        """Opens nothing. `max_size` bounds the directory, in bytes; with `sync` a record is on
        the disk, as far as fdatasync(2) knows, when `record` returns."""
        self.directory = directory
        self.identity: str | None = None
        self.is_full = False  # the bound or the disk: as found a moment ago
        self._max_size = max_size
        self._sync = sync
        self._segment_size = segment_size
        self._lock = threading.Lock()  # around one append
        self._live: LiveFile | None = None
        self._fd = -1  # of the current segment
        self._segment = 0  # its number
        self._size = 0  # its bytes
        self._turn_over_at = 0
        self._number = 0  # of the next notification
        self._recorded: Counter[tuple[str, Priority]] = Counter()
        self._dropped: Counter[str] = Counter()  # by reason
        self._threads: dict[str, threading.Thread] = {}
        self._written = 0  # records so far, for _synced
        self._synced = 0
        self._sync_lock = threading.Lock()  # around one fdatasync

    @property
    def is_tended(self) -> bool:
        """Whether a thread was started that tends it."""
        return bool(self._threads)

    def record(self, messages: Sequence[Message]) -> None:
        """Append the messages of one moment: all or none. Raises NotWrittenError."""
        body = records.encode_messages(messages)
        crc = records.checksum(body)
        if self.is_full:
            self._drop(len(messages), "full", "the journal is full")
        try:
            with self._lock:
                self._append(Kind.EVENTS, body, crc, len(messages))
                for message in messages:
                    self._recorded[message.event_type, message.priority] += 1
                written = self._written
        except OSError as error:
            self._drop(len(messages), "disk", f"the journal cannot be written: {error.strerror}")

        if self._sync:
            self._wait_for_disk(written)

    def open(self) -> None:
        """Begin to live. At start-up, so that no request pays for it. Raises OSError."""
        with self._lock:
            if self._fd < 0:
                self._begin()

    def tend(self) -> None:
        """What is to be done once a second, on a thread of its own. Raises OSError."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._see_whether_full()
        live = self._live
        if live is None:
            return
        if not live.is_ours():
            self._begin_anew()
            return
        live.restore()
        self._rescue()
        live.write(self.counters())

    def counters(self) -> dict[str, object]:
        """What this process has counted: `number` of the next notification, events, drops."""
        with self._lock:
            return {
                "number": self._number,
                "recorded": {" ".join(key): count for key, count in self._recorded.items()},
                "dropped": dict(self._dropped),
            }

    def run_beside(self, name: str, target: Callable[[], None]) -> bool:
        """Run `target` on a thread of this process, once; False where it does already."""
        with self._lock:
            if name in self._threads:
                return False
            thread = threading.Thread(target=target, name=name, daemon=True)
            self._threads[name] = thread
        thread.start()
        return True

    def drop(self) -> None:
        """In a forked child: let go of what its parent had open. The parent keeps its lock."""
        if self._live is not None:
            self._live.close()
            os.close(self._fd)

    # -- under the lock ---------------------------------------------------------------------

    def _append(self, kind: Kind, body: bytes, crc: int, count: int) -> None:
        if self._fd < 0:
            self._begin()
        elif self._size >= self._turn_over_at:
            self._turn_over()
        self._write(kind, body, crc, count)
        self._number += count

    def _write(self, kind: Kind, body: bytes, crc: int, count: int) -> None:
        clock = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        record = records.encode(kind, body, crc, count=count, number=self._number, clock=clock)
        written = os.write(self._fd, record)
        self._size += written
        if written < len(record):
            # What is torn stays: to cut it off could erase what somebody else has appended.
            raise OSError(0, f"{written} of {len(record)} bytes were written, no more")
        self._written += 1

    def _begin(self) -> None:
        """A new identity. Its live file comes first: a segment without one counts as dead."""
        # It is known before its file is there: a relay in this process must not take it for dead.
        self.identity = identity = secrets.token_hex(8)
        live = LiveFile(self.directory, identity)
        try:
            fd = self._new_segment(identity, 0)
        except OSError:
            live.close()
            raise
        self._live, self._fd = live, fd
        self._segment = self._number = 0
        self._head()

    def _turn_over(self) -> None:
        try:
            fd = self._new_segment(str(self.identity), self._segment + 1)
        except OSError:
            self._turn_over_at += self._segment_size  # better a long segment than none
            return
        if self._sync:
            os.fdatasync(self._fd)
        os.close(self._fd)
        self._fd = fd
        self._segment += 1
        self._head()

    def _new_segment(self, identity: str, number: int) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(segment_path(self.directory, identity, number), flags, 0o600)
        if self._sync:
            _sync_directory(self.directory)
        return fd

    def _head(self) -> None:
        """The first record of a segment: for people, and to tell one boot from another."""
        self._size = 0
        self._turn_over_at = self._segment_size
        body = Origin.here_and_now().encode()
        self._write(Kind.SEGMENT, body, records.checksum(body), 0)

    # -- once a second ----------------------------------------------------------------------

    def _begin_anew(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.close()
            os.close(self._fd)
            self._fd, self._live = -1, None
            # What was counted under the other identity stands in its live file.
            self._recorded.clear()
            self._dropped.clear()
            self._begin()

    def _rescue(self) -> None:
        """If somebody has removed the segment: all of it in a new one. It may be sent twice."""
        with self._lock:
            found = os.fstat(self._fd)
            if found.st_nlink > 0:
                return
            data = os.pread(self._fd, found.st_size, 0)
            fd = self._new_segment(str(self.identity), self._segment + 1)
            if os.write(fd, data) < len(data):
                os.close(fd)
                segment_path(self.directory, str(self.identity), self._segment + 1).unlink()
                raise OSError(0, "a segment was removed, and there is no room for it")
            os.close(self._fd)
            self._fd = fd
            self._segment += 1

    def _see_whether_full(self) -> None:
        used = size(self.directory)
        disk = os.statvfs(self.directory)
        free = disk.f_bavail * disk.f_frsize
        bound = self._max_size * (_LEFT_FULL if self.is_full else 1)
        self.is_full = used >= bound or free < _ROOM

    # -- the rest ---------------------------------------------------------------------------

    def _drop(self, count: int, reason: str, told: str) -> None:
        with self._lock:
            self._dropped[reason] += count
        raise NotWrittenError(told)

    def _wait_for_disk(self, written: int) -> None:
        """One fdatasync serves all threads whose records were written before it began."""
        with self._sync_lock:
            if self._synced >= written:
                return
            with self._lock:
                fd, seen = os.dup(self._fd), self._written
            try:
                os.fdatasync(fd)
                self._synced = seen
            except OSError as error:
                log_error("events are in the journal, but a power cut may take them", error)
            finally:
                os.close(fd)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
