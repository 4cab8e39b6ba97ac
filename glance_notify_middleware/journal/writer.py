"""This process's journal: what a request's thread does is append one record to a file.

No other process writes to that file, and no other waits for it. One lock, of the threads of this
process, is held around one write().
"""

import contextlib
import math
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import clock, entries, files
from glance_notify_middleware.journal.capacity import Capacity, probe_writing
from glance_notify_middleware.journal.entries import KEY_SIZE, Kind
from glance_notify_middleware.journal.group_sync import GroupSync, logged, sync_directory
from glance_notify_middleware.journal.live_file import LiveFile
from glance_notify_middleware.journal.open_intents import OpenIntents
from glance_notify_middleware.journal.origin import Origin
from glance_notify_middleware.journal.positions import Position, delivered_positions
from glance_notify_middleware.journal.reminders import Reminders
from glance_notify_middleware.journal.sealed import Remainder, SealedSegments
from glance_notify_middleware.journal.segment import Segment
from glance_notify_middleware.journal.totals import ADDED, settled_steps

MAINTENANCE = "glance-notify-journal"
"""The name of the thread that tends a journal."""

SEGMENT_SIZE = 4 * 1024 * 1024
"""Bytes after which a segment is followed by the next one, if its share of the bound is as much."""

# Said once: to look a member of an enumeration up costs more than all that is done with it.
_BEGIN, _EVENTS = Kind.BEGIN, Kind.EVENTS

