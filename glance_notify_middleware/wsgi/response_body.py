"""The body of a response: passes the application's chunks on, counts them, and reports the end.

Nothing here buffers, reads ahead, or asks the application for more than the server asks for.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

PROGRESS_STEP = 64 * 1024 * 1024
"""Bytes of a download after which its progress is recorded."""

OnEnd = Callable[[BaseException | None, bool], None]
"""Called when a body has ended: with the exception that ended it, if any, and with whether the body
was exhausted (False: it was closed, or dropped, before). It can be called several times, as a
close() follows: the first call counts."""


class WatchedBody:
    """A response's body that passes the application's chunks on.

    `on_chunk`, if given, sees each chunk before the server has it. `on_end` is called at the end.

    `bytes_sent` counts a chunk once the server asks for the next one: a chunk that the server held
    when the client went away is not known to have left.

    `on_progress`, if given, is called after every PROGRESS_STEP bytes, and with the next chunk
    after somebody has set `due` to 0. So a timer elsewhere can have the progress recorded every
    few seconds, and no chunk needs a look at the clock.

    The chunks come from a generator, which is fast. `close` is a method of this class, as a
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
        on_end: OnEnd,
        on_chunk: Callable[[bytes], None] | None = None,
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        self.bytes_sent = 0
        self.due: float = PROGRESS_STEP if on_progress is not None else math.inf
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
                    self.due = sent + PROGRESS_STEP
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
    """A watched body over a body that has a length, which servers use to frame the response."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(cast(Any, self._body))


def watch(
    body: Iterable[bytes],
    on_end: OnEnd,
    on_chunk: Callable[[bytes], None] | None = None,
    on_progress: Callable[[], None] | None = None,
) -> WatchedBody:
    """`body` as a WatchedBody, with a length if `body` has one."""
    kind = SizedBody if hasattr(body, "__len__") else WatchedBody
    return kind(body, on_end, on_chunk, on_progress)
