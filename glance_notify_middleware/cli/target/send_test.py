"""glance-notify send-test: one notification to each target, past the journal."""

import argparse
import dataclasses
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glance_notify_middleware.cli import paste_file, target_mends
from glance_notify_middleware.cli.columns import Milliseconds
from glance_notify_middleware.cli.command import RIGHT, WARNINGS, Lister, SectionArguments
from glance_notify_middleware.cli.target_argument import add_target, chosen
from glance_notify_middleware.config import OptionError, Target
from glance_notify_middleware.config.finding import Level
from glance_notify_middleware.events.escaping import escaped_text
from glance_notify_middleware.events.formats import in_format
from glance_notify_middleware.events.notification import Message, Notification, Priority
from glance_notify_middleware.events.trial import TRIAL_TYPE, trial
from glance_notify_middleware.recorder import NotRecordedError
from glance_notify_middleware.recorder.logging_strategy import FileRecorder, LoggerRecorder
from glance_notify_middleware.strategies import Connecting, Outcome, SendError, Strategy
from glance_notify_middleware.strategies.loading import Make, maker
from glance_notify_middleware.strategies.registry import built_in, describe, with_delivery

COLUMNS = ("target", "result", "milliseconds", "why", "mend")

_TAKEN = "taken"
_NOT_TAKEN = {
    Outcome.UNROUTABLE: ("no queue is bound for it", "start its reader, which binds its queue"),
    Outcome.DENIED: ("the broker does not take its routing key", "see the permissions there"),
    Outcome.REFUSED: ("the broker does not take it now", "see whether its queue is full"),
    Outcome.REJECTED: ("the broker takes no such message", "see the bounds of the broker"),
}
"""Outcome -> why, and what mends it, where the strategy says no more."""


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What became of the notification at one target."""

    target: str
    result: str = _TAKEN
    milliseconds: float | None = None
    why: str = ""
    mend: str = ""

    def row(self) -> tuple[Any, ...]:
        """The values of COLUMNS."""
        texts = (escaped_text(self.why), escaped_text(self.mend))
        return (self.target, self.result, Milliseconds(self.milliseconds), *texts)


class SendTest(SectionArguments, Lister):
    """Send one notification of type glance_notify.test to each target, past the journal.

    Says for each target how long its confirm took, or what was refused and what mends it. The exit
    status is 1 where a target did not take it.
    """

    example = "send-test /etc/glance/glance-api-paste.ini --target rabbit"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add target and priority."""
        super().add_arguments(parser)
        add_target(
            parser,
            "a word of notifier_strategy; can be repeated; default: all of them",
            action="append",
        )
        parser.add_argument(
            "--priority",
            metavar="PRIORITY",
            default="info",
            type=str.lower,
            choices=[priority.lower() for priority in Priority],
            help="info, warn or error, which makes the routing key; default: info",
        )

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
        """Send, and return a row for each target."""
        path = paste_file.find(parsed_args.paste_file, parsed_args.conf)
        section = _Section.read(path, parsed_args.filter)
        settings = paste_file.settings_of(path, parsed_args.filter)
        targets = _chosen(list(settings.targets), parsed_args.target or ())
        # Others, whose library may be missing, are not asked for.
        strategies = {
            name: maker(target)
            for name, target in with_delivery(settings).items()
            if name in targets
        }
        notification = trial(
            str(uuid.uuid4()),
            settings.default_publisher_id or socket.gethostname(),
            Priority(parsed_args.priority.upper()),
            time.time(),
        )
        results = [
            _at_broker(settings.targets[name], strategies[name], notification, section)
            if name in strategies
            else _logged(settings.targets[name], notification)
            for name in targets
        ]
        is_taken = all(result.result == _TAKEN for result in results)
        self.status = RIGHT if is_taken else WARNINGS
        self.note(f"{TRIAL_TYPE} {notification.priority} {notification.message_id}")
        return COLUMNS, [result.row() for result in results]


