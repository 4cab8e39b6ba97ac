"""glance-notify aside: shows messages that are set aside, has them tried at once, or drops them."""

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from glance_notify_middleware.cli.command import RIGHT, WARNINGS, Lister
from glance_notify_middleware.cli.human import several, utc
from glance_notify_middleware.cli.repair.confirming import DropCommand
from glance_notify_middleware.cli.repair.journal import (
    JournalOfTargets,
    TargetArguments,
    note_missing_leader,
)
from glance_notify_middleware.cli.target_argument import chosen_one
from glance_notify_middleware.delivery.aside import operator_requests
from glance_notify_middleware.delivery.aside.marks import AsideCount
from glance_notify_middleware.delivery.node import state_file
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import locks

COLUMNS = ("target", "priority", "messages", "sent again", "oldest", "bytes", "why")


class _Waiting(NamedTuple):
    """The messages of one target and one priority that are set aside, or sent again."""

    target: str
    priority: Priority
    found: AsideCount
    size: int

    @property
    def what(self) -> str:
        """Which these are."""
        return f"{self.target} {self.priority}"


class _AsideCommand(TargetArguments):
    """A command about messages that are set aside, and about those that are sent again."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --priority."""
        super().add_arguments(parser)
        parser.add_argument(
            "--priority",
            choices=tuple(map(str, Priority)),
            type=str.upper,
            help="of this priority; default: of all",
        )

    def waiting(
        self, journal: JournalOfTargets, parsed_args: argparse.Namespace
    ) -> Iterator[_Waiting]:
        """What waits, by target and priority. Raises UsageError, OSError."""
        for target in chosen_one(parsed_args.target, sorted(journal.targets)):
            for priority in Priority:
                if parsed_args.priority in (None, priority):
                    found, size = operator_requests.waiting(journal.directory, target, priority)
                    if found.set_aside:
                        yield _Waiting(target, priority, found, size)


class AsideList(_AsideCommand, Lister):
    """List the messages that are set aside, because a broker takes none of their priority now.

    They are tried every minute. Those that an operator sends again are among them, until they are
    delivered.
    """

    example = "aside list"
    nothing = "nothing is set aside"

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
        """The rows. Raises UsageError, OptionError."""
        journal = self.journal(parsed_args)
        now = time.time() if locks.is_led(journal.directory) else None
        targets = state_file.load(journal.directory, now).targets
        rows = []
        for each in self.waiting(journal, parsed_args):
            state = targets.get(each.target)
            why = state.troubles.get(each.priority) if state else None
            oldest = None if each.found.oldest is None else utc(each.found.oldest)
            counts = (each.found.set_aside, each.found.sent_again)
            rows.append((each.target, each.priority, *counts, oldest, each.size, why))
        return COLUMNS, rows


class AsideRetry(_AsideCommand):
    """Have the messages that are set aside tried at once, and not within a minute."""

    example = "aside retry --target rabbit --priority WARN"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask the leader for it. Raises UsageError, OptionError."""
        journal = self.journal(parsed_args)
        is_any = False
        for each in self.waiting(journal, parsed_args):
            is_any = True
            operator_requests.retry(journal.directory, each.target, each.priority)
            self.print(f"{each.what}: messages that are tried at once: {each.found.set_aside}")
        if is_any:
            note_missing_leader(self, journal.directory)
        else:
            self.print("nothing is set aside")
        return RIGHT


class AsideDrop(DropCommand, _AsideCommand):
    """Drop the messages that are set aside: they are never sent. This cannot be undone.

    What a running relay has read already, some hundred messages at most, may be sent all the same.
    """

    example = "aside drop --target rabbit --priority WARN --yes"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask, and drop them. Raises UsageError, OptionError."""
        self.check_can_ask(parsed_args)
        journal = self.journal(parsed_args)
        waiting = list(self.waiting(journal, parsed_args))
        if not waiting:
            self.print("nothing is set aside")
            return RIGHT
        count = sum(each.found.set_aside for each in waiting)
        parts = ", ".join(f"{each.found.set_aside} of {each.what}" for each in waiting)
        if not self.is_confirmed(parsed_args, f"Drop {several(count, 'message')} ({parts})"):
            return WARNINGS
        for each in waiting:
            dropped = operator_requests.drop(journal.directory, each.target, each.priority)
            self.print(f"{each.what}: messages that are dropped: {dropped}")
        return RIGHT
