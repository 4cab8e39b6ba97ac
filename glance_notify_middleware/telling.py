"""Events of one moment -> notifications, in the hands of the recorder."""

import time
from collections.abc import Sequence
from typing import Protocol

from glance_notify_middleware.config import Settings
from glance_notify_middleware.events import ImageEvent
from glance_notify_middleware.harmless import log_error
from glance_notify_middleware.identity import Receiver
from glance_notify_middleware.ids import Ids
from glance_notify_middleware.notification import (
    EventType,
    Notification,
    NotRecordedError,
    Priority,
)


class Recorder(Protocol):
    """The seam between the WSGI side and delivery."""

    def record(self, notifications: Sequence[Notification]) -> None:
        """Take the notifications of one moment of one operation.

        Called on the request's thread: must not wait for anything. Raises NotRecordedError where
        it could not take some of them. Whatever it raises costs the request nothing, and what
        is lost is logged whole.
        """

    def refuses(self) -> bool:
        """Whether no operation may begin now that would be an event: the operator chose so."""


class Telling:
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

    def tell(self, events: Sequence[ImageEvent], who: Receiver) -> None:
        """Have the events of this moment recorded. What cannot be is logged, whole."""
        wanted = self._wanted
        notifications = [
            self._notification(event, who)
            for event in events
            if (event.event_type, event.priority) in wanted
        ]
        if not notifications:
            return
        try:
            self._recorder.record(notifications)
        except NotRecordedError as error:
            _log_lost(error.lost, error)
        except Exception as error:
            _log_lost(notifications, error)

    def _notification(self, event: ImageEvent, who: Receiver) -> Notification:
        return Notification(
            message_id=self._ids.new(),
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
