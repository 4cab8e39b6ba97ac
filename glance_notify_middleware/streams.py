"""What passes between server and application, watched without being held up.

Three wrappers: the request's body as the application reads it, an answer's body that is
an image's data, and an answer's body that is small. None of them buffers, reads ahead or
asks for more than it was asked for.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

_HEAD = 64
"""How many bytes of a request's body are kept: enough to tell what a patch is about."""

Ended = Callable[[BaseException | None, bool], None]
"""Called when a body has ended, with the exception that ended it, if any, and whether it
was exhausted (False: closed or dropped before). The first call tells; a close follows."""


class CountingInput:
    """`wsgi.input`, counting what is read from it.

    Has the reading methods that the wrapped object has and no others (an application asks
    `hasattr(body, "read")`); everything else goes to the wrapped object.
    """

    def __init__(self, stream: Any, on_read: Callable[["CountingInput"], None]) -> None:
        self.bytes_read = 0
        self.head = b""
        self.touched = False
        self._stream = stream
        self._on_read = on_read
        for name in ("read", "readline", "readlines"):
            method = getattr(stream, name, None)
            if method is not None:
                setattr(self, name, self._counting(method))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._count(chunk)
            yield chunk

    def __next__(self) -> bytes:
        chunk = cast(bytes, next(self._stream))
        self._count(chunk)
        return chunk

    def _counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def read(*args: Any, **kwargs: Any) -> Any:
            data = method(*args, **kwargs)
            self._count(b"".join(data) if isinstance(data, list) else data or b"")
            return data

        return read

    def _count(self, data: bytes) -> None:
        self.touched = True
        self.bytes_read += len(data)
        if len(self.head) < _HEAD:
            self.head += bytes(data[: _HEAD - len(self.head)])
        self._on_read(self)


class WatchedBody:
    """An answer's body: hands out the application's chunks and tells how it ended.

    `__iter__` is a generator, which is fast; `close` is this object's own, for a generator
    that is closed before its first chunk runs none of its code.
    """

    def __init__(self, body: Iterable[bytes], on_end: Ended) -> None:
        self._body = body
        self._on_end = on_end

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks(iter(self._body))
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

    def _chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        raise NotImplementedError


class DataBody(WatchedBody):
    """An image's data, counted.

    `bytes_sent` counts a chunk once the server asks for the next one: the chunk that was in
    its hands when the client went away is not known to have left.
    """

    bytes_sent = 0

    def _chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.bytes_sent += len(chunk)


class SizedDataBody(DataBody):
    """An image's data in a body that has a length: servers look at it to frame the answer."""

    def __len__(self) -> int:
        return len(cast(Any, self._body))


class SmallBody(WatchedBody):
    """A small answer, shown to `on_chunk` before each chunk is handed to the server."""

    def __init__(
        self, body: Iterable[bytes], on_chunk: Callable[[bytes], None], on_end: Ended
    ) -> None:
        super().__init__(body, on_end)
        self._on_chunk = on_chunk

    def _chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._on_chunk(chunk)
            yield chunk
