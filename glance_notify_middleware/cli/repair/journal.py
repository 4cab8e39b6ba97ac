"""What the commands have in common that change a journal: its directory, and its targets."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from glance_notify_middleware.cli.command import Command, SectionArguments
from glance_notify_middleware.cli.errors import FailedError
from glance_notify_middleware.cli.journal_owner import become_owner, require_owner
from glance_notify_middleware.cli.target_argument import add_target
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.aside.sending_again import SendingAgain
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import locks
from glance_notify_middleware.strategies.registry import with_delivery

Item = TypeVar("Item")

_BATCH = 500
"""Messages that are put into aside files, and synced, together."""
_BATCH_SIZE = 1024 * 1024  # bytes of JSON: the leader waits while they are written


@dataclass(frozen=True, slots=True)
class JournalOfTargets:
    """The journal_dir of a section, and the targets that its messages go to."""

    directory: Path
    targets: Sequence[str]
    aside_max_size: int
    """Bytes of the aside files of one target."""

    def sending_again(self, target: str) -> SendingAgain:
        """What puts messages into the aside files of a target."""
        return SendingAgain(self.directory, target, self.aside_max_size)


def journal_of(settings: Settings) -> JournalOfTargets:
    """The journal of a section. Opens nothing."""
    targets = list(with_delivery(settings))
    return JournalOfTargets(
        assembly.directory_of(settings), targets, assembly.aside_max_size(settings, len(targets))
    )


def note_missing_leader(command: Command, directory: Path) -> None:
    """Note that nothing is sent yet, if that is so."""
    if not locks.is_led(directory):
        command.note("no relay runs now: they are sent when Glance, or glance-notify relay, runs")


def in_batches(items: Iterable[tuple[Item, Message]]) -> Iterator[list[tuple[Item, Message]]]:
    """The items with their messages, in groups of a size that is written at once."""
    batch: list[tuple[Item, Message]] = []
    size = 0
    for item, message in items:
        batch.append((item, message))
        size += len(message.body)
        if len(batch) == _BATCH or size >= _BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class TargetArguments(SectionArguments):
    """A command for the journal of the filter's section, of one target or all."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --target."""
        super().add_arguments(parser)
        add_target(parser)

    def journal(self, parsed_args: argparse.Namespace) -> JournalOfTargets:
        """The journal of the section, whose owner root becomes. Raises UsageError, OptionError,
        FailedError."""
        settings = self.settings(parsed_args)
        journal = journal_of(settings)
        if not journal.targets and not journal.directory.exists():
            strategies = ", ".join(settings.notifier_strategy)
            raise FailedError(
                f"there is no journal: notifier_strategy = {strategies} sends to no broker, so no "
                "message waits"
            )
        become_owner(journal.directory)
        require_owner(journal.directory)
        return journal
