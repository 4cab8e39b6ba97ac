"""Reads notifications from files: gzip or not, whole lines, one after another.

A line is the JSON of a notification, or a line of Python's logging that ends with it (`logging`
without log_file: the prefix of Glance's log format stands before). A damaged line is counted and
named, and the next line is read. In a log that has other lines, too, these are counted apart.

The text of a line is never shown: an error has the name of the file, and the number of the line.
"""

import contextlib
import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple

import orjson

from glance_notify_middleware.cli.audit.times import Period
from glance_notify_middleware.cli.command import ERRORS, RIGHT, WARNINGS
from glance_notify_middleware.events.notification import LONGEST_JSON, Priority

STANDARD_INPUT = "-"
"""The name of standard input among the files."""

_BLOCK = 256 * 1024
_LONGEST_LINE = 2 * LONGEST_JSON  # escapes make the JSON longer, a log format has its prefix
_MOST_NAMED = 5
_LENGTH_OF_AN_ID = 36  # of a UUID

_GZIP = b"\x1f"  # no line of a log begins so
_COMPRESSED = {b"\xfd7zXZ": "xzcat", b"BZh": "bzcat", b"\x28\xb5\x2f\xfd": "zstdcat"}
"""How files begin that are compressed otherwise -> the command that reads them."""

_PRIORITIES = frozenset(map(str, Priority))
_BEGIN = b'{"message_id":'
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}")
_OTHER_LINE = re.compile(
    rb"[\[(]?(\d{4}[-/]\d\d[-/]\d\d[ T]\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d"
    rb"|(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)"
)
"""How a line of another logger begins: with a time, or with its level."""


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
            self._name, self._number = name, 0
            try:
                with _opened(name) as file:
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

    def _notifications(self, file: BinaryIO) -> Iterator[LogLine]:
        """The notifications of one file. Raises what reading it raises."""
        for lines in _lines(file):
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
            return _notification(line[max(start, 0) :])
        except DamagedLineError as error:
            why = str(error)
        if not line or line.isspace():
            return None
        if _OTHER_LINE.match(line) and _BEGIN not in line:
            self.others += 1
            return None
        self.skip(why)
        last = line.rfind(_BEGIN)
        with contextlib.suppress(DamagedLineError):
            if last > start >= 0:
                return _notification(line[last:])
        return None


class UnreadableFileError(Exception):
    """A file cannot be read as it is. The text names the way out."""


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """The file, or standard input, without its compression. Raises OSError, UnreadableFileError."""
    with contextlib.ExitStack() as stack:
        if name == STANDARD_INPUT:
            file: Any = sys.stdin.buffer
        else:
            file = stack.enter_context(open(name, "rb"))
        begin = file.peek(8)
        for magic, command in _COMPRESSED.items():
            if begin.startswith(magic):
                raise UnreadableFileError(
                    f"expected text or gzip; say `{command} FILE |` before, and -"
                )
        if begin.startswith(_GZIP):
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        yield file


def _lines(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a file, without their ends, many at a time.

    Of a line that is too long the first _LONGEST_LINE bytes are given out, about.
    """
    rest = b""
    while block := file.read(_BLOCK):
        if len(rest) > _LONGEST_LINE:
            _, end, block = block.partition(b"\n")
            if not end:
                continue
            yield [rest]
            rest = b""
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        yield lines
    if rest:
        yield [rest]


def _notification(encoded: bytes) -> LogLine:
    """Raises DamagedLineError."""
    try:
        fields = orjson.loads(encoded)
    except orjson.JSONDecodeError as error:
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
