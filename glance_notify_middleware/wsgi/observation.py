"""The events of one request/response pair."""

from datetime import UTC, datetime

from glance_notify_middleware.events import (
    background,
    deferred,
    identity,
    payloads,
    rules,
    tasks,
)
from glance_notify_middleware.events.background import BackgroundWork
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.notification import EventType, Priority, encoded
from glance_notify_middleware.events.operations import Action
from glance_notify_middleware.runtime.own_log import log_error
from glance_notify_middleware.wsgi.followed_work import FollowedWork
from glance_notify_middleware.wsgi.seen_operation import SeenOperation

_SUCCESS = range(200, 300)


class Observation(SeenOperation):
    """Emits the events of one operation as they become known: image.prepare of an upload when its
    data is read first, all others at the end of the response."""

    def end(self, error: BaseException | None, exhausted: bool, bytes_sent: int) -> None:
        """The response has ended; to be called once.

        `error` is the exception that ended it, if any. `exhausted` is false where the body was
        closed, or dropped, before its end. `bytes_sent` counts the image data of a download.
        """
        try:
            if not self._was_passed_on() and (
                error is not None
                or not (
                    self._emit_sent(bytes_sent, exhausted=exhausted)
                    if self.sends_data
                    else self._emit_answered()
                )
            ):
                self._emit_decided(error, exhausted, bytes_sent)
            operation = self._operation
            if operation.image_id is not None and operation.route.action is not Action.SEND:
                self._services.lookup.forget_owner(operation)
        except Exception as failure:
            log_error("notifications of a request may be missing", failure)
        finally:
            self.release()

    def _was_passed_on(self) -> bool:
        """Whether another node has done the operation, and emits its events."""
        services, environ = self._services, self.environ
        named_before = self.named_before
        if named_before is None:
            services.placement.note_no_context(environ, self.response.status)
            return False
        if not identity.was_passed_on(named_before, environ):
            return False
        services.placement.note_passed_on(self._operation)
        services.emitter.emit([], named_before, self._intent)
        return True

    def _emit_sent(self, bytes_sent: int, *, exhausted: bool) -> bool:
        """Emit the event of a download that sent data in a fast way; returns whether that was
        possible."""
        if self.response.status is None:
            return False
        services, operation = self._services, self._operation
        kept = exhausted and self._keeps_promise(bytes_sent)
        priority = Priority.INFO if kept else Priority.ERROR
        if not services.emitter.wants(EventType.SEND, priority):
            return False
        record = self._owner_and_size() or {}
        requester = self.named_before or self.requester()
        payload = payloads.sent(operation, record, requester, self.destination_ip, bytes_sent)
        content = encoded(payload)
        services.emitter.emit_deferred(
            operation,
            priority,
            content,
            requester,
            self.response.status,
            self._intent,
            bytes_sent,
        )
        return True

    def _emit_answered(self) -> bool:
        """Emit the event of a success in a fast way; returns whether that was possible.

        What the event carries is made of the answer alone, unless a patch may have made the image
        active, or changes nothing.
        """
        plan, response = self._plan, self.response
        if not plan.deferred or response.status not in _SUCCESS:
            return False
        if self._made_records is not None and self._made_records.before is not None:
            return False
        seen = self.input
        if seen is not None and rules.is_empty_patch(seen.head):
            return False
        answer = response.body_start
        if not deferred.can_be_deferred(answer):
            return False
        requester = self.named_before or self.requester()
        self._services.emitter.emit_deferred(
            self._operation, Priority.INFO, answer, requester, response.status, self._intent
        )
        return True

    def _emit_decided(self, error: BaseException | None, exhausted: bool, bytes_sent: int) -> None:
        """Emit the events that the rules decide, whatever has happened."""
        services, operation = self._services, self._operation
        request = self.facts(prepared=self._prepared)
        response = self._response_facts(error, exhausted, bytes_sent)
        exchange = Exchange(operation, request, response, self._records.before)
        if self._plan.follows and rules.goes_on_in_background(exchange):
            self._follow(request)
            return
        source = rules.record_source(exchange, services.emitter.wants)
        record = self._records.from_source(source, operation)
        events = rules.decide(exchange, record, _now)
        services.emitter.emit(events, request.requester, self._intent, response.status)

    def _follow(self, request: RequestFacts) -> None:
        """Have the background work followed. Its intent stays open until its end is known."""
        if self._operation.action is Action.TASK and not self._has_task(request.requester):
            return
        requested = background.parse_import(request.body_start)
        before = background.needed_fields(self._records.before)
        followed = FollowedWork(
            BackgroundWork(self._operation, requested, before),
            request.requester,
            self._intent,
            self._records.lasting_snapshot(identity.glance_context(self.environ)),
            self._records.earlier_tasks,
        )
        self._services.follower.follow(followed)

    def _has_task(self, requester: Requester) -> bool:
        """Whether the response names a task to follow.

        Then a new intent, which names the task, takes the place of the first one.
        """
        emitter, intent = self._services.emitter, self._intent
        task = self.response.record_in_body(self._operation.route.version) or {}
        task_id = task.get("id")
        if not tasks.may_make_image(task):
            emitter.emit([], requester, intent)
            return False
        if not isinstance(task_id, str):
            why = "Glance's answer does not name the task"
            unknown = background.unknown_outcome_event(self._operation, why)
            emitter.emit([unknown], requester, intent, self.response.status)
            return False
        self._operation = self._operation._replace(task_id=task_id)
        if self._plan.begins:
            self._intent = emitter.begin(self._operation, requester, None)
        emitter.emit([], requester, intent)
        return True

    def _response_facts(
        self, error: BaseException | None, exhausted: bool, bytes_sent: int
    ) -> ResponseFacts:
        response, name = self.response, None if error is None else type(error).__name__
        status, reason = response.status, response.reason
        if self._operation.route.action is not Action.SEND:
            explanation = response.explanation() if response.is_refusal else ""
            return ResponseFacts(status, reason, explanation, name)
        kept = exhausted and self._keeps_promise(bytes_sent)
        return ResponseFacts(status, reason, error=name, bytes_sent=bytes_sent, kept=kept)

    def _keeps_promise(self, bytes_sent: int) -> bool:
        """Whether the response has promised this number of bytes of image data, or none at all."""
        if not self.response.carries_data:
            return True
        return self.response.promised_bytes(self._size) in (bytes_sent, None)

    def _size(self) -> int | None:
        return (self._owner_and_size() or {}).get("size")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
