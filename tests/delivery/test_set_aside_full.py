"""Where there is no room to set messages aside: they wait in the journal, and none is lost."""

import errno
import logging
import os
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY
from glance_notify_middleware.delivery.window import WINDOW
from tests.delivery.dispatcher_harness import WARN, DispatcherHarness, warning
from tests.delivery.scripted_strategy import take_all, unroutable
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines


def test_when_there_is_no_more_room_it_waits_in_the_journal_and_the_others_go_on(
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
    told = logged_lines(caplog, logging.ERROR)
    assert told == ["scripted can set no more messages aside: there is no more room for them"]
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


def test_a_short_message_does_not_pass_a_long_one_for_which_there_is_no_room(
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


@pytest.mark.parametrize("kept", [None, 0, 50])
def test_on_a_full_disk_it_waits_in_the_journal(
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


def test_what_cannot_be_read_of_what_was_set_aside_keeps_only_its_own_priority(
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
    told = logged_lines(caplog, logging.ERROR)
    assert told == ["scripted cannot read what was set aside: [Errno 5] Input/output error"]
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(2) == ids