def _chosen(configured: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The targets to send to. Raises UsageError, OptionError."""
    found = chosen(wanted, configured)
    if not configured:
        raise OptionError(
            "option notifier_strategy of the notify filter: 'noop' sends nothing; expected rabbit, "
            "qpid, webhook, logging, or another strategy"
        )
    return tuple(found)


# -- strategies with a broker ---------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Section:
    """The section of the filter, of which a line may be what mends."""

    name: str
    path: Path
    """That of the paste file."""
    given: Mapping[str, bool]
    """The names of its lines, and whether each has a value."""

    @classmethod
    def read(cls, path: Path, name: str | None) -> "_Section":
        """Raises UsageError, OptionError."""
        _, own = paste_file.lines_of(path, name)
        given = {line: bool(text.strip()) for line, text in own.items()}
        return cls(f"filter:{paste_file.name_of(path, name)}", path, given)


def _at_broker(target: Target, make: Make, notification: Notification, section: _Section) -> Result:
    message = Message(
        notification.message_id,
        notification.event_type,
        notification.priority,
        notification.timestamp,
        in_format(notification.to_json(), target.settings.message_format),
    )
    strategy = make()
    try:
        return _sent(target, strategy, message, section)
    except Exception as error:
        # The strategy had the settings, with their passwords: the error's text is not shown.
        mend = f"see the documents of {target.strategy}"
        return Result(target.name, "error", None, f"it raises {type(error).__name__}", mend)
    finally:
        strategy.close()


def _sent(target: Target, strategy: Strategy, message: Message, section: _Section) -> Result:
    """Try each host of the target once. Raises what a strategy must not raise."""
    refusals = []
    for _ in describe(target).brokers or (None,):
        try:
            if isinstance(strategy, Connecting):
                strategy.connect()
            began = time.monotonic()
            (outcome,) = strategy.send([message])
            took = (time.monotonic() - began) * 1000
        except SendError as error:
            refusals.append(str(error))
            continue
        if outcome is Outcome.TAKEN:
            return Result(target.name, milliseconds=took)
        return _not_taken(target, strategy, message, outcome, section)
    why = target_mends.as_lines("; ".join(dict.fromkeys(refusals)), target)
    return Result(target.name, "no connection", None, why, _found_mend(target, section))


def _not_taken(
    target: Target, strategy: Strategy, message: Message, outcome: Outcome, section: _Section
) -> Result:
    why, mend = _NOT_TAKEN[outcome]
    reason = ""
    if isinstance(strategy, Connecting):
        reason = target_mends.as_lines(strategy.reason(message.priority, outcome), target)
    if outcome is Outcome.UNROUTABLE:
        mend = reason or mend
    elif reason:
        # The reason of a built-in strategy ends with what mends it.
        why, _, more = reason.partition("; ")
        mend = more.removeprefix("mend it with ") or mend
    else:
        mend = _found_mend(target, section) or mend
    return Result(target.name, outcome.value, None, why, mend)


def _found_mend(target: Target, section: _Section) -> str:
    """The line that mends the worst that an inspection of the target's brokers finds."""
    found = built_in(target)
    if found is None:
        return f"see the documents of {target.strategy}"
    inspect = found.load_inspection()
    findings = [each for each in inspect(target.settings) if each.level is Level.ERROR]
    if not findings:
        return "glance-notify check"
    worst = target_mends.placed(findings[0], section.name, section.path, target, section.given)
    return worst.mend


# -- the logging strategy -------------------------------------------------------------------


def _logged(target: Target, notification: Notification) -> Result:
    name, settings = target.name, target.settings
    began = time.monotonic()
    if not settings.log_file:
        LoggerRecorder().record([notification])
        log_file = target.option("log_file")
        why = f"without {log_file} it goes to Glance's log; that of this command is standard error"
        return Result(name, milliseconds=(time.monotonic() - began) * 1000, why=why)
    path = Path(settings.log_file)
    if os.geteuid() == 0 and not path.exists():
        # Root's file could not be written by Glance.
        mend = "start Glance, which makes it, or say send-test as Glance's user"
        return Result(name, "not written", None, f"{path} does not exist", mend)
    try:
        FileRecorder(settings.log_file).record([notification])
    except NotRecordedError as error:
        return Result(name, "not written", None, str(error), f"free space below {path.parent}")
    except OSError as error:
        mend = f"let this user write {path}, or {target.option('log_file')} = another file"
        return Result(name, "not written", None, f"{path}: {error.strerror}", mend)
    return Result(name, milliseconds=(time.monotonic() - began) * 1000)
