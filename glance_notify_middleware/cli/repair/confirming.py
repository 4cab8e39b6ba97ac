"""Asks before something is dropped."""

import argparse
import sys

from glance_notify_middleware.cli.command import Command
from glance_notify_middleware.cli.errors import UsageError


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Add --yes to the arguments of a command."""
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def check_can_ask(parsed_args: argparse.Namespace) -> None:
    """Raises UsageError where nobody can be asked and --yes is not said."""
    if not parsed_args.yes and not sys.stdin.isatty():
        raise UsageError("standard input is no terminal, so nobody can be asked; say --yes")


def is_confirmed(command: Command, parsed_args: argparse.Namespace, what: str) -> bool:
    """Whether to do `what`: after --yes, or the answer y or yes."""
    if parsed_args.yes:
        return True
    print(f"{what}? This cannot be undone. [y/N] ", end="", file=command.app.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
