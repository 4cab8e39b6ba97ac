"""glance-notify listen: shows notifications as they come."""

import argparse
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from glance_notify_middleware.cli import target_mends
from glance_notify_middleware.cli.command import RIGHT, SectionArguments
from glance_notify_middleware.cli.errors import FailedError, UsageError
from glance_notify_middleware.cli.target.followed_file import FollowedFile
from glance_notify_middleware.cli.target.received import (
    Notification,
    UnreadableError,
    Wanted,
    as_json,
    as_line,
    unwrapped,
)
from glance_notify_middleware.cli.target_argument import add_target, chosen_one
from glance_notify_middleware.cli.type_argument import add_type, chosen_types
from glance_notify_middleware.config import Settings, Target
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.trial import TRIAL_TYPE
from glance_notify_middleware.strategies.listening import Listener, ListenError
from glance_notify_middleware.strategies.registry import built_in

_STEP = 0.25
"""Seconds after which a signal is noticed."""
_PAUSE = 2.0
"""Seconds between two tries to connect again."""


class Listen(SectionArguments):
    """Show notifications as they come, one line each, until Ctrl-C or SIGTERM.

    At RabbitMQ with a queue of its own: nothing is taken from other readers. With logging alone,
    log_file is followed. Times are UTC.
    """

    example = "listen --type image.send --project 3f1c... --count 10"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add target, filters and formats."""
        super().add_arguments(parser)
        add_target(parser, "a word of notifier_strategy: rabbit, or logging")
        add_type(parser)
        filters = (
            ("--priority", "PRIORITY", "of this priority: info, warn or error"),
            ("--image", "ID", "about this image"),
            ("--project", "ID", "in which this project asks, receives, owns or is a member"),
        )
        for option, name, what in filters:
            parser.add_argument(
                option, metavar=name, action="append", default=[], help=f"{what}; can be repeated"
            )
        parser.add_argument(
            "--count", metavar="N", type=_positive, help="end when N notifications were shown"
        )
        parser.add_argument(
            "--json", action="store_true", help="print each as one line of JSON, as it was sent"
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Listen until a signal comes, or `--count` is reached."""
        wanted = _wanted(parsed_args)
        settings = self.settings(parsed_args)
        self._target, listener = _listener(settings, parsed_args.target, wanted)
        self._ends = self._is_listening = False
        left = parsed_args.count
        with self._signals(), contextlib.closing(listener):
            for notification in self._received(listener):
                if wanted.has(notification):
                    self.print((as_json if parsed_args.json else as_line)(notification))
                    left = left and left - 1
                    if left == 0:
                        break
        return RIGHT

    def _received(self, listener: Listener) -> Iterator[Notification]:
        """The notifications that come. Raises FailedError where listening cannot begin."""
        try:
            where = listener.connect()
        except ListenError as error:
            raise FailedError(self._what(error)) from error
        self._is_listening = True
        self.note(f"listening at {where}; Ctrl-C ends it")
        while not self._ends:
            try:
                body = listener.next(_STEP)
            except ListenError as error:
                self.note(f"{self._what(error)}; what is sent now is not shown; trying again")
                self._connect_again(listener)
                continue
            if body is not None:
                try:
                    yield unwrapped(body)
                except UnreadableError as error:
                    self.note(f"left out: {error}")

    def _connect_again(self, listener: Listener) -> None:
        """Try until it works, or a signal comes."""
        self._is_listening = False
        said = ""
        while not self._ends:
            try:
                where = listener.connect()
            except ListenError as error:
                if (what := self._what(error)) != said:
                    said = what
                    self.note(said)
                time.sleep(_PAUSE)
            else:
                self._is_listening = True
                self.note(f"listening again at {where}")
                return

    def _what(self, error: ListenError) -> str:
        """What happened, and the way out, with the names of the lines that the target has."""
        return target_mends.as_lines(str(error), self._target)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the command in good order. A wait to connect is broken off."""

        def end(number: int, frame: FrameType | None) -> None:
            self._ends = True
            if not self._is_listening:
                raise KeyboardInterrupt

        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except KeyboardInterrupt:
            pass
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _wanted(parsed_args: argparse.Namespace) -> Wanted:
    """The filters. Raises UsageError."""
    types = chosen_types(parsed_args.type, [*EventType, TRIAL_TYPE])
    known = [priority.lower() for priority in Priority]
    for each in parsed_args.priority:
        if each.lower() not in known:
            raise UsageError(f"--priority {each}: expected one of {', '.join(known)}")
    return Wanted(
        types,
        tuple(each.upper() for each in parsed_args.priority),
        tuple(parsed_args.image),
        tuple(parsed_args.project),
    )


def _listener(settings: Settings, target: str | None, wanted: Wanted) -> tuple[Target, Listener]:
    """A target of the section, and what listens to it. Raises UsageError where the section has none
    for that, and FailedError where the library of the target is missing."""
    configured = settings.notifier_strategy
    targets = [settings.targets[name] for name in chosen_one(target, list(settings.targets))]
    priorities = [each for each in Priority if each in (wanted.priorities or tuple(Priority))]
    for each in targets:
        found = built_in(each)
        if found is not None and found.load_listener is not None:
            try:
                return each, found.load_listener()(each.settings, priorities)
            except ImportError as error:
                raise FailedError(
                    f"{each.name} needs {error.name or error}, which is not installed; expected "
                    f"what {found.brought_by}"
                ) from error
    logs = [each for each in targets if each.strategy == "logging"]
    for each in logs:
        if each.settings.log_file:
            return each, FollowedFile(Path(each.settings.log_file))
    if logs:
        raise UsageError(
            f"without log_file, {logs[0].name} writes to Glance's own log: follow that with "
            f"tail -F, or set {logs[0].option('log_file')}"
        )
    raise UsageError(
        f"listen needs the target rabbit, or logging with log_file; notifier_strategy has "
        f"{', '.join(configured)}: AMQP 1.0 has no queue that is a listener's own"
    )
