"""Reminders of running downloads: what has ended leaves nothing behind."""

from glance_notify_middleware.journal.reminders import Reminders


class Running:
    due = 100.0


def test_downloads_that_have_ended_are_dropped_each_second() -> None:
    reminders = Reminders()
    reminders.remind()  # the next time is in some seconds
    running = Running()
    for _ in range(1000):
        reminders.add(Running())
    reminders.add(running)
    reminders.remind()
    assert [each() for each in reminders._running] == [running]
    assert running.due == 100.0


def test_references_are_bounded_where_nobody_reminds() -> None:
    reminders = Reminders()
    running = Running()
    for _ in range(200_000):
        reminders.add(running)
    assert len(reminders._running) == 100_000
