"""The body of a response: passes the application's chunks on, counts them, and reports the end.

Nothing here buffers, reads ahead, or asks the application for more than the server asks for.
"""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, cast

PROGRESS_STEP = 64 * 1024 * 1024
"""Bytes of a download after which its progress is recorded."""

OnEnd = Callable[[BaseException | None, bool], None]
"""Called when a body has ended: with the exception that ended it, if any, and with whether the body
was exhausted (False: it was closed, or dropped, before). It can be called several times, as a
close() follows: the first call counts."""


class _PassedBody:
    """A response's body that passes the application's chunks on, and calls `on_end` at the end.

    The chunks come from a generator, which is fast: it passes them inside `with self`. `close` is a
    method of this class, as a generator that is closed before its first chunk runs none of its
    code.
    """

    __slots__ = ("__weakref__", "_body", "_on_end")

    def __init__(self, body: Iterable[bytes], on_end: OnEnd) -> None:
        self._body = body
        self._on_end = on_end

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        is_closed = isinstance(error, GeneratorExit)
        self._on_end(None if is_closed else error, error is None)

    def close(self) -> None:
        try:
            self._on_end(None, False)
        finally:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()


class WatchedBody(_PassedBody):
    """A body of which `on_chunk` sees each chunk before the server has it."""

    __slots__ = ("_on_chunk",)

    def __init__(
        self, body: Iterable[bytes], on_end: OnEnd, on_chunk: Callable[[bytes], None]
    ) -> None:
        super().__init__(body, on_end)
        self._on_chunk = on_chunk

    def __iter__(self) -> Iterator[bytes]:
        on_chunk = self._on_chunk
        with self:
            for chunk in self._body:
                on_chunk(chunk)
                yield chunk


class CountedBody(_PassedBody):
    """A body whose bytes are counted.

    `bytes_sent` counts a chunk once the server asks for the next one: a chunk that the server held
    when the client went away is not known to have left.

    `on_first_chunk` is called once the first chunk is counted. `on_progress` is called after every
    PROGRESS_STEP bytes, and with the next chunk after somebody has set `due` to 0. So a timer
    elsewhere can have the progress recorded every few seconds, and no chunk needs a look at the
    clock.
    """

    __slots__ = ("_on_first_chunk", "_on_progress", "bytes_sent", "due")

    def __init__(
        self,
        body: Iterable[bytes],
        on_end: OnEnd,
        on_first_chunk: Callable[[], object],
        on_progress: Callable[[], object],
    ) -> None:
        super().__init__(body, on_end)
        self.bytes_sent = 0
        self.due: float = PROGRESS_STEP
        self._on_first_chunk = on_first_chunk
        self._on_progress = on_progress

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        with self:
            chunks = iter(self._body)
            for chunk in chunks:
                yield chunk
                self.bytes_sent = sent = len(chunk)
                self._on_first_chunk()
                break
            for chunk in chunks:
                yield chunk
                self.bytes_sent = sent = sent + len(chunk)
                if sent >= self.due:
                    self.due = sent + PROGRESS_STEP
                    self._on_progress()


class _Sized(_PassedBody):
    """A body over one that has a length, which servers use to frame the response."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(cast(Any, self._body))


class _SizedWatchedBody(_Sized, WatchedBody):
    __slots__ = ()


class _SizedCountedBody(_Sized, CountedBody):
    __slots__ = ()


def watch(body: Iterable[bytes], on_end: OnEnd, on_chunk: Callable[[bytes], None]) -> WatchedBody:
    """`body` as a WatchedBody, with a length if `body` has one."""
    kind = _SizedWatchedBody if hasattr(body, "__len__") else WatchedBody
    return kind(body, on_end, on_chunk)


def count(
    body: Iterable[bytes],
    on_end: OnEnd,
    on_first_chunk: Callable[[], object],
    on_progress: Callable[[], object],
) -> CountedBody:
    """`body` as a CountedBody, with a length if `body` has one."""
    kind = _SizedCountedBody if hasattr(body, "__len__") else CountedBody
    return kind(body, on_end, on_first_chunk, on_progress)
