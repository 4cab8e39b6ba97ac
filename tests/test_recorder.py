"""Several recorders: each is given all, and what one or another could not take is told once."""

from collections.abc import Sequence

import pytest

from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.recorder import NotRecordedError, SeveralRecorders
from tests.wsgi.doubles import ListRecorder


class Keeps(ListRecorder):
    """Keeps a list; raises `error` then, if there is one."""

    def __init__(self, error: Exception | None = None, *, refuses: bool = False) -> None:
        super().__init__()
        self.kept: list[Notification] = []
        self._error = error
        self._refuses = refuses

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        super().record(notifications, ends)
        self.kept += notifications
        if self._error is not None:
            raise self._error

    def refuses(self) -> bool:
        return self._refuses


def some(count: int) -> list[Notification]:
    return [
        Notification(
            message_id=str(number),
            publisher_id="glance-1",
            event_type=EventType.CREATE,
            priority=Priority.INFO,
            timestamp=1793880000.000042,
            payload="",
            request_id=None,
            project_id=None,
            user_id=None,
        )
        for number in range(count)
    ]


def test_each_is_given_all_in_their_order() -> None:
    one, two = Keeps(), Keeps()
    notifications = some(3)
    SeveralRecorders([one, two]).record(notifications)
    assert one.kept == two.kept == notifications


@pytest.mark.parametrize("at", [0, 1])
def test_what_one_cannot_take_is_told_and_the_other_is_given_all(at: int) -> None:
    notifications = some(3)
    both = [Keeps(), Keeps()]
    both[at] = Keeps(NotRecordedError(notifications[1:2], "the disk is full"))
    with pytest.raises(NotRecordedError, match=r"^the disk is full$") as raised:
        SeveralRecorders(both).record(notifications)
    assert raised.value.lost == notifications[1:2]
    assert both[0].kept == both[1].kept == notifications


def test_what_no_one_could_take_is_told_once() -> None:
    notifications = some(3)
    one = Keeps(NotRecordedError(notifications[2:], "a full disk"))
    two = Keeps(NotRecordedError(notifications[1:], "a full journal"))
    with pytest.raises(NotRecordedError, match=r"^a full disk; a full journal$") as raised:
        SeveralRecorders([one, two]).record(notifications)
    assert raised.value.lost == notifications[1:]


def test_one_that_breaks_has_lost_all() -> None:
    notifications = some(2)
    two = Keeps()
    with pytest.raises(NotRecordedError, match=r"^ZeroDivisionError: broken$") as raised:
        SeveralRecorders([Keeps(ZeroDivisionError("broken")), two]).record(notifications)
    assert raised.value.lost == two.kept == notifications


def test_they_refuse_when_one_does() -> None:
    assert SeveralRecorders([Keeps(), Keeps(refuses=True)]).refuses()
    assert not SeveralRecorders([Keeps(), Keeps()]).refuses()
