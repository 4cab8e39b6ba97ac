"""A retired strategy: its unsent notifications are counted and logged once."""

import logging
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside.files import AsideFiles
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.retiring import retire
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.reader import Reader
from tests.journal.fake_leader import write_dead_process
from tests.journal.sample_journals import message, write_segment

A, B = "a" * 16, "b" * 16


def lead(directory: Path, *strategies: str) -> None:
    """Do what the next leader does first."""
    retire(directory, CursorFile(directory, strategies))


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(each.levelno, each.getMessage()) for each in caplog.records]


def test_unsent_notifications_of_a_retired_strategy_are_counted_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In half of one journal, in all of another, and in the aside file."""
    caplog.set_level(logging.INFO)
    write_dead_process(tmp_path, A, 4)
    write_segment(tmp_path, A, [(20, message())], segment=1, number=4)
    write_dead_process(tmp_path, B, 10)
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    reader = Reader(tmp_path, {})
    steps = [step for step in reader.read(100) if step.identity == A and step.messages]
    reader.close()
    file.of("qpid").move(A, steps[1].after)
    set_aside = AsideFiles(tmp_path, "qpid", file.of("qpid"), 2**20)
    set_aside.postpone(Priority.WARN, 0.0)
    for _ in range(3):
        assert set_aside.add(message(priority=Priority.WARN))
    (first,) = set_aside.read(Priority.WARN, 1) or []
    set_aside.advance(Priority.WARN, first.end)
    file.save(at_once=True)
    for _ in range(2):
        lead(tmp_path, "rabbit")
    assert logged(caplog) == [
        (
            logging.WARNING,
            "qpid is not in notifier_strategy any more: 15 notifications are not sent to it",
        )
    ]
    assert list(tmp_path.glob("aside.*")) == []


def test_retired_strategy_that_was_sent_all_is_logged_at_info(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_dead_process(tmp_path, A, 4)
    file = CursorFile(tmp_path, ["qpid"])
    file.of("qpid").move(A, Position(1, 0, 4))
    file.save(at_once=True)
    lead(tmp_path, "rabbit")
    assert logged(caplog) == [
        (
            logging.INFO,
            "qpid is not in notifier_strategy any more: 0 notifications are not sent to it",
        )
    ]


def test_retired_strategy_that_comes_back_begins_at_the_end_of_all_journals(tmp_path: Path) -> None:
    CursorFile(tmp_path, ["qpid", "rabbit"]).save()
    write_dead_process(tmp_path, A, 4)
    lead(tmp_path, "rabbit")
    file = CursorFile(tmp_path, ["qpid", "rabbit"])
    assert file.of("rabbit").positions == {}
    assert file.of("qpid").positions.keys() == {A}


def test_removed_strategy_that_comes_back_before_a_leader_keeps_its_cursors(tmp_path: Path) -> None:
    file = CursorFile(tmp_path, ["qpid", "rabbit"])
    file.of("qpid").move(A, Position(0, 99, 1))
    file.save()
    again = CursorFile(tmp_path, ["rabbit"])
    assert again.retired.keys() == {"qpid"}
    assert CursorFile(tmp_path, ["qpid", "rabbit"]).of("qpid").positions == {A: Position(0, 99, 1)}
