"""The input of a request: sees what the application reads of it.

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
    read, even where there was nothing to read. `is_watched` is true until more was read than is
    kept and no later read matters to `on_read`: from then on nothing is looked at. Until then
    `bytes_read` counts.
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

    def look(self, data: bytes | memoryview) -> None:
        """Look at what was read. To be called while `is_watched`."""
        self.touched = True
        self.bytes_read += len(data)
        room = self._kept - len(self.head)
        if room:
            self.head += bytes(data[:room])
        if self._on_read is not None and self._on_read():
            self._on_read = None
        self.is_watched = self._on_read is not None or not self.is_cut


def watch_input(environ: WSGIEnvironment, on_read: OnRead, kept: int = DATA_KEPT) -> InputTally:
    """Replace `wsgi.input` by a WatchedInput; returns its tally, which keeps `kept` bytes.

    WebOb keeps a buffer over the input in the environ, and knows it by the input's identity. A
    buffer that a filter above has read from stays in use, watched: the bytes in it are nowhere
    else.
    """
    tally = InputTally(on_read, kept)
    stream = environ["wsgi.input"]
    environ["wsgi.input"] = watched = _watched(stream, tally)
    buffer, buffered = environ.get("webob._body_file", (None, None))
    if buffer is not None and buffered is stream:
        environ["webob._body_file"] = (_watched(buffer, tally), watched)
    return tally


def unwatch_input(environ: WSGIEnvironment) -> None:
    """Put back what `watch_input` has replaced; a buffer that WebOb made since stays in use."""
    watched = environ.get("wsgi.input")
    if not isinstance(watched, WatchedInput):
        return
    environ["wsgi.input"] = watched.stream
    buffer, buffered = environ.get("webob._body_file", (None, None))
    if buffered is watched:
        if isinstance(buffer, WatchedInput):
            buffer = buffer.stream
        environ["webob._body_file"] = (buffer, watched.stream)


def _reading(method: Callable[..., Any], tally: InputTally) -> Callable[..., Any]:
    """`method`, which returns bytes, watched. An upload has many reads: this is the fast one.

    PEP 3333 gives the methods one argument at most, the size.
    """

    def read(size: Any = None) -> Any:
        data = method() if size is None else method(size)
        if tally.is_watched:
            tally.look(data or b"")
        return data

    return read


def _reading_lines(method: Callable[..., Any], tally: InputTally) -> Callable[..., Any]:
    """`method`, which returns a list of lines, watched."""

    def readlines(*hint: Any) -> Any:
        lines = method(*hint)
        if tally.is_watched:
            tally.look(b"".join(lines))
        return lines

    return readlines


def _reading_into(method: Callable[[Any], Any], tally: InputTally) -> Callable[[Any], Any]:
    """`method`, which reads into a buffer, watched."""

    def readinto(buffer: Any) -> Any:
        count = method(buffer)
        if tally.is_watched:
            tally.look(memoryview(buffer).cast("B")[: count or 0])
        return count

    return readinto


_READING_METHODS = {
    **dict.fromkeys(("read", "read1", "readall", "readline"), _reading),
    "readlines": _reading_lines,
    **dict.fromkeys(("readinto", "readinto1"), _reading_into),
}


def _watched(stream: Any, tally: InputTally) -> "WatchedInput":
    """A WatchedInput that is iterable only if `stream` is: applications test what it can do."""
    if hasattr(stream, "__next__"):
        return _WatchedIterator(stream, tally)
    return (_WatchedIterable if hasattr(stream, "__iter__") else WatchedInput)(stream, tally)


class WatchedInput:
    """Watches what is read from `stream`.

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


class _WatchedIterable(WatchedInput):
    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.stream:
            if self._tally.is_watched:
                self._tally.look(chunk)
            yield chunk


class _WatchedIterator(_WatchedIterable):
    def __next__(self) -> bytes:
        chunk = cast(bytes, next(self.stream))
        if self._tally.is_watched:
            self._tally.look(chunk)
        return chunk
