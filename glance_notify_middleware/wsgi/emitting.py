"""Makes notifications of events, and gives them to the recorder."""

import contextlib
import time
from collections.abc import Sequence

from glance_notify_middleware.config import Settings
from glance_notify_middleware.events.deferred import ACTION_NAMES, DeferredNotification
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
from glance_notify_middleware.recorder import Counted, NotRecordedError, Recorder, RunningDownload
from glance_notify_middleware.runtime.ids import Ids
from glance_notify_middleware.runtime.own_log import log_error


class Emitter:
    """Emits the events that the operator wants, and the intents of their operations."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self._publisher_id = settings.default_publisher_id
        self._recorder = recorder
        self._ids = Ids()
        self._wanted = settings.kinds

    def wants(self, event_type: EventType, priority: Priority) -> bool:
        """Whether the operator wants notifications of this type and priority."""
        return (event_type, priority) in self._wanted

    def refuses(self) -> bool:
        """Whether operations are to be refused now, as their events could not be recorded."""
        try:
            return self._recorder.refuses()
        except Exception as error:
            log_error("nothing is refused", error)
            return False

    def begin(
        self, operation: Operation, requester: Requester, destination_ip: str | None
    ) -> Intent:
        """Record that the operation is about to be given to Glance; returns its intent.

        To be called where the operator wants the ERROR that an unknown outcome would be. An intent
        that could not be recorded is returned all the same.
        """
        route = operation.route
        intent = Intent(
            self._ids.key(),
            time.time(),
            self._publisher_id,
            route.failure_event,
            TRIED.get(route.action, ""),
            operation.task_id or operation.image_id,
            requester.request_id,
            requester.project_id,
            requester.user_id,
            destination_ip,
        )
        try:
            self._recorder.begin(intent)
        except Exception as error:
            log_error("should the process die, this operation leaves no trace", error)
        return intent

    def progress(self, intent: Intent, progress: Progress) -> None:
        """Record how far a download has come."""
        self._recorder.progress(intent, progress)

    def remind(self, download: RunningDownload) -> None:
        """Have the download reminded every few seconds to record its progress."""
        try:
            self._recorder.remind(download)
        except Exception as error:
            log_error("the progress of a download is not recorded", error)

    def count(self, what: Counted, change: int = 1) -> None:
        """Count what operators want to know beside notifications. Does not raise: no request fails
        for a counter."""
        with contextlib.suppress(Exception):
            self._recorder.count(what, change)

    def emit(
        self,
        events: Sequence[ImageEvent],
        requester: Requester,
        ends: Intent | None = None,
        status: int | None = None,
    ) -> None:
        """Record the events of this moment, and with them the end of the intent `ends`.

        `status` is that of the answer that they follow from; None where they follow from none.
        Notifications that cannot be recorded are logged whole.
        """
        wanted = self._wanted
        notifications = [
            self._notification(event, requester, status)
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

    def emit_deferred(
        self,
        operation: Operation,
        priority: Priority,
        content: bytes,
        requester: Requester,
        status: int | None,
        ends: Intent | None,
        bytes_sent: int | None = None,
    ) -> None:
        """Record the first event of the operation's route as a DeferredNotification with `status`,
        `content` and `bytes_sent`, and the end of the intent `ends`.

        A notification that cannot be recorded is logged whole.
        """
        route = operation.route
        notification = DeferredNotification(
            self._ids.key(),
            time.time(),
            route.success_events[0],
            priority,
            self._publisher_id,
            ACTION_NAMES[route],
            operation.image_id,
            operation.member_id,
            requester,
            status,
            content,
            bytes_sent,
        )
        try:
            self._recorder.record_deferred(notification, ends)
            return
        except NotRecordedError as error:
            _log_lost(error.lost, error)
        except Exception as error:
            _log_lost([notification.made()], error)
        if ends is not None:
            self._recorder.record([], ends)

    def _notification(
        self, event: ImageEvent, requester: Requester, status: int | None
    ) -> Notification:
        return Notification.of(
            self._ids.text(), self._publisher_id, event, time.time(), requester, status
        )


def _log_lost(notifications: Sequence[Notification], error: Exception) -> None:
    lost = b"\n".join(notification.to_json() for notification in notifications).decode()
    log_error(f"notifications are lost: {lost}", error)
