"""glance-notify explain: what the filter emits for a request and its answer, by its own rules."""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from glance_notify_middleware import config
from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.columns import Column
from glance_notify_middleware.cli.command import RIGHT, Lister
from glance_notify_middleware.cli.section.described import (
    EXAMPLE_PEER,
    EXAMPLE_SIZE,
    Described,
    reason,
)
from glance_notify_middleware.cli.target_argument import add_target, chosen_one
from glance_notify_middleware.config import Settings, Target
from glance_notify_middleware.events import rules
from glance_notify_middleware.events.escaping import escaped_text
from glance_notify_middleware.events.exchange import Exchange
from glance_notify_middleware.events.notification import ImageEvent, Priority
from glance_notify_middleware.events.operations import Action
from glance_notify_middleware.events.selection import projects_of

_COLUMNS = ("event_type", "priority", "sent", "payload")
_HIDDEN = "unknown"
_RAISED = "exception"


class PayloadColumn(Column):
    """A payload: indented JSON for a reader, the JSON's value for a machine."""

    def human_readable(self) -> str:
        """The JSON, over several lines; a text stays a text."""
        if isinstance(self._value, str):
            return escaped_text(self._value)
        return json.dumps(self._value, indent=1)


class Explain(Lister):
    """Say what is emitted for a request and its answer, by the rules of the filter.

    Nothing is asked and nothing is sent. Ids, records and the address that are not named are made
    up. Without --paste all options have their defaults.
    """

    example = "explain GET /v2/images/8f3c/file 200 --size 1048576 --bytes 65536"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the words for a request and its answer."""
        super().add_arguments(parser)
        add = parser.add_argument
        add("method", metavar="METHOD", type=_method, help="of the request: GET, POST, ...")
        add("path", metavar="PATH", type=_path, help="of the request, from /v2 on, with its query")
        status = f"of the answer: 200, 404, ...; {_RAISED}: Glance raised one, and gave no answer"
        add("status", metavar="STATUS", type=_status, help=status)
        add(
            "--header",
            metavar="NAME:VALUE",
            type=_header,
            action="append",
            default=[],
            help="of the request; X-Project-Id and X-User-Id say who asks; can be repeated",
        )
        add("--body", metavar="TEXT", help="of the request: the JSON of a patch, an import, ...")
        add(
            "--read",
            metavar="BYTES",
            type=_count_or_hidden,
            help="how much of the body Glance had read when it answered; "
            f"{_HIDDEN}: chunked under uWSGI; default: all of --body",
        )
        add(
            "--size",
            metavar="BYTES",
            type=_count,
            default=EXAMPLE_SIZE,
            help="of a download: what the answer promised; default: %(default)s",
        )
        add(
            "--bytes",
            metavar="BYTES",
            type=_count,
            help="of a download: what left; default: all that was promised",
        )
        add(
            "--peer",
            metavar="ADDRESS",
            default=EXAMPLE_PEER,
            help="REMOTE_ADDR: the client, or the last proxy; default: %(default)s",
        )
        add("--before", metavar="STATUS", help="of the image before the request: queued, ...")
        add("--after", metavar="STATUS", help="of the image after the request: active, ...")
        add("--paste", metavar="PASTE", help="a paste file whose section's options apply")
        add("--filter", metavar="NAME", help="the section [filter:NAME] in it")
        add_target(parser, "what this target gets; default: what is recorded for all of them")

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], list[tuple[object, ...]]]:
        """The events; standard error has the operation, and why there is no event."""
        settings = _settings(parsed_args)
        known = settings.targets or {"": Target("", "noop", settings, has_own_lines=False)}
        targets = [known[name] for name in chosen_one(parsed_args.target, list(known))]
        described = _described(parsed_args)
        operation = described.operation()
        if operation is None:
            self.note(f"no operation, so nothing is emitted: {_why_none(parsed_args.path)}")
            return _COLUMNS, []
        exchange = described.exchange(operation, settings)
        route = operation.route
        self.note(f"operation: {route.method} /v{route.version}/{route.path}: {_ended(exchange)}")
        events = [] if rules.goes_on_in_background(exchange) else described.events(exchange)
        if not events:
            self.note(_why_nothing(exchange))
        project = exchange.request.requester.project_id
        if parsed_args.target is not None:
            selection = targets[0].selection(settings)
            events = [
                event._replace(payload=selection.payload(event.event_type, event.payload))
                for event in events
            ]
        return _COLUMNS, [_row(event, project, targets) for event in events]

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any
    ) -> int:
        """Print the events; nothing in the place of a table without rows."""
        if parsed_args.formatter == "table" and not data:
            return RIGHT
        return super().produce_output(parsed_args, column_names, data)


def _settings(parsed_args: argparse.Namespace) -> Settings:
    if parsed_args.paste is None:
        return config.read({}, "")
    return paste_file.settings_of(paste_file.find(parsed_args.paste, None), parsed_args.filter)


def _described(parsed_args: argparse.Namespace) -> Described:
    body = None if parsed_args.body is None else parsed_args.body.encode(errors="surrogateescape")
    read = len(body or b"") if parsed_args.read is None else parsed_args.read
    size = parsed_args.size
    return Described(
        method=parsed_args.method,
        path=parsed_args.path,
        status=None if parsed_args.status == _RAISED else parsed_args.status,
        headers=dict(parsed_args.header),
        body=body,
        read=None if read == _HIDDEN else read,
        size=size,
        sent=size if parsed_args.bytes is None else parsed_args.bytes,
        before=parsed_args.before,
        after=parsed_args.after,
        peer=parsed_args.peer,
    )


def _row(event: ImageEvent, project: str | None, targets: Sequence[Target]) -> tuple[object, ...]:
    why_not = {target.name: _why_not(event, project, target.settings) for target in targets}
    sent = _sent(why_not)
    return str(event.event_type), str(event.priority), sent, PayloadColumn(event.payload)


def _sent(why_not: Mapping[str, str]) -> str:
    """Whether such an event is sent, and else by which option it is not; by target where they
    differ."""
    answers = {name: f"no: {why}" if why else "yes" for name, why in why_not.items()}
    if len(set(answers.values())) == 1:
        return next(iter(answers.values()))
    return "; ".join(f"{name}: {answer}" for name, answer in answers.items())


def _why_not(event: ImageEvent, project: str | None, settings: Settings) -> str:
    """The option by which a target with these settings does not get the event; empty: it does.

    `project` is that of the request.
    """
    event_type, priority = event.event_type, event.priority
    if priority not in settings.priorities:
        return "priorities"
    if not replace(settings, event_types=()).wants(event_type, priority):
        return "disabled_notifications"
    if not settings.wants(event_type, priority):
        return "event_types"
    is_about = not settings.projects.isdisjoint(projects_of(event.payload, project))
    return "" if is_about or not settings.projects else "projects"


def _ended(exchange: Exchange) -> str:
    """How the operation ended, in words."""
    response = exchange.response
    if response.status is None:
        return "it failed: Glance raised an exception"
    answered = f"Glance answered {response.status} {response.reason}".rstrip()
    if rules.goes_on_in_background(exchange):
        return f"{answered}, and goes on with it"
    words = {Priority.INFO: "it was done", Priority.WARN: "it was refused"}
    priority = rules.outcome(exchange)
    if priority is None:
        return answered
    if exchange.operation.action is Action.SEND and response.status < 400:
        how_much = "all" if priority is Priority.INFO else "not all"
        return f"{answered}, and {how_much} that was promised left"
    return f"{answered}: {words.get(priority, 'it failed')}"


def _why_none(path: str) -> str:
    inner = re.search(r"./v[12](\.\d+)?/", path)
    if inner is not None:
        return f"a path begins with its version; try {path[inner.start() + 1 :]}"
    return "it changes no image and sends no image data, and passes untouched"


def _why_nothing(exchange: Exchange) -> str:
    """Why no event follows at once from an operation."""
    operation, response = exchange.operation, exchange.response
    if rules.goes_on_in_background(exchange):
        if operation.action is Action.TASK and not rules.task_may_make_image(exchange.request):
            return "nothing is emitted: a task of this type makes no image"
        types = ", ".join(operation.route.success_events)
        failed = operation.route.failure_event
        return f"nothing yet: it is followed, and once it ends come {types}, or {failed} at ERROR"
    if rules.outcome(exchange) is not None:
        return "nothing is emitted: Glance accepted it, and it changes nothing"
    if operation.action is Action.SEND:
        return f"nothing is emitted: an answer {response.status} has no image data"
    return f"nothing is emitted: {response.status} {reason(response.status or 0)} changes nothing"


# -- how the arguments are written ----------------------------------------------------------------


def _method(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no method; expected GET, POST, PUT, ...")
    return text.upper()


def _path(text: str) -> str:
    path = re.sub(r"^https?://[^/]*", "", text)
    if not path.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is no path; expected one from /v2 on")
    return path


def _status(text: str) -> int | str:
    if text == _RAISED:
        return text
    if not re.fullmatch(r"[1-5][0-9][0-9]", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no status; expected 100 to 599, or {_RAISED}"
        )
    return int(text)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", name.strip()):
        raise argparse.ArgumentTypeError("a header is not written NAME:VALUE")
    return name.strip().lower(), value.strip()


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes")
    return int(text)


def _count_or_hidden(text: str) -> int | str:
    return text if text == _HIDDEN else _count(text)
