"""Reads notifications from files: gzip or not, whole lines, one after another.

A line is the JSON of a notification, or a line of Python's logging that ends with it (`logging`
without log_file: the prefix of Glance's log format stands before). A damaged line is counted and
named, and the next line is read. In a log that has other lines, too, these are counted apart.

The text of a line is never shown: an error has the name of the file, and the number of the line.
"""

import contextlib
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import BufferedIOBase
from typing import Any, NamedTuple

import orjson

from glance_notify_middleware.cli.audit.opened import UnreadableFileError, lines_of, opened
from glance_notify_middleware.cli.audit.times import Period
from glance_notify_middleware.cli.command import ERRORS, RIGHT, WARNINGS
from glance_notify_middleware.events.images import parse_json
from glance_notify_middleware.events.notification import Priority

_MOST_NAMED = 5
_LENGTH_OF_AN_ID = 36  # of a UUID

_PRIORITIES = frozenset(map(str, Priority))
_BEGIN = b'{"message_id":'
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}")
_OTHER_LINE = re.compile(
    rb"[\[(]?(\d{4}[-/]\d\d[-/]\d\d[ T]\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d"
    rb"|(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)"
)
"""How a line of another logger begins: with a time, or with its level."""

_MARKS = (
    b'"message_id"',
    b'"event_type"',
    b'"_context_',
    b" glance_notify_middleware.notifications [",  # the prefix of oslo.log
    b":glance_notify_middleware.notifications:",  # the prefix of Python's logging
)
"""Some of these stand in what is left of a torn notification, if it is not very short."""


class LogLine(NamedTuple):
    """A notification as a line of a file has it."""

    body: bytes
    """Its JSON, as it stands in the line."""
    fields: dict[str, Any]
    """Its keys and values. `message_id` (36 characters), `event_type`, `priority` and `timestamp`
    (`YYYY-MM-DD HH:MM:SS.ffffff`) are texts, and `payload` is a text or a dict."""


class DamagedLineError(Exception):
    """A line is no whole notification. The text says why, without what stands in the line."""


class LogFiles:
    """The notifications of several files, and what was seen while they were read."""

    def __init__(self, names: Sequence[str], note: Callable[[str], None]) -> None:
        """`note` is called with lines for people: which line or file is damaged."""
        self._names = names
        self._note = note
        self._name = ""
        self._number = 0  # of the line that is read, in its file
        self._is_shared = False  # whether the file that is read has lines of other loggers, too
        self.lines = 0
        """Lines that were read, of any kind."""
        self.damaged = 0
        """Lines, or starts of lines, that are no whole notifications."""
        self.others = 0
        """Lines of other loggers."""
        self.unreadable = 0
        """Files that could not be read, or not to their end."""

    @property
    def status(self) -> int:
        """The exit status for what was seen: ERRORS, WARNINGS or RIGHT."""
        if self.unreadable:
            return ERRORS
        return WARNINGS if self.damaged else RIGHT

    def read(self, period: Period) -> Iterator[LogLine]:
        """The notifications of a period, file by file, in the order of their lines.

        Notes at the end how many lines were damaged. Raises nothing for a file that cannot be read.
        """
        since, until = period.since, period.until
        for name in self._names:
            self._name, self._number, self._is_shared = name, 0, False
            try:
                with opened(name) as file:
                    for line in self._notifications(file):
                        if since <= line.fields["timestamp"] < until:
                            yield line
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                self._cannot_read(f"its gzip data is damaged ({type(error).__name__})")
            except UnreadableFileError as error:
                self._cannot_read(str(error))
            except OSError as error:
                self._cannot_read(error.strerror or type(error).__name__)
        if self.damaged > _MOST_NAMED:
            self._note(f"{self.damaged:,} damaged lines in all")

    def skip(self, why: str) -> None:
        """Count the line that was read last as damaged, and name it."""
        self.damaged += 1
        if self.damaged <= _MOST_NAMED:
            self._note(f"{self._name}:{self._number}: a damaged line, left out: {why}")

    def _cannot_read(self, why: str) -> None:
        self.unreadable += 1
        place = f" behind line {self._number}" if self._number else ""
        self._note(f"{self._name}: cannot be read{place}: {why}")

    def _notifications(self, file: BufferedIOBase) -> Iterator[LogLine]:
        """The notifications of one file. Raises what reading it raises."""
        for lines in lines_of(file):
            for line in lines:
                self._number += 1
                self.lines += 1
                try:
                    fields = orjson.loads(line)
                    _check(fields)
                except (orjson.JSONDecodeError, DamagedLineError):
                    if found := self._unusual(line):
                        yield found
                else:
                    yield LogLine(line, fields)

    def _unusual(self, line: bytes) -> LogLine | None:
        """The notification in a line that is more than its JSON, or less; None if there is none.

        Behind a torn line of a process that was killed, or whose disk was full, the next line can
        stand without a line end between. That one is whole.
        """
        start = line.find(b"{")
        try:
            found = _notification(line[max(start, 0) :])
        except DamagedLineError as error:
            why = str(error)
        else:
            self._is_shared |= start > 0
            return found
        if not line or line.isspace():
            return None
        if self._is_of_another_logger(line):
            self.others += 1
            return None
        self.skip(why)
        last = line.rfind(_BEGIN)
        with contextlib.suppress(DamagedLineError):
            if last > start >= 0:
                return _notification(line[last:])
        return None

    def _is_of_another_logger(self, line: bytes) -> bool:
        """Whether a line that is no notification never was one.

        In a log_file every line was one. A file is the log of other loggers, too, from the first
        line on that looks so, or that has a prefix before a notification.
        """
        if any(mark in line for mark in _MARKS) or _BEGIN.startswith(line):
            return False
        if not self._is_shared:
            is_first = self._number == 1 and not line.startswith(b"{") and not line.endswith(b"}")
            self._is_shared = bool(_OTHER_LINE.match(line)) or is_first
        return self._is_shared and _is_text(line)


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in line


def _notification(encoded: bytes) -> LogLine:
    """Raises DamagedLineError."""
    try:
        fields = parse_json(encoded)
    except (ValueError, RecursionError) as error:
        raise DamagedLineError("no JSON, or torn") from error
    _check(fields)
    return LogLine(encoded, fields)


def _check(fields: Any) -> None:
    """Raises DamagedLineError for what is no notification."""
    match fields:
        case {
            "message_id": str(message_id),
            "event_type": str(),
            "priority": str(priority),
            "timestamp": str(timestamp),
            "payload": str() | dict(),
        }:
            if priority not in _PRIORITIES:
                raise DamagedLineError("its priority is none")
            if len(message_id) != _LENGTH_OF_AN_ID or not message_id.isascii():
                raise DamagedLineError("its message_id is no UUID")
            if not _TIMESTAMP.fullmatch(timestamp) or not _is_time(timestamp):
                raise DamagedLineError("its timestamp is no time")
        case _:
            raise DamagedLineError("JSON, but no notification")


def _is_time(timestamp: str) -> bool:
    try:
        datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    return True
