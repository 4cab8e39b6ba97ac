"""Asks before something is dropped."""

import argparse
import sys

from glance_notify_middleware.cli.command import Command
from glance_notify_middleware.cli.errors import UsageError


class DropCommand(Command):
    """A command that asks before it drops something, if --yes is not said."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --yes."""
        super().add_arguments(parser)
        parser.add_argument("--yes", "-y", action="store_true", help="do not ask")

    def check_can_ask(self, parsed_args: argparse.Namespace) -> None:
        """Raises UsageError where nobody can be asked and --yes is not said."""
        if not parsed_args.yes and not sys.stdin.isatty():
            raise UsageError("standard input is no terminal, so nobody can be asked; say --yes")

    def is_confirmed(self, parsed_args: argparse.Namespace, what: str) -> bool:
        """Whether to do `what`: after --yes, or the answer y or yes. Notes that it is not done."""
        if parsed_args.yes:
            return True
        print(f"{what}? This cannot be undone. [y/N] ", end="", file=self.app.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return True
        self.note("nothing is dropped")
        return False
