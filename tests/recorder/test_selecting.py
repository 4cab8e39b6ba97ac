"""A recorder that is given what one target gets, and no more."""

from collections.abc import Sequence

import pytest

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.events.selection import ALL_KINDS, Selection
from glance_notify_middleware.recorder import Counted, NotRecordedError
from glance_notify_middleware.recorder.selecting import SelectingRecorder
from tests.wsgi.doubles import ListRecorder

SENT = Notification("1", "h", EventType.SEND, Priority.INFO, 0.0, {"owner_id": "o"}, "r", "p", "u")
DELETED = SENT._replace(
    message_id="2", event_type=EventType.DELETE, payload={"id": "i", "owner": "o"}
)
INTENT = Intent(b"k" * 16, 0.0, "h", EventType.SEND, "", "i", "r", "p", "u", None)
ASKED = Requester("p", "u", "r")
KNOWN = b"k" * 16, 0.0, EventType.SEND, Priority.INFO, "h", "SEND", "i", None
DEFERRED = DeferredNotification(*KNOWN, ASKED, 200, b"{}", 5)
SENDS = Selection(frozenset({(EventType.SEND, Priority.INFO)}))
DELETES = Selection(frozenset({(EventType.DELETE, Priority.INFO)}), deletes_by_id=True)


class Recorder(ListRecorder):
    """Keeps deferred notifications apart, and may lose everything."""

    def __init__(self, *, loses: bool = False) -> None:
        super().__init__()
        self.deferred: list[DeferredNotification] = []
        self._loses = loses

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        self.notifications.extend(notifications)
        if ends is not None:
            self.ended.append(ends)
        if self._loses:
            raise NotRecordedError(self.notifications, "full")

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        self.deferred.append(deferred)

    def refuses(self) -> bool:
        return self._loses


def test_notifications_that_are_selected_are_recorded_as_the_target_gets_them() -> None:
    recorder = Recorder()
    SelectingRecorder(recorder, SENDS).record([SENT, DELETED], INTENT)
    SelectingRecorder(recorder, DELETES).record([SENT, DELETED])
    assert recorder.notifications == [SENT, DELETED._replace(payload="i")]
    assert recorder.ended == [INTENT]


def test_intent_ends_though_nothing_of_it_is_selected() -> None:
    recorder = Recorder()
    selecting = SelectingRecorder(recorder, DELETES)
    selecting.record([SENT], INTENT)
    selecting.record_deferred(DEFERRED, INTENT)
    selecting.record_deferred(DEFERRED)
    selecting.record([SENT])
    assert recorder.ended == [INTENT, INTENT]
    assert (recorder.notifications, recorder.deferred) == ([], [])


def test_deferred_notification_is_made_only_where_its_projects_decide() -> None:
    recorder = Recorder()
    SelectingRecorder(recorder, SENDS).record_deferred(DEFERRED, INTENT)
    assert recorder.deferred == [DEFERRED]
    of_project = Selection(ALL_KINDS, frozenset({"p"}))
    SelectingRecorder(recorder, of_project).record_deferred(DEFERRED, INTENT)
    assert recorder.notifications == [DEFERRED.made()]


def test_intent_is_recorded_where_its_unknown_outcome_is_selected() -> None:
    recorder = Recorder()
    SelectingRecorder(recorder, SENDS).begin(INTENT)
    assert recorder.begun == []
    SelectingRecorder(recorder, Selection(ALL_KINDS)).begin(INTENT)
    assert recorder.begun == [INTENT]


def test_lost_notification_is_named_whole() -> None:
    with pytest.raises(NotRecordedError, match="full") as raised:
        SelectingRecorder(Recorder(loses=True), DELETES).record([SENT, DELETED])
    assert raised.value.lost == [DELETED]


def test_all_else_goes_to_the_recorder() -> None:
    recorder = Recorder(loses=True)
    selecting = SelectingRecorder(recorder, SENDS)
    assert selecting.refuses()
    selecting.count(Counted.UNKNOWN, 2)
    selecting.progress(INTENT, Progress(1))
    assert recorder.counted == {Counted.UNKNOWN: 2}
    assert recorder.progressed == [Progress(1)]
