"""Where there is no room to set messages aside: they wait in the journal, and none is lost."""

import errno
import logging
import os
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY
from glance_notify_middleware.delivery.window import WINDOW
from tests.delivery.setting_aside import WARN, nowhere_for, send_all, sent_since, warning
from tests.delivery.support import Bench, lines, taken
from tests.journal.sample_journals import message


def test_when_there_is_no_more_room_it_waits_in_the_journal_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, aside_max_size=1000)
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(*(warning(bytes(200)) for _ in range(10)))
    others = bench.take_some(5)
    send_all(bench)
    done = bench.done
    assert 0 < done < 5
    assert bench.strategy.ids == [ids + others]
    assert bench.send() == [False]
    told = lines(caplog, logging.ERROR)
    assert told == ["scripted can set no more messages aside: there is no more room for them"]
    rest = bench.take(*(warning(bytes(200)) for _ in range(bench.window.room)))
    send_all(bench)
    assert bench.window.room == 0
    assert bench.done == done
    assert bench.strategy.ids == [ids + others]
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert sent_since(bench, 1) == ids + rest
    assert bench.window.room == WINDOW
    assert bench.done == len(ids + others + rest)


def test_a_short_message_does_not_pass_a_long_one_for_which_there_is_no_room(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, aside_max_size=1000)
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(warning(bytes(600)), warning(bytes(600)), warning(bytes(10)))
    send_all(bench)
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert sent_since(bench, 1) == ids


@pytest.mark.parametrize("kept", [None, 0, 50])
def test_on_a_full_disk_it_waits_in_the_journal(
    kept: int | None,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(warning(), warning(), message())
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if kept is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:kept])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert bench.send(5)[1:] == [False] * 4
    assert bench.done == 0
    assert len(lines(caplog, logging.ERROR)) == 1
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert sent_since(bench, 1) == ids[:2]
    assert bench.done == 3


def test_what_cannot_be_read_of_what_was_set_aside_keeps_only_its_own_priority(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(warning(), warning())
    send_all(bench)
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", broken)
        others = bench.take_some(3)
        send_all(bench)
    assert sent_since(bench, 1) == others
    told = lines(caplog, logging.ERROR)
    assert told == ["scripted cannot read what was set aside: [Errno 5] Input/output error"]
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert sent_since(bench, 2) == ids
