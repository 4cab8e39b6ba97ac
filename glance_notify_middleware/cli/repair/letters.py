"""What the commands have in common that are about dead letters."""

import argparse
from collections.abc import Iterator, Sequence

from glance_notify_middleware.cli.command import RIGHT, WARNINGS
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.repair.journal import JournalOfTargets, TargetArguments
from glance_notify_middleware.cli.target_argument import chosen_one
from glance_notify_middleware.cli.uuids import is_uuid
from glance_notify_middleware.delivery.dead_files import DeadFiles, DeadLetter


class Letters:
    """The dead letters of a journal that a command is about: of some targets, with some ids."""

    def __init__(self, journal: JournalOfTargets, target: str | None, ids: Sequence[str]) -> None:
        """No `target`: of all; no `ids`: all. Raises UsageError for a target that is neither
        configured nor has letters, and OSError."""
        self.files = DeadFiles(journal.directory)
        known = {letter.target for letter in self.files.letters()} | set(journal.targets)
        self.targets = chosen_one(target, sorted(known))
        self._ids = set(ids)
        self._found: set[str] = set()

    def of(self, *targets: str) -> Iterator[DeadLetter]:
        """The letters of these targets, as they stand in the files. Raises OSError."""
        for letter in self.files.letters():
            is_meant = not self._ids or letter.message_id in self._ids
            if is_meant and letter.target in targets:
                self._found.add(letter.message_id)
                yield letter

    @property
    def is_any(self) -> bool:
        """Whether letters were found."""
        return bool(self._found)

    @property
    def missing(self) -> list[str]:
        """The ids for which no letter was found."""
        return sorted(self._ids - self._found)


class LettersCommand(TargetArguments):
    """A command about some dead letters."""

    def status_of(self, letters: Letters) -> int:
        """The exit status for what was found; notes damaged lines, and ids without a letter."""
        for path, count in letters.files.damaged.items():
            self.note(f"{path}: damaged lines, left as they are: {count}")
        for each in letters.missing:
            self.note(f"there is no dead letter {each}")
        return WARNINGS if letters.files.damaged or letters.missing else RIGHT


class IdArguments(LettersCommand):
    """A command about the dead letters whose ids it is given, or about all."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the ids behind the paste file, and --all."""
        super().add_arguments(parser)
        parser.add_argument("ids", nargs="*", metavar="ID", help="the message_id of a dead letter")
        parser.add_argument("--all", action="store_true", help="all dead letters")
        # Options may stand between two ids.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]

    def chosen(self, parsed_args: argparse.Namespace) -> tuple[JournalOfTargets, Letters]:
        """The journal, and the letters that the arguments name. Raises UsageError, OptionError."""
        ids = ids_of(parsed_args)
        if bool(ids) == parsed_args.all:
            raise UsageError("name the ids of dead letters, or say --all")
        journal = self.journal(parsed_args)
        return journal, Letters(journal, parsed_args.target, ids)


def ids_of(parsed_args: argparse.Namespace) -> Sequence[str]:
    """The ids among the arguments. Raises UsageError.

    The paste file may be left out in front of them: what stands there and is an id, is an id.
    """
    ids = list(parsed_args.ids)
    if is_uuid(parsed_args.paste_file or ""):
        ids.insert(0, parsed_args.paste_file)
        parsed_args.paste_file = None
    for each in ids:
        if not is_uuid(each):
            raise UsageError(f"{each!r} is no message_id; expected one that dead list shows")
    return ids
