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


class InputTally:
    """What the application has read of a request's body so far.

    `head` holds the first bytes, as many as `kept`. `touched` is true once the application has
    read, even where there was nothing to read. `on_read` is called after each read.
    """

    def __init__(self, on_read: Callable[[], None], kept: int = DATA_KEPT) -> None:
        self.bytes_read = 0
        self.head = b""
        self.touched = False
        self._on_read = on_read
        self._kept = kept

    @property
    def is_cut(self) -> bool:
        """Whether more was read than is kept."""
        return self.bytes_read > len(self.head)

    def add(self, data: bytes | memoryview) -> None:
        self.touched = True
        self.bytes_read += len(data)
        if len(self.head) < self._kept:
            self.head += bytes(data[: self._kept - len(self.head)])
        self._on_read()


def watch_input(
    environ: WSGIEnvironment, on_read: Callable[[], None], kept: int = DATA_KEPT
) -> InputTally:
    """Replace `wsgi.input` by a counting object; returns its tally.

    `on_read` is called after each read. The tally keeps the first `kept` bytes.

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
        for names, counting in (
            (("read", "read1", "readall", "readline", "readlines"), self._counting),
            (("readinto", "readinto1"), self._counting_into),
        ):
            for name in names:
                method = getattr(stream, name, None)
                if method is not None:
                    setattr(self, name, counting(method))

    def __getattr__(self, name: str) -> Any:
        if name == "stream":  # a copy that is being made does not have it yet
            raise AttributeError(name)
        return getattr(self.stream, name)

    def _counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        tally = self._tally  # a closure over self would be a reference cycle

        def read(*args: Any, **kwargs: Any) -> Any:
            data = method(*args, **kwargs)
            tally.add(b"".join(data) if isinstance(data, list) else data or b"")
            return data

        return read

    def _counting_into(self, method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        tally = self._tally

        def readinto(buffer: Any) -> Any:
            count = method(buffer)
            tally.add(memoryview(buffer).cast("B")[: count or 0])
            return count

        return readinto


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
