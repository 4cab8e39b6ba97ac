"""Several recorders as one: each is given all, and what any could not record is lost once."""

import json
import uuid
from collections.abc import Sequence

import pytest

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.recorder import NotRecordedError, SeveralRecorders
from tests.events.cases import METADATA
from tests.events.notifications import SENT
from tests.wsgi.doubles import ListRecorder


class ScriptedRecorder(ListRecorder):
    """Keeps what it is given, and then raises `error`, if there is one."""

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


def make_notifications(count: int) -> list[Notification]:
    return [
        Notification(
            message_id=str(uuid.UUID(int=number)),
            publisher_id="glance-1",
            event_type=EventType.CREATE,
            priority=Priority.INFO,
            timestamp=1793880000.000042,
            payload=METADATA,
            request_id=None,
            project_id=None,
            user_id=None,
        )
        for number in range(count)
    ]


def test_recorders_are_each_given_all_notifications_in_their_order() -> None:
    first, second = ScriptedRecorder(), ScriptedRecorder()
    notifications = make_notifications(3)
    SeveralRecorders([first, second]).record(notifications)
    assert first.kept == second.kept == notifications


@pytest.mark.parametrize("at", [0, 1])
def test_notification_that_one_recorder_loses_is_named_and_the_other_recorder_has_all(
    at: int,
) -> None:
    notifications = make_notifications(3)
    both = [ScriptedRecorder(), ScriptedRecorder()]
    both[at] = ScriptedRecorder(NotRecordedError(notifications[1:2], "the disk is full"))
    with pytest.raises(NotRecordedError, match=r"^the disk is full$") as raised:
        SeveralRecorders(both).record(notifications)
    assert raised.value.lost == notifications[1:2]
    assert both[0].kept == both[1].kept == notifications


def test_notification_that_both_recorders_lose_is_named_once() -> None:
    notifications = make_notifications(3)
    first = ScriptedRecorder(NotRecordedError(notifications[2:], "a full disk"))
    second = ScriptedRecorder(NotRecordedError(notifications[1:], "a full journal"))
    with pytest.raises(NotRecordedError, match=r"^a full disk; a full journal$") as raised:
        SeveralRecorders([first, second]).record(notifications)
    assert raised.value.lost == notifications[1:]


def test_recorder_that_raises_another_error_has_lost_all_notifications() -> None:
    notifications = make_notifications(2)
    second = ScriptedRecorder()
    with pytest.raises(NotRecordedError, match=r"^ZeroDivisionError: broken$") as raised:
        SeveralRecorders([ScriptedRecorder(ZeroDivisionError("broken")), second]).record(
            notifications
        )
    assert raised.value.lost == second.kept == notifications


@pytest.mark.parametrize("name", ["begin", "progress", "remind"])
def test_recorder_that_raises_keeps_no_call_from_the_next_recorder(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("broken")

    called: list[tuple[object, ...]] = []
    first, second = ListRecorder(), ListRecorder()
    monkeypatch.setattr(first, name, fail)
    monkeypatch.setattr(second, name, lambda *given: called.append(given))
    given = ("an intent", "its progress") if name == "progress" else ("an intent",)
    with pytest.raises(ZeroDivisionError, match="broken"):
        getattr(SeveralRecorders([first, second]), name)(*given)
    assert called == [given]


def test_several_recorders_refuse_when_one_recorder_refuses() -> None:
    assert SeveralRecorders([ScriptedRecorder(), ScriptedRecorder(refuses=True)]).refuses()
    assert not SeveralRecorders([ScriptedRecorder(), ScriptedRecorder()]).refuses()


def test_not_recorded_error_has_the_lost_notifications_and_the_reason() -> None:
    error = NotRecordedError([], "the disk is full")
    assert (error.lost, str(error)) == ([], "the disk is full")


def test_deferred_notification_is_given_to_each_as_it_is_and_is_lost_once() -> None:
    known = b"k" * 16, 0.0, EventType.SEND, Priority.INFO, "h", "SEND"
    deferred = DeferredNotification(
        *known, None, None, Requester("r", "u"), 200, json.dumps(SENT).encode()
    )
    first, second = ScriptedRecorder(ZeroDivisionError("broken")), ScriptedRecorder()
    with pytest.raises(NotRecordedError, match="ZeroDivisionError: broken") as raised:
        SeveralRecorders([first, second]).record_deferred(deferred)
    assert raised.value.lost == second.kept == [deferred.made()]
