"""glance-notify dead: shows dead letters, sends them again, or drops them."""

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from glance_notify_middleware.cli.command import RIGHT, WARNINGS, Lister
from glance_notify_middleware.cli.errors import FailedError
from glance_notify_middleware.cli.human import several
from glance_notify_middleware.cli.repair.confirming import DropCommand
from glance_notify_middleware.cli.repair.journal import in_batches, note_missing_leader
from glance_notify_middleware.cli.repair.letters import (
    IdArguments,
    Letters,
    LettersCommand,
    ids_of,
)
from glance_notify_middleware.delivery.aside.sending_again import SendingAgain, SendingAgainError
from glance_notify_middleware.delivery.dead_files import DeadLetter
from glance_notify_middleware.events import sequence
from glance_notify_middleware.events.escaping import escaped_text
from glance_notify_middleware.events.notification import Message, message_of

_AT_ONCE = 500  # dead letters that are removed together

_Place = tuple[str, str]
"""A message id, and the `_sequence` of a letter: an outcome can be recorded twice, with one id."""

COLUMNS = ("time", "target", "event type", "priority", "message id", "image")


class DeadList(LettersCommand, Lister):
    """List the dead letters: notifications that a broker has rejected for good.

    The time is when a notification became a dead letter, in UTC.
    """

    example = "dead list --target rabbit"
    nothing = "there is no dead letter"

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
        """The rows. Raises UsageError, OptionError."""
        letters = Letters(self.journal(parsed_args), parsed_args.target, ())
        rows = [_row(letter) for letter in letters.of(*letters.targets)]
        self.status = self.status_of(letters)
        return COLUMNS, rows


class DeadShow(LettersCommand):
    """Show the notification of a dead letter, as JSON."""

    example = "dead show 8adb451d-6ce4-42f4-abe8-5daad177b761"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the id behind the paste file."""
        super().add_arguments(parser)
        parser.add_argument("ids", nargs=1, metavar="ID", help="the message_id of a dead letter")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print it. Raises UsageError, OptionError, FailedError."""
        ids = ids_of(parsed_args)
        letters = Letters(self.journal(parsed_args), parsed_args.target, ids)
        letter = next(letters.of(*letters.targets), None)
        if letter is None:
            raise FailedError(f"there is no dead letter {ids[0]}")
        self.print(json.dumps(letter.notification, indent=2))
        return RIGHT


class DeadRetry(IdArguments):
    """Send dead letters again, with their ids. Mend first what they were rejected for.

    Each is put into the journal before it is removed from the dead letters, so none is lost. What
    is rejected again becomes a dead letter again.
    """

    example = "dead retry --all --target rabbit"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Send them again. Raises UsageError, OptionError, FailedError."""
        journal, letters = self.chosen(parsed_args)
        status, in_all, self._has_wrong = RIGHT, 0, False
        for target in letters.targets:
            if target in journal.targets:
                count = self._retry(journal.sending_again(target), target, letters)
                if count:
                    self.print(f"{target}: dead letters that are sent again: {count}")
                in_all += count
            elif left := sum(1 for _ in letters.of(target)):
                self.note(f"{target} is no target any more; its dead letters stay: {left}")
                status = WARNINGS
        if in_all:
            note_missing_leader(self, journal.directory)
        elif not letters.is_any:
            self.print("there is no dead letter to send again")
        return max(status, self.status_of(letters), WARNINGS if self._has_wrong else RIGHT)

    def _retry(self, sending: SendingAgain, target: str, letters: Letters) -> int:
        """Send the letters of a target again; returns how many messages that is."""
        count = 0
        done: set[_Place] = set()
        for batch in in_batches(self._with_messages(target, letters)):
            # A message has two letters where a command was killed before it removed the first.
            messages = {_place(letter): message for letter, message in batch}
            new = [place for place in messages if place not in done]
            try:
                added = sending.add([messages[place] for place in new])
            except SendingAgainError as error:
                raise FailedError(f"{target}: {error}; sent again before: {count}") from error
            sending.sync()
            done.update(new[:added])
            letters.files.remove(letter for letter, _ in batch if _place(letter) in done)
            count += added
            if added < len(new):
                raise FailedError(
                    f"{target}: the journal has no room for more messages; sent again before: "
                    f"{count}; try again when these are delivered"
                )
        return count

    def _with_messages(self, target: str, letters: Letters) -> Iterator[tuple[DeadLetter, Message]]:
        """The letters of a target with their messages. One that has none is noted: nobody but an
        editor, or a newer version, has made it."""
        for letter in letters.of(target):
            try:
                yield letter, message_of(letter.notification)
            except ValueError as error:
                self._has_wrong = True
                self.note(f"a dead letter in {letter.path} stays, as it cannot be sent: {error}")


def _place(letter: DeadLetter) -> _Place:
    return letter.message_id, json.dumps(letter.notification.get(sequence.KEY), sort_keys=True)


class DeadDrop(DropCommand, IdArguments):
    """Drop dead letters: they are never sent. This cannot be undone."""

    example = "dead drop 8adb451d-6ce4-42f4-abe8-5daad177b761 --yes"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Ask, and drop them. Raises UsageError, OptionError."""
        self.check_can_ask(parsed_args)
        _, letters = self.chosen(parsed_args)
        counts = Counter(letter.target for letter in letters.of(*letters.targets))
        status = self.status_of(letters)
        if not counts:
            self.print("there is no dead letter to drop")
            return status
        parts = ", ".join(f"{count} of {target}" for target, count in sorted(counts.items()))
        what = f"Drop {several(counts.total(), 'dead letter')} ({parts})"
        if not self.is_confirmed(parsed_args, what):
            return WARNINGS
        dropped, found = 0, letters.of(*letters.targets)
        while some := list(itertools.islice(found, _AT_ONCE)):
            dropped += letters.files.remove(some)
        self.print(f"dead letters that are dropped: {dropped}")
        return status


def _row(letter: DeadLetter) -> tuple[Any, ...]:
    notification = letter.notification
    fields = [
        letter.time,
        letter.target,
        *(notification.get(name) for name in ("event_type", "priority", "message_id")),
        _image(notification.get("payload")),
    ]
    return tuple(None if each is None else escaped_text(str(each)) for each in fields)


def _image(payload: object) -> object:
    """The id of the image, where the payload is no text for people."""
    if isinstance(payload, dict):
        return payload.get("image_id") or payload.get("id")
    return payload if isinstance(payload, str) and " " not in payload else None
