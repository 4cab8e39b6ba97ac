"""The argument --type: types of events, and groups of them, such as image.member."""

import argparse
from collections.abc import Sequence

from glance_notify_middleware.cli.errors import UsageError


def add_type(parser: argparse.ArgumentParser) -> None:
    """Add --type to the arguments of a command."""
    parser.add_argument(
        "--type",
        metavar="TYPE",
        action="append",
        default=[],
        help="of this event type, or of this group of types: image.send, image.member; can be "
        "repeated; default: all",
    )


def chosen_types(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The types and groups of these names, in lower case.

    Raises UsageError for a name that is none of the `known` types, and no group of some.
    """
    found = tuple(name.lower() for name in names)
    for name, group in zip(names, found, strict=True):
        if not any(is_of_type(each, group) for each in known):
            types = ", ".join(known)
            raise UsageError(f"--type {name}: no such type; expected the first words of: {types}")
    return found


def is_of_type(event_type: str, group: str) -> bool:
    """Whether an event type is this one, or is of this group."""
    return f"{event_type}.".startswith(f"{group}.")
