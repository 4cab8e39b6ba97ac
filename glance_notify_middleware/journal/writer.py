"""This process's journal: the thread of a request appends one entry to a file.

No other process writes to that file, and no request waits for another process. The one lock, which
the threads of this process share, is held around one write(2).
"""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import entries, files
from glance_notify_middleware.journal.capacity import Capacity
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.group_sync import GroupSync
from glance_notify_middleware.journal.health import Health, reason
from glance_notify_middleware.journal.maintenance import Maintenance
from glance_notify_middleware.journal.recovery import Recovery
from glance_notify_middleware.journal.reminders import Reminders
from glance_notify_middleware.journal.segment_writer import SegmentWriter
from glance_notify_middleware.journal.threads import NamedThreads
from glance_notify_middleware.recorder import Counted

MAINTENANCE = "glance-notify-journal"
"""The name of the thread that maintains a journal."""

SEGMENT_SIZE = 4 * 1024 * 1024
"""Bytes after which a segment is followed by the next one, or less: its share of the bound."""

# Looked up once: to look a member of an enumeration up costs more than what is done with it.
_BEGIN, _EVENTS = Kind.BEGIN, Kind.EVENTS


class NotWrittenError(Exception):
    """An entry is not in the journal; the text says why."""


class Journal:
    """The journal of one process in one directory: every thread of the process appends here."""

    def __init__(
        self,
        directory: Path,
        *,
        max_size: int,
        sync: bool = False,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        """Opens nothing. `max_size` bounds the directory, in bytes. With `sync` an entry is on the
        disk, as far as fdatasync(2) knows, when `record` returns."""
        self.directory = directory
        self.health = Health()
        self.reminders = Reminders()
        self.threads = NamedThreads()
        self._lock = threading.Lock()  # held around one append
        self._counters = Counters()
        self._pending_ends: list[bytes] = []  # keys of intents whose end could not be written
        capacity = Capacity(directory, max_size, segment_size)
        self._writer = SegmentWriter(
            directory, capacity, self._counters, sync=sync, on_failure=self.health.failed
        )
        self._intents = self._writer.intents
        self._group_sync = GroupSync(self._last) if sync else None
        self._maintenance = Maintenance(
            self._writer,
            Recovery(self._writer, self._counters, self._lock, self._group_sync),
            capacity,
            self.health,
            self._pending_ends,
            self._lock,
        )

    @property
    def identity(self) -> str | None:
        """The identity under which the process records; None: it has not begun."""
        return self._writer.identity

    @property
    def is_full(self) -> bool:
        """Whether nothing can be recorded at present: see Health."""
        return self.health.is_full

    @property
    def is_maintained(self) -> bool:
        """Whether the thread was started that maintains the journal."""
        return MAINTENANCE in self.threads

    def begin(self, key: bytes, facts: bytes) -> None:
        """Append an intent. Where that is not possible, there is none: nothing is lost by that."""
        if self.health.is_full:
            return
        try:
            with self._lock:
                self._writer.append(_BEGIN, key + facts)
                self._intents.begin(key, facts)
        except (OSError, entries.TooLongError):
            return

    def progress(self, key: bytes, progress: bytes) -> None:
        """Append how far a running download has come, if its intent is in the journal."""
        with contextlib.suppress(OSError, entries.TooLongError), self._lock:
            if key in self._intents.by_key and not self.health.is_full:
                self._writer.append(Kind.PROGRESS, key + progress)
                self._intents.progress(key, progress)

    def end(self, key: bytes) -> None:
        """Append that an intent came to nothing; where that is not possible, maintenance does."""
        with self._lock:
            if key not in self._intents.by_key:
                return
            if self.health.trouble:
                self._pending_ends.append(key)
                return
            try:
                self._writer.append(Kind.END, key)
                self._intents.end(key)
            except OSError:
                self._pending_ends.append(key)

    def record(self, messages: Sequence[Message], ends: bytes | None = None) -> None:
        """Append the messages of one moment: all or none. They end the intent with the key `ends`.

        Raises NotWrittenError: then the messages are dropped and counted, and the intent is open.
        """
        if self.health.is_full:
            self._drop(len(messages), *self.health.why_full())
        try:
            self.append(messages, ends)
        except (OSError, entries.TooLongError) as error:
            self._drop(len(messages), *_why_not_written(error))

    def record_deferred(
        self, notification: DeferredNotification, ends: bytes | None = None
    ) -> None:
        """Append a deferred notification; see `record`."""
        if self.health.is_full:
            self._drop(1, *self.health.why_full())
        try:
            self._append_events(entries.encode_deferred(notification, ends), [notification], ends)
        except OSError as error:
            self._drop(1, *_why_not_written(error))

    def append(self, messages: Sequence[Message], ends: bytes | None = None) -> None:
        """Like `record`, also into a full journal, and without dropping. Raises OSError."""
        body = entries.encode_messages(messages, ends)
        if len(body) > entries.MAX_BODY and len(messages) > 1:
            *first, last = entries.split(messages)
            for each in first:
                self.append(each)
            self.append(last, ends)
            return
        self._append_events(body, messages, ends)

    def _append_events(
        self, body: bytes, recorded: Sequence[Message | DeferredNotification], ends: bytes | None
    ) -> None:
        crc = entries.checksum(body)
        with self._lock:
            self._writer.append(_EVENTS, body, len(recorded), crc)
            if ends is not None:
                self._intents.end(ends)
            self._counters.count(recorded)
            written = self._writer.written
        if self._group_sync is not None:
            self._group_sync.wait(written)

    def sync(self) -> None:
        """Sync what was recorded so far, so that it survives a power cut. Raises OSError."""
        for path in self.directory.glob(f"{self.identity}.*.seg"):
            with contextlib.suppress(FileNotFoundError):  # delivered, and removed
                files.sync(path)

    def open(self) -> None:
        """Make the live file and the first segment, if there are none. Raises OSError.

        The thread that maintains the journal does that at start-up, and tries it again each second.
        """
        self.health.maintained()
        with self._lock:
            if self._writer.segment is None:
                self._writer.begin()

    def maintain(self) -> None:
        """What is to be done once a second, on a thread of its own. Raises OSError."""
        self.health.maintained()
        self.reminders.remind()
        self._maintenance.run()

    def count_written(self, messages: Sequence[Message], dropped: int) -> None:
        """Count messages that were written elsewhere, and how many could not be."""
        with self._lock:
            self._counters.count(messages)
            if dropped:
                self._counters.drop(dropped, "disk")

    def count(self, what: Counted, change: int = 1) -> None:
        """Count what is no notification."""
        with self._lock:
            self._counters.change(what, change)

    def counters(self) -> dict[str, object]:
        """What this process has counted, as its live file holds it."""
        with self._lock:
            return self._writer.counted()

    def close(self) -> None:
        """Close all files: see SegmentWriter.close."""
        self._writer.close()

    def _drop(self, count: int, why: str, text: str) -> None:
        with self._lock:
            self._counters.drop(count, why)
        raise NotWrittenError(text)

    def _last(self) -> tuple[int, int]:
        with self._lock:
            segment = self._writer.segment
            assert segment is not None  # something was just recorded
            return segment.descriptor(), self._writer.written


def _why_not_written(error: Exception) -> tuple[str, str]:
    """Why an entry could not be appended: the name of a counter, and a text."""
    return ("disk", reason(error)) if isinstance(error, OSError) else ("too long", str(error))
