"""A thread that records gives the GIL up once for each entry: in write(2).

Beside a thread that computes, it can take 5 ms and more until the GIL is back.
"""

import sys
import zlib
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from glance_notify_middleware.events.deferred import ACTION_NAMES, DeferredNotification
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import (
    EventType,
    ImageEvent,
    Notification,
    Priority,
)
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.runtime.ids import Ids
from tests.journal.sample_journals import MakeJournal
from tests.this_thread import here

GIVEN_UP_ABOVE = 5 * 1024
"""Bytes. For more zlib gives the GIL up (CPython 3.11, Modules/zlibmodule.c, zlib_crc32)."""

LONG = "x" * 20_000
BEGUN = Intent(Ids().key(), 1.0, "glance-1", EventType.SEND, "", "i1", None, None, None, None)
NOTIFICATION = Notification.of(
    Ids().text(),
    "glance-1",
    ImageEvent(EventType.CREATE, Priority.INFO, {"name": LONG}),
    1.0,
    Requester(),
    201,
)
DEFERRED = DeferredNotification(
    *(Ids().key(), 1.0, EventType.CREATE, Priority.INFO, "glance-1", min(ACTION_NAMES.values())),
    *("i1", None, Requester(), 201, b'{"name": "%s"}' % LONG.encode()),
)


@pytest.mark.parametrize(
    "recorded",
    [
        lambda recorder: recorder.begin(BEGUN),
        lambda recorder: recorder.progress(BEGUN, Progress(5)),
        lambda recorder: recorder.record([NOTIFICATION, NOTIFICATION], BEGUN),
        lambda recorder: recorder.record([], BEGUN),
        lambda recorder: recorder.record_deferred(DEFERRED, BEGUN),
    ],
    ids=["intent", "progress", "events", "end", "deferred"],
)
def test_gil_is_given_up_once_for_an_entry(
    recorded: Callable[[JournalRecorder], None],
    make_journal: MakeJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = make_journal()
    recorder = JournalRecorder(lambda: journal, refuse_when_full=False)
    recorder.begin(BEGUN)
    sizes: list[int] = []

    def crc32(data: bytes, value: int = 0) -> int:
        sizes.append(len(data))
        return compute(data, value)

    compute = zlib.crc32
    monkeypatch.setattr(zlib, "crc32", here(crc32, compute))
    calls: list[str] = []

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and function.__module__ == "posix":
            calls.append(function.__name__)

    sys.setprofile(note)
    try:
        recorded(recorder)
    finally:
        sys.setprofile(None)
    assert calls == ["write"]
    assert sizes
    assert max(sizes) <= GIVEN_UP_ABOVE
