"""The WSGI filter: finds the operation that a request is, and has the request observed.

A request that is in no table passes untouched.
"""

from collections.abc import Iterable
from dataclasses import replace
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.config import Settings
from glance_notify_middleware.events.matching import is_plain_read, match, shown_image_id
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.events.operations import ROUTES, Action, Route, as_download
from glance_notify_middleware.recorder import Recorder
from glance_notify_middleware.runtime.own_log import log_error
from glance_notify_middleware.wsgi.application_call import ApplicationCall
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.lookup import Lookup
from glance_notify_middleware.wsgi.placement import Placement
from glance_notify_middleware.wsgi.plan import RoutePlan
from glance_notify_middleware.wsgi.record_read import RecordRead
from glance_notify_middleware.wsgi.seen_operation import FilterServices, may_be_cached


class NotifyMiddleware:
    """Wraps `app`; gives `recorder` a notification of every event in an image's life."""

    def __init__(self, app: WSGIApplication, settings: Settings, recorder: Recorder) -> None:
        self._app = app
        self._settings = settings
        self._may_refuse = settings.journal_when_full == "refuse"
        self._emitter = Emitter(settings, recorder)
        lookup = Lookup(app, self._emitter.count, settings.owner_cache_time)
        self._follower = Follower(lookup, self._emitter, settings.follow_limit, settings.follow_max)
        self._services = FilterServices(
            app=app,
            lookup=lookup,
            emitter=self._emitter,
            follower=self._follower,
            placement=Placement(),
            trusted_proxies=settings.trusted_proxies,
        )
        self._plans = {
            route: RoutePlan.of(self._as_chosen(route), self._emitter.wants)
            for route in ROUTES
            if self._is_wanted(route)
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        app = self._app
        try:
            if self._follower.latest or not is_plain_read(environ):
                app = self._app_for(environ)
        except Exception as error:
            log_error("notifications of a request may be missing", error)
        return app(environ, start_response)

    def _app_for(self, environ: WSGIEnvironment) -> WSGIApplication:
        """The application to call: the wrapped one, or one that watches it."""
        operation = match(
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO", ""),
            environ.get("SCRIPT_NAME", ""),
            environ.get("QUERY_STRING", ""),
            environ.get("CONTENT_TYPE", ""),
            environ.get("HTTP_ACCEPT", ""),
        )
        if operation is None:
            return self._record_read(environ) if self._follower.latest else self._app
        plan = self._plans.get(operation.route)
        if plan is None and may_be_cached(operation, environ):
            operation = as_download(operation)
            plan = self._plans.get(operation.route)
        if plan is None:
            self._services.lookup.forget_owner(operation)
            return self._app
        if self._may_refuse and self._emitter.refuses():
            return _refuse
        if plan.route is not operation.route:
            operation = operation._replace(route=plan.route)
        call = ApplicationCall(self._services, plan, operation, environ)
        call.begin()
        return call

    def _record_read(self, environ: WSGIEnvironment) -> WSGIApplication:
        image_id = shown_image_id(
            environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), environ.get("SCRIPT_NAME", "")
        )
        followed = self._follower.find(image_id)
        if followed is None:
            return self._app
        return RecordRead(self._app, followed, self._follower.add_record)

    def _is_wanted(self, route: Route) -> bool:
        """Whether the operator wants any event that can come of the route."""
        return any(
            self._emitter.wants(event_type, priority)
            for event_type in {*route.success_events, route.failure_event}
            for priority in Priority
        )

    def _as_chosen(self, route: Route) -> Route:
        """The route as the options of the targets change it."""
        if route.action is Action.DELETE and not self._settings.records_deleted_images:
            return replace(route, source=None)
        return route


def _refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application in the place of an operation whose events could not be recorded: 503."""
    text = b"The journal of notifications is full, and the operator wants none to be lost.\n"
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))]
    start_response("503 Service Unavailable", [*headers, ("Retry-After", "30")])
    return [text]
