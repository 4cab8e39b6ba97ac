"""The input of a request: counts what the application reads of it.

Nothing here buffers, reads ahead, or reads more than the application asks for.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast
from wsgiref.types import WSGIEnvironment

DATA_KEPT = 64
"""How many bytes of a request's body are kept where the body is image data."""

JSON_KEPT = 64 * 1024
"""How many bytes are kept of a patch, or of a body that names members or stores: as a rule all."""

OnRead = Callable[[], object]
"""Called after each read of the application, until it returns something true: no later read matters
to it."""


class InputTally:
    """What the application has read of a request's body so far.

    `head` holds the first bytes, as many as `kept`. `touched` is true once the application has
    read, even where there was nothing to read. `is_watched` is true until `head` is full and
    no later read matters to `on_read`: from then on a read is only counted.
    """

    __slots__ = ("_kept", "_on_read", "bytes_read", "head", "is_watched", "touched")

    def __init__(self, on_read: OnRead, kept: int = DATA_KEPT) -> None:
        self.bytes_read = 0
        self.head = b""
        self.touched = False
        self.is_watched = True
        self._on_read: OnRead | None = on_read
        self._kept = kept

    @property
    def is_cut(self) -> bool:
        """Whether more was read than is kept."""
        return self.bytes_read > len(self.head)

    def add(self, data: bytes | memoryview) -> None:
        """Count what was read."""
        self.bytes_read += len(data)
        if self.is_watched:
            self.look(data)

    def look(self, data: bytes | memoryview) -> None:
        """Look at what was read, which is counted already."""
        self.touched = True
        room = self._kept - len(self.head)
        if room:
            self.head += bytes(data[:room])
        if self._on_read is not None and self._on_read():
            self._on_read = None
        self.is_watched = self._on_read is not None or len(self.head) < self._kept


def watch_input(environ: WSGIEnvironment, on_read: OnRead, kept: int = DATA_KEPT) -> InputTally:
    """Replace `wsgi.input` by a counting object; returns its tally, which keeps `kept` bytes.

    WebOb keeps a buffer over the input in the environ, and knows it by the input's identity. A
    buffer that a filter above has read from stays in use, counted: the bytes in it are nowhere
    else.
    """
    tally = InputTally(on_read, kept)
    stream = environ["wsgi.input"]
    environ["wsgi.input"] = counted = _counted(stream, tally)
    buffer, buffered = environ.get("webob._body_file", (None, None))
    if buffer is not None and buffered is stream:
        environ["webob._body_file"] = (_counted(buffer, tally), counted)
    return tally


def unwatch_input(environ: WSGIEnvironment) -> None:
    """Put back what `watch_input` has replaced; a buffer that WebOb made since stays in use."""
    counted = environ.get("wsgi.input")
    if not isinstance(counted, CountingInput):
        return
    environ["wsgi.input"] = counted.stream
    buffer, buffered = environ.get("webob._body_file", (None, None))
    if buffered is counted:
        if isinstance(buffer, CountingInput):
            buffer = buffer.stream
        environ["webob._body_file"] = (buffer, counted.stream)


def _reading(method: Callable[..., Any], tally: InputTally) -> Callable[..., Any]:
    """`method`, which returns bytes, counted. An upload has many reads: this is the fast one.

    PEP 3333 gives the methods one argument at most, the size.
    """

    def read(size: Any = None) -> Any:
        data = method() if size is None else method(size)
        if data is not None:
            tally.bytes_read += len(data)
        if tally.is_watched:
            tally.look(data or b"")
        return data

    return read


def _reading_lines(method: Callable[..., Any], tally: InputTally) -> Callable[..., Any]:
    """`method`, which returns a list of lines, counted."""

    def readlines(*hint: Any) -> Any:
        lines = method(*hint)
        tally.add(b"".join(lines))
        return lines

    return readlines


def _reading_into(method: Callable[[Any], Any], tally: InputTally) -> Callable[[Any], Any]:
    """`method`, which reads into a buffer, counted."""

    def readinto(buffer: Any) -> Any:
        count = method(buffer)
        tally.add(memoryview(buffer).cast("B")[: count or 0])
        return count

    return readinto


_READING_METHODS = {
    **dict.fromkeys(("read", "read1", "readall", "readline"), _reading),
    "readlines": _reading_lines,
    **dict.fromkeys(("readinto", "readinto1"), _reading_into),
}


def _counted(stream: Any, tally: InputTally) -> "CountingInput":
    """A counting object that is iterable only if `stream` is: applications test what it can do."""
    if hasattr(stream, "__next__"):
        return _CountingIterator(stream, tally)
    return (_CountingIterable if hasattr(stream, "__iter__") else CountingInput)(stream, tally)


class CountingInput:
    """Counts what is read from `stream`.

    It has those reading methods that the stream has. All other attributes are the stream's.
    """

    def __init__(self, stream: Any, tally: InputTally) -> None:
        self.stream = stream
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        """Called for a name that the object does not have: a reading method is made at its first
        use, and kept."""
        if name == "stream":  # a copy that is being made does not have it yet
            raise AttributeError(name)
        value = getattr(self.stream, name)
        if name in _READING_METHODS:
            value = _READING_METHODS[name](value, self._tally)
            setattr(self, name, value)
        return value


class _CountingIterable(CountingInput):
    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.stream:
            self._tally.add(chunk)
            yield chunk


class _CountingIterator(_CountingIterable):
    def __next__(self) -> bytes:
        chunk = cast(bytes, next(self.stream))
        self._tally.add(chunk)
        return chunk
