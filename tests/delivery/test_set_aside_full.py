"""Messages that cannot be set aside wait in the journal, and none is lost."""

import errno
import logging
import os
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY
from glance_notify_middleware.delivery.window import WINDOW
from tests.delivery.dispatcher_harness import WARN, DispatcherHarness, warning
from tests.delivery.scripted_strategy import take_all, unroutable
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines


def test_messages_without_room_aside_wait_in_the_journal_and_other_priorities_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness = DispatcherHarness(tmp_path, aside_max_size=1000)
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning(bytes(200)) for _ in range(10)))
    others = harness.take_some(5)
    harness.send_all()
    done = harness.done
    assert 0 < done < 5
    assert harness.strategy.ids == [ids + others]
    assert harness.send() == [False]
    assert logged_lines(caplog, logging.ERROR) == [
        "scripted can set no more messages aside: there is no more room for them"
    ]
    rest = harness.take(*(warning(bytes(200)) for _ in range(harness.window.room)))
    harness.send_all()
    assert harness.window.room == 0
    assert harness.done == done
    assert harness.strategy.ids == [ids + others]
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(1) == ids + rest
    assert harness.window.room == WINDOW
    assert harness.done == len(ids + others + rest)


def test_short_message_does_not_pass_a_long_one_without_room(
    tmp_path: Path,
) -> None:
    harness = DispatcherHarness(tmp_path, aside_max_size=1000)
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(warning(bytes(600)), warning(bytes(600)), warning(bytes(10)))
    harness.send_all()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(1) == ids


@pytest.mark.parametrize("kept", [None, 0, 50], ids=["error", "nothing written", "torn entry"])
def test_messages_wait_in_the_journal_while_the_disk_is_full(
    kept: int | None,
    harness: DispatcherHarness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(warning(), warning(), message())
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if kept is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:kept])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert harness.send(5)[1:] == [False] * 4
    assert harness.done == 0
    assert len(logged_lines(caplog, logging.ERROR)) == 1
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(1) == ids[:2]
    assert harness.done == 3


def test_unreadable_aside_file_holds_up_its_own_priority_alone(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(warning(), warning())
    harness.send_all()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", broken)
        others = harness.take_some(3)
        harness.send_all()
    assert harness.sent_since(1) == others
    assert logged_lines(caplog, logging.ERROR) == [
        "scripted cannot read what was set aside: [Errno 5] Input/output error"
    ]
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(2) == ids