_NO_INTENT = bytes(KEY_SIZE)
_FULL = "full", "the journal is full"  # why something is dropped
_MAINTAINED = 10.0  # seconds after which a journal that was tended is so no longer


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
        self.is_full = False  # the bound or the disk, as found a moment ago; or it has a `_trouble`
        self.reminders = Reminders()
        self._capacity = Capacity(directory, max_size, segment_size)
        self._trouble = ""  # why nothing can be written: `maintain` tries whether that has passed
        self._maintained_at = -math.inf  # by the monotonic clock
        self._lock = threading.Lock()  # around one append
        self._live: LiveFile | None = None
        self._segment: Segment | None = None
        self._next_segment = 0  # its number; one that could not be begun has used up its own
        self._head_size = 0  # bytes of its segment that stood in it when it was begun
        self._turn_over_at = 0  # bytes
        self._sealed = SealedSegments()
        self._clock_ahead = 0  # nanoseconds: see clock.namespace_offset
        self._number = 0  # of the next notification
        self._recorded: Counter[tuple[str, Priority]] = Counter()
        self._dropped: Counter[str] = Counter()  # by reason
        self._intents = OpenIntents()
        self._unended: list[bytes] = []  # keys of intents whose end could not be written
        self._again: deque[Remainder] = deque()  # what was removed, or can be, and is not delivered
        self._threads: dict[str, threading.Thread] = {}
        self._written = 0  # records so far
        self._rewritten = 0  # the last of them that was recorded again, and is not synced yet
        self._group_sync = GroupSync(self._last) if sync else None

    @property
    def is_maintained(self) -> bool:
        """Whether a thread was started that tends it."""
        return MAINTENANCE in self._threads

    def begin(self, key: bytes, facts: bytes) -> None:
        """Append an intent. Where that cannot be, it is not: nothing is lost by that so far."""
        if self.is_full:
            return
        try:
            with self._lock:
                self._append(_BEGIN, key + facts)
                self._intents.begin(key, facts)
        except (OSError, entries.TooLongError):
            return

    def progress(self, key: bytes, told: bytes) -> None:
        """Append how far a running download has come, if its intent is in the journal."""
        with contextlib.suppress(OSError, entries.TooLongError), self._lock:
            if key in self._intents.by_key and not self.is_full:
                self._append(Kind.PROGRESS, key + told)
                self._intents.progress(key, told)

    def end(self, key: bytes) -> None:
        """Append that an intent came to nothing; later, where that cannot be now."""
        with self._lock:
            if key not in self._intents.by_key:
                return
            if self._trouble:
                self._unended.append(key)
                return
            try:
                self._append(Kind.END, key)
                self._intents.end(key)
            except OSError:
                self._unended.append(key)

    def record(self, messages: Sequence[Message], ends: bytes | None = None) -> None:
        """Append the messages of one moment: all or none. They end the intent with the key `ends`.

        Raises NotWrittenError: then it is to be ended by itself.
        """
        if self.is_full:
            self._drop(len(messages), *(("disk", self._trouble) if self._trouble else _FULL))
        try:
            self.append(messages, ends)
        except OSError as error:
            self._drop(len(messages), "disk", _reason(error))
        except entries.TooLongError as error:
            self._drop(len(messages), "too long", str(error))

    def append(self, messages: Sequence[Message], ends: bytes | None = None) -> None:
        """Like `record`, for one who can wait: raises OSError, and nothing is dropped."""
        body = entries.encode_messages(messages, ends)
        if len(body) > entries.MAX_BODY and len(messages) > 1:
            *first, last = entries.split(messages)
            for each in first:
                self.append(each)
            self.append(last, ends)
            return
        crc = entries.checksum(body)
        with self._lock:
            self._append(_EVENTS, body, len(messages), crc)
            if ends is not None:
                self._intents.end(ends)
            for message in messages:
                self._recorded[message.event_type, message.priority] += 1
            written = self._written
        if self._group_sync is not None:
            self._group_sync.wait(written)

    def sync(self) -> None:
        """Have what was recorded so far survive a power cut. Raises OSError."""
        for path in self.directory.glob(f"{self.identity}.*.seg"):
            with contextlib.suppress(FileNotFoundError):  # all of it is delivered
                files.sync(path)

    def open(self) -> None:
        """Begin to live. At start-up, so that no request pays for it. Raises OSError; it can be
        tried again once a second, by the thread that tends it."""
        self._maintained_at = time.monotonic()
        with self._lock:
            if self._segment is None:
                self._begin()

    def maintain(self) -> None:
        """What is to be done once a second, on a thread of its own. Raises OSError."""
        self._maintained_at = time.monotonic()
        self.reminders.remind()
        self.directory.mkdir(mode=0o700, exist_ok=True)
        try:
            self._see_whether_full()
        finally:
            self._see_whether_it_lives()
        self._record_again()
        live = self._live
        if live is None:
            return
        self._rescue()
        self._end_the_unended()
        live.write(self.counters())

    def counters(self) -> dict[str, object]:
        """What this process has counted: `number` of the next notification, events, drops."""
        with self._lock:
            return {
                "number": self._number,
                "recorded": {" ".join(key): count for key, count in self._recorded.items()},
                "dropped": dict(self._dropped),
            }

    def start_thread(self, name: str, target: Callable[[], None]) -> bool:
        """Run `target` on a thread of this process, once; False where it does already. Raises
        RuntimeError where no thread can be started now."""
        with self._lock:
            if name in self._threads:
                return False
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads[name] = thread
        return True

    def close(self) -> None:
        """Let go of what is open. A forked child does; its parent keeps its lock."""
        if self._live is not None:
            self._live.close()
        if self._segment is not None:
            self._segment.close()
        for each in [*self._sealed.take_all(), *(left.segment for left in self._again)]:
            each.close()

    # -- under the lock ---------------------------------------------------------------------

    def _append(self, kind: Kind, body: bytes, count: int = 0, crc: int | None = None) -> None:
        """`crc` is the body's checksum, where that is known already."""
        segment = self._segment or self._begin()
        if segment.size >= self._turn_over_at:
            segment = self._next(segment)
        try:
            segment.append(self._encoded(kind, body, count, crc))
        except OSError as error:
            self._has_failed(error)
            raise
        self._written += 1
        self._number += count

    def _encoded(self, kind: Kind, body: bytes, count: int = 0, crc: int | None = None) -> bytes:
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._clock_ahead
        crc = entries.checksum(body) if crc is None else crc
        return entries.encode(kind, body, crc, count=count, number=self._number, clock=now)

    def _begin(self) -> Segment:
        """A new identity. Its live file comes first: a segment without one counts as dead."""
        # It is known before its file is there: a relay in this process must not take it for dead.
        self.identity = identity = secrets.token_hex(8)
        self._next_segment = self._number = 0
        self._clock_ahead = clock.namespace_offset()
        live: LiveFile | None = None
        try:
            live = LiveFile(self.directory, identity)
            self._segment = self._new_segment(self._head())
        except OSError as error:
            if live is not None:
                live.remove()
            self._has_failed(error)
            raise
        self._live = live
        return self._segment

    def _has_failed(self, error: OSError) -> None:
        """Nothing more is tried by requests, if there is a thread that tries it for them."""
        if time.monotonic() - self._maintained_at < _MAINTAINED:
            self._trouble = _reason(error)
            self.is_full = True

    def _next(self, before: Segment) -> Segment:
        """The next segment, or the same where that cannot be: better a long one than none."""
        with contextlib.suppress(OSError):
            if not self._sealed.is_full or self._is_seen_to_live():
                return self._turn_over(before)
        self._turn_over_at += self._capacity.share
        return before

    def _turn_over(self, before: Segment) -> Segment:
        """Of one that somebody has removed the next one has it all, in its order, and before it
        what is missing, too: that may be sent twice."""
        is_removed = before.is_removed()
        missing = self._sealed.removed_undelivered(self._delivered) if is_removed else []
        before_it = b"".join(each.content() for each in missing)
        self._segment = self._new_segment(
            before_it + before.content() if is_removed else self._head()
        )
        self._sealed.close(missing)
        if self._group_sync is not None:
            with logged():
                (self._segment if is_removed else before).sync()
        if is_removed:
            before.close()
        else:
            self._sealed.add(before)
        return self._segment

    def _head(self) -> bytes:
        """What a segment begins with: whose it is, and the intents that stand open."""
        origin = Origin.of_this_process().encode()
        return b"".join(
            [
                self._encoded(Kind.SEGMENT, origin),
                *(self._encoded(kind, body) for kind, body in self._intents.copies()),
            ]
        )

    def _new_segment(self, data: bytes) -> Segment:
        """The next segment, in which `data` stands. Raises OSError: then there is none."""
        number = self._next_segment
        self._next_segment += 1
        segment = Segment(self.directory, str(self.identity), number, data)
        if self._group_sync is not None:
            sync_directory(self.directory)
        self._head_size = segment.size
        self._plan_turnover()
        return segment

    def _plan_turnover(self) -> None:
        """Also where its head is longer than its share: to copy must not be most of the work."""
        self._turn_over_at = self._head_size + max(self._capacity.share, self._head_size)

    def _is_seen_to_live(self) -> bool:
        """By whoever looks for the dead; so what it has recorded so far will be read."""
        live, segment = self._live, self._segment
        if live is None or not live.relock() or not live.is_in_place():
            return False
        if segment is not None and not segment.is_removed():  # else it is turned over soon
            self._again += self._sealed.release(self._delivered)
        return True

    def _delivered(self) -> Position | None:
        """How far its records are known to be delivered to all."""
        return delivered_positions(self.directory).get(str(self.identity))

    # -- once a second ----------------------------------------------------------------------

    def _see_whether_it_lives(self) -> None:
        """Who has taken it for dead has its lock, or has settled it. Where that is not so, somebody
        has removed its live file, or the directory: then it is made again."""
        with self._lock:
            live, segment = self._live, self._segment
            if live is None or segment is None or self._is_seen_to_live():
                return
            if not live.relock():
                self._begin_anew(live, segment, is_counted=True)
                return
            settled = settled_steps(self.directory, str(self.identity))
            if settled:
                self._begin_anew(live, segment, is_counted=ADDED in settled)
            else:
                live.restore()

    def _begin_anew(self, live: LiveFile, segment: Segment, *, is_counted: bool) -> None:
        """Under another identity. What is not known to be delivered is recorded again, so it may be
        sent twice; what stands open goes on. `is_counted`: the counters of its live file go into
        the totals. Raises OSError: then that is tried again."""
        place = self._delivered()
        before = [*self._sealed.take_all(), segment]
        self._again += [Remainder.behind(place, each) for each in before]
        live.close()
        self._segment = self._live = None
        if is_counted:
            self._recorded.clear()
            self._dropped.clear()
        self._begin()
        with contextlib.suppress(OSError):  # who reads it from now on need not tell them unknown
            segment.append(b"".join(self._encoded(Kind.END, key) for key in self._intents.by_key))
        self._append_again()

    def _record_again(self) -> None:
        with self._lock:
            self._append_again()
            rewritten, self._rewritten = self._rewritten, 0
        if self._group_sync is not None and rewritten:
            self._group_sync.wait(rewritten)

    def _append_again(self) -> None:
        while self._again:
            left = self._again[0]
            for record in left.records():
                self._append(_EVENTS, record.body, record.count)
            self._again.popleft()
            left.segment.close()
            self._rewritten = self._written

    def _rescue(self) -> None:
        """If somebody has removed the segment, go on in another."""
        with self._lock:
            segment = self._segment
            if segment is not None and segment.is_removed():
                self._turn_over(segment)

    def _end_the_unended(self) -> None:
        while self._unended:
            with self._lock:
                self._append(Kind.END, self._unended[-1])
                self._intents.end(self._unended.pop())

    def _see_whether_full(self) -> None:
        capacity, share = self._capacity, self._capacity.share
        capacity.measure()
        if capacity.share != share:
            with self._lock:
                self._plan_turnover()
        if capacity.is_short:
            self._turn_over_early()
        if self._trouble:
            self._try_to_write()
        self.is_full = capacity.is_full

    def _try_to_write(self) -> None:
        """In the place of requests: what they have found wrong may have passed."""
        probe_writing(self.directory)
        with self._lock:
            try:
                self._append(Kind.END, _NO_INTENT)
            except OSError:
                if self._segment is None:
                    raise
                self._turn_over(self._segment)
            self._trouble = ""

    def _turn_over_early(self) -> None:
        """The segment that is written is never removed, though all of it may be delivered."""
        with contextlib.suppress(OSError), self._lock:
            segment = self._segment
            if segment is not None and segment.size > self._head_size:
                self._turn_over(segment)

    # -- the rest ---------------------------------------------------------------------------

    def _drop(self, count: int, reason: str, told: str) -> None:
        with self._lock:
            self._dropped[reason] += count
        raise NotWrittenError(told)

    def _last(self) -> tuple[int, int]:
        with self._lock:
            assert self._segment is not None  # it is asked for what was just recorded
            return self._segment.descriptor(), self._written


def _reason(error: OSError) -> str:
    return f"the journal cannot be written: {error.strerror or error}"
