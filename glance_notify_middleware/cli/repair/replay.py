"""glance-notify replay: sends notifications again that stand in the log_file of the nodes."""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.audit.distinct import DistinctIds
from glance_notify_middleware.cli.audit.file_arguments import FileArguments
from glance_notify_middleware.cli.audit.log_lines import LogFiles
from glance_notify_middleware.cli.audit.times import Period
from glance_notify_middleware.cli.command import WARNINGS, add_section
from glance_notify_middleware.cli.errors import FailedError
from glance_notify_middleware.cli.journal_owner import as_owner
from glance_notify_middleware.cli.repair.journal import (
    in_batches,
    journal_of,
    note_missing_leader,
)
from glance_notify_middleware.cli.target_argument import add_target, chosen_one
from glance_notify_middleware.cli.type_argument import add_type, chosen_types, is_of_type
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery.aside.sending_again import (
    SendingAgain,
    SendingAgainError,
    TooLargeError,
)
from glance_notify_middleware.events.notification import EventType, Message, message_of
from glance_notify_middleware.strategies.registry import with_delivery

_LOOK = 0.2  # seconds between looks for room in the journal


class Replay(FileArguments):
    """Send notifications again, with their ids, from the log_file of all nodes.

    They go through the journal to each target that gets such, or to one. Each is sent once, however
    often it stands in the files. When there is no more room for them in the journal, the command
    waits. A damaged line is named and left out; the exit status is then 1. With a file that could
    not be read it is 3.
    """

    example = "replay --since 2026-11-20 --until 2026-11-21 --type image.send notifications.log*"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add types, target and section."""
        super().add_arguments(parser)
        add_type(parser)
        add_target(parser)
        parser.add_argument("--dry-run", action="store_true", help="send nothing, count only")
        add_section(parser, "--paste")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Read the files, and send. Raises UsageError, OptionError, FailedError."""
        types = _types(parsed_args.type)
        period, files = self.period(parsed_args), self.log_files(parsed_args)
        path = paste_file.find(parsed_args.paste, parsed_args.conf)
        settings = paste_file.settings_of(path, parsed_args.filter)
        targets = _targets(settings, parsed_args.target)
        selections = {name: settings.targets[name].selection(settings) for name in targets}
        found = _Found(files, period, types)
        if parsed_args.dry_run:
            counts: Counter[str] = Counter()
            for message in found.messages():
                counts.update(
                    name for name, each in selections.items() if each.message(message) is not None
                )
            for target in targets:
                self.print(f"{target}: notifications that would be sent again: {counts[target]}")
            self._print_left_out(found)
            return files.status
        journal = journal_of(settings)
        with as_owner(journal.directory):
            pass  # it is there, and this user may write to it
        sending = {target: journal.sending_again(target) for target in targets}
        sent: Counter[str] = Counter()
        try:
            for batch in in_batches((None, message) for message in found.messages()):
                for target in targets:
                    of_target = (selections[target].message(message) for _, message in batch)
                    messages = [message for message in of_target if message is not None]
                    for added in self._send(sending[target], target, messages, found):
                        sent[target] += added
        finally:
            for target in targets:
                self.print(f"{target}: notifications that are sent again: {sent[target]}")
            self._print_left_out(found)
        if sent.total():
            self._note_missing_leader(journal.directory)
        return max(files.status, WARNINGS if found.left_out["too large"] else 0)

    def _send(
        self, sending: SendingAgain, target: str, messages: Sequence[Message], found: "_Found"
    ) -> Iterator[int]:
        """Put all messages into the journal, as soon as there is room; how many at a time."""
        left = list(messages)
        while left:
            try:
                with as_owner(sending.directory):  # the files may be for root alone to read
                    added = sending.add(left)
                    sending.sync()
            except TooLargeError as error:
                found.left_out["too large"] += 1
                self.note(f"{target}: left out: {error}")
                del left[0]
                continue
            except SendingAgainError as error:
                raise FailedError(f"{target}: {error}") from error
            yield added
            del left[:added]
            if left and not added:
                self._wait(target, sending)

    _has_noted_wait = False

    def _wait(self, target: str, sending: SendingAgain) -> None:
        if not self._has_noted_wait:
            self._has_noted_wait = True
            self.note(f"{target}: waits until the journal has room for more messages")
            self._note_missing_leader(sending.directory)
        time.sleep(_LOOK)

    def _note_missing_leader(self, directory: Path) -> None:
        with as_owner(directory):
            note_missing_leader(self, directory)

    def _print_left_out(self, found: "_Found") -> None:
        found.left_out["damaged lines"] = found.files.damaged
        parts = ", ".join(f"{what} {count}" for what, count in found.left_out.items() if count)
        self.print(f"left out: {parts or 'nothing'}")


class _Found:
    """The notifications of files that are to be sent again, and how many are left out."""

    def __init__(self, files: LogFiles, period: Period, types: Sequence[EventType]) -> None:
        self.files = files
        self._period = period
        self._types = frozenset(types)
        self.left_out = Counter(
            dict.fromkeys(("of another time", "of another type", "repeats", "too large"), 0)
        )

    def messages(self) -> Iterator[Message]:
        """The messages, each once, in the order of the files."""
        distinct = DistinctIds()
        for line in self.files.read(Period()):
            timestamp = line.fields["timestamp"]
            try:
                message = message_of(line.fields, line.body)
            except ValueError as error:
                self.files.skip(str(error))
                continue
            if timestamp not in self._period:
                self.left_out["of another time"] += 1
            elif message.event_type not in self._types:
                self.left_out["of another type"] += 1
            elif not distinct.add(timestamp, message.message_id):
                self.left_out["repeats"] += 1
            else:
                yield message


def _types(given: Sequence[str]) -> list[EventType]:
    """The event types that --type names. Raises UsageError."""
    groups = chosen_types(given, list(EventType)) or list(EventType)
    return [each for each in EventType if any(is_of_type(each, group) for group in groups)]


def _targets(settings: Settings, name: str | None) -> list[str]:
    """The targets to send to. Raises UsageError, FailedError."""
    targets = list(with_delivery(settings))
    if not targets:
        words = ", ".join(settings.notifier_strategy)
        raise FailedError(
            f"option notifier_strategy of the notify filter: {words!r} sends to no broker, so "
            "nothing can be sent again; expected rabbit, qpid, webhook, or another that does"
        )
    return chosen_one(name, sorted(targets))
