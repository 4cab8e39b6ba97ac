"""The argument --target: a word of notifier_strategy."""

import argparse
from collections.abc import Sequence
from typing import Any

from glance_notify_middleware.cli.errors import UsageError


def add_target(
    parser: argparse.ArgumentParser, help: str = "of this target; default: of all", **more: Any
) -> None:
    """Add --target to the arguments of a command; `more` goes to add_argument."""
    parser.add_argument("--target", metavar="NAME", help=help, **more)


def chosen(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The targets of these names, or all that are `known`, in the order of those.

    Raises UsageError for a name that is not known.
    """
    for name in names:
        if name not in known:
            targets = ", ".join(known) or "there is none"
            raise UsageError(f"--target {name}: no such target; the targets are: {targets}")
    return [name for name in known if not names or name in names]


def chosen_one(name: str | None, known: Sequence[str]) -> list[str]:
    """As `chosen`, of one name or none."""
    return chosen(() if name is None else (name,), known)
