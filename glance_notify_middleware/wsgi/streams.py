"""What passes between server and application, watched without being held up.

Nothing here buffers, reads ahead or asks for more than it was asked for.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from wsgiref.types import WSGIEnvironment

HEAD = 64
"""How many bytes of a request's body are kept, where that is data."""

ALL = 64 * 1024
"""How many of one that is a patch, or names members or stores: all of it, as a rule."""

STEP = 64 * 1024 * 1024
"""Bytes of a download after which its progress is told."""

Ended = Callable[[BaseException | None, bool], None]
"""Called when a body has ended, with the exception that ended it, if any, and whether it
was exhausted (False: closed or dropped before). The first call tells; a close follows."""


class InputTally:
    """What the application has read of a request's body so far.

    `head` is its first `kept` bytes; `touched` says that it was read at all, be it to no avail.
    """

    def __init__(self, on_read: Callable[[], None], kept: int = HEAD) -> None:
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
    environ: WSGIEnvironment, on_read: Callable[[], None], kept: int = HEAD
) -> InputTally:
    """Put a counting object in the place of `wsgi.input`; `on_read` is called after each read.
    As many bytes as `kept` says stay in the tally.

    WebOb keeps a buffer over the input in the environ and knows it by the input's identity. One
    that a filter above has read from goes on serving, counted: the bytes in it are nowhere else.
    """
    tally = InputTally(on_read, kept)
    stream = environ["wsgi.input"]
    environ["wsgi.input"] = counted = _counted(stream, tally)
    buffer, buffered = environ.get("webob._body_file", (None, None))
    if buffer is not None and buffered is stream:
        environ["webob._body_file"] = (_counted(buffer, tally), counted)
    return tally


def unwatch_input(environ: WSGIEnvironment) -> None:
    """Put back what `watch_input` replaced, and let a buffer that WebOb made since go on."""
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
    """A counting object that is as iterable as the stream: applications ask what it can do."""
    if hasattr(stream, "__next__"):
        return _CountingIterator(stream, tally)
    return (_CountingIterable if hasattr(stream, "__iter__") else CountingInput)(stream, tally)


class CountingInput:
    """Counts what is read from a stream.

    Has the reading methods that the stream has and no others; all else goes to the stream.
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
        tally = self._tally  # and not self: that would be a cycle

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


class WatchedBody:
    """An answer's body: hands out the application's chunks, and tells how it ended.

    `on_chunk`, if given, sees each chunk before the server has it. `bytes_sent` counts a chunk
    once the server asks for the next one: the chunk that was in its hands when the client went
    away is not known to have left. `on_progress`, if given, is called after every STEP bytes, and
    with the next chunk after somebody has set `due` to 0: who does that every few seconds spares
    us to read the clock for every chunk.

    The chunks come from a generator, which is fast; `close` is this object's own, for a
    generator that is closed before its first chunk runs none of its code.
    """

    __slots__ = (
        "__weakref__",
        "_body",
        "_on_chunk",
        "_on_end",
        "_on_progress",
        "bytes_sent",
        "due",
    )

    def __init__(
        self,
        body: Iterable[bytes],
        on_end: Ended,
        on_chunk: Callable[[bytes], None] | None = None,
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        self.bytes_sent = 0
        self.due: float = STEP if on_progress is not None else math.inf
        self._body = body
        self._on_end = on_end
        self._on_chunk = on_chunk
        self._on_progress = on_progress

    def __iter__(self) -> Iterator[bytes]:
        on_chunk = self._on_chunk
        sent = self.bytes_sent
        try:
            for chunk in self._body:
                if on_chunk is not None:
                    on_chunk(chunk)
                yield chunk
                self.bytes_sent = sent = sent + len(chunk)
                if sent >= self.due and self._on_progress is not None:
                    self.due = sent + STEP
                    self._on_progress()
        except GeneratorExit:
            self._on_end(None, False)
            raise
        except BaseException as error:
            self._on_end(error, False)
            raise
        self._on_end(None, True)

    def close(self) -> None:
        try:
            self._on_end(None, False)
        finally:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()


class SizedBody(WatchedBody):
    """One over a body that has a length: servers look at it to frame the answer."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(cast(Any, self._body))


def watched(
    body: Iterable[bytes],
    on_end: Ended,
    on_chunk: Callable[[bytes], None] | None = None,
    on_progress: Callable[[], None] | None = None,
) -> WatchedBody:
    """`body` under watch, with a length if it has one."""
    kind = SizedBody if hasattr(body, "__len__") else WatchedBody
    return kind(body, on_end, on_chunk, on_progress)
