"""Events of one moment -> notifications, in the hands of the recorder."""

import time
from collections.abc import Sequence

from glance_notify_middleware.config import Settings
from glance_notify_middleware.events.failure import TRIED
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import (
    EventType,
    ImageEvent,
    Notification,
    Priority,
)
from glance_notify_middleware.events.operations import Operation
from glance_notify_middleware.recorder import NotRecordedError, Recorder, RunningDownload
from glance_notify_middleware.runtime.ids import Ids
from glance_notify_middleware.runtime.own_log import log_error


class Emitter:
    """Makes notifications of the events that the operator wants, and has them recorded."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self._publisher_id = settings.default_publisher_id
        self._recorder = recorder
        self._ids = Ids()
        self._wanted = {
            (event_type, priority)
            for event_type in EventType
            for priority in Priority
            if settings.wants(event_type, priority)
        }

    def wants(self, event_type: EventType, priority: Priority) -> bool:
        """Whether the operator wants to be told of such events."""
        return (event_type, priority) in self._wanted

    def refuses(self) -> bool:
        """Whether no operation may begin now that would be an event."""
        try:
            return self._recorder.refuses()
        except Exception as error:
            log_error("nothing is refused", error)
            return False

    def begin(
        self, operation: Operation, who: Requester, destination_ip: str | None
    ) -> Intent | None:
        """Have it recorded that the operation is about to be given to Glance.

        None where nobody wants to know that its outcome is unknown.
        """
        refused = operation.route.failure_event
        if (refused, Priority.ERROR) not in self._wanted:
            return None
        begun = Intent(
            self._ids.key(),
            time.time(),
            self._publisher_id,
            refused,
            TRIED.get(operation.route.action, ""),
            operation.subject_id,
            who.request_id,
            who.project_id,
            who.user_id,
            destination_ip,
        )
        try:
            self._recorder.begin(begun)
        except Exception as error:
            log_error("should the process die, this operation leaves no trace", error)
        return begun

    def progress(self, running: Intent, progress: Progress) -> None:
        """Have it recorded how far a download has come."""
        self._recorder.progress(running, progress)

    def remind(self, running: RunningDownload) -> None:
        """Have a download reminded every few seconds to tell its progress."""
        self._recorder.remind(running)

    def emit(
        self, events: Sequence[ImageEvent], who: Requester, ends: Intent | None = None
    ) -> None:
        """Have the events of this moment recorded, and with them the end of the intent `ends`.

        What cannot be recorded is logged, whole.
        """
        wanted = self._wanted
        notifications = [
            self._notification(event, who)
            for event in events
            if (event.event_type, event.priority) in wanted
        ]
        if not notifications and ends is None:
            return
        try:
            self._recorder.record(notifications, ends)
            return
        except NotRecordedError as error:
            _log_lost(error.lost, error)
        except Exception as error:
            _log_lost(notifications, error)
        if ends is not None:
            self._recorder.record([], ends)

    def _notification(self, event: ImageEvent, who: Requester) -> Notification:
        return Notification(
            message_id=self._ids.text(),
            publisher_id=self._publisher_id,
            event_type=event.event_type,
            priority=event.priority,
            timestamp=time.time(),
            payload=event.payload,
            request_id=who.request_id,
            project_id=who.project_id,
            user_id=who.user_id,
        )


def _log_lost(notifications: Sequence[Notification], error: Exception) -> None:
    lost = b"\n".join(notification.to_json() for notification in notifications).decode()
    log_error(f"notifications are lost: {lost}", error)
