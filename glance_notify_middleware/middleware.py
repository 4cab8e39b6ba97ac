"""The WSGI filter: match a request, have it watched, tell its events.

A request that is in no table of ours passes untouched.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.config import Settings
from glance_notify_middleware.events import ImageEvent
from glance_notify_middleware.harmless import harmless, log_error
from glance_notify_middleware.identity import Receiver
from glance_notify_middleware.lookup import Lookup
from glance_notify_middleware.notification import (
    EventType,
    Notification,
    NotRecordedError,
    Priority,
)
from glance_notify_middleware.observation import Observation, may_be_cached
from glance_notify_middleware.operations import ROUTES, Action, Operation, Route, as_download, match
from glance_notify_middleware.surroundings import Surroundings


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


class NotifyMiddleware:
    """Wraps `app`; sends a notification to `recorder` for every event in an image's life."""

    def __init__(self, app: WSGIApplication, settings: Settings, recorder: Recorder) -> None:
        self._app = app
        self._settings = settings
        self._recorder = recorder
        self._lookup = Lookup(app)
        self._surroundings = Surroundings()
        self._wanted = {
            (event_type, priority)
            for event_type in EventType
            for priority in Priority
            if settings.wants(event_type, priority)
        }
        self._routes = {route: self._as_chosen(route) for route in ROUTES if self._is_wanted(route)}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        observation = self._observe(environ)
        if observation is None:
            return self._app(environ, start_response)
        if self._refuses():
            return _refusal(start_response)
        return observation.call_app(start_response)

    @harmless
    def _observe(self, environ: WSGIEnvironment) -> Observation | None:
        operation = _operation(environ)
        if operation is None:
            return None
        if operation.route not in self._routes and may_be_cached(operation, environ):
            operation = as_download(operation)
        if operation.route not in self._routes:
            return None
        chosen = self._routes[operation.route]
        if chosen is not operation.route:
            operation = operation._replace(route=chosen)
        return Observation(
            self._app,
            self._lookup,
            self._settings,
            self._surroundings,
            self._tell,
            operation,
            environ,
        )

    @harmless
    def _refuses(self) -> bool:
        return self._recorder.refuses()

    def _is_wanted(self, route: Route) -> bool:
        """Whether the operator wants to be told of anything that can come of it."""
        return any(
            (event_type, priority) in self._wanted
            for event_type in {*route.events, route.refused}
            for priority in Priority
        )

    def _as_chosen(self, route: Route) -> Route:
        """The route as the options have it told."""
        if route.action is Action.DELETE and self._settings.image_delete_payload == "id":
            return replace(route, source=None)
        return route

    def _tell(self, told: list[ImageEvent], who: Receiver) -> None:
        notifications = [
            self._notification(event, who)
            for event in told
            if (event.event_type, event.priority) in self._wanted
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
            message_id=str(uuid.uuid4()),
            publisher_id=self._settings.default_publisher_id,
            event_type=event.event_type,
            priority=event.priority,
            timestamp=datetime.now(UTC),
            payload=event.payload,
            request_id=who.request_id,
            project_id=who.project_id,
            user_id=who.user_id,
        )


def _refusal(start_response: StartResponse) -> Iterable[bytes]:
    text = b"The journal of notifications is full, and the operator wants none to be lost.\n"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    start_response("503 Service Unavailable", [*headers, ("Retry-After", "30")])
    return [text]


def _log_lost(notifications: Sequence[Notification], error: Exception) -> None:
    lost = b"\n".join(notification.to_json() for notification in notifications).decode()
    log_error(f"notifications are lost: {lost}", error)


def _operation(environ: WSGIEnvironment) -> Operation | None:
    return match(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", ""),
        environ.get("SCRIPT_NAME", ""),
        environ.get("QUERY_STRING", ""),
        environ.get("CONTENT_TYPE", ""),
        environ.get("HTTP_ACCEPT", ""),
    )
