"""glance-notify usage: what was downloaded and uploaded, in numbers that can be billed."""

import argparse
import dataclasses
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glance_notify_middleware.cli.audit.file_arguments import FileArguments
from glance_notify_middleware.cli.audit.page import Source, page
from glance_notify_middleware.cli.audit.sums import GROUPS, MEANINGS, Sum, Sums
from glance_notify_middleware.cli.command import Lister
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.replaced_file import replace
from glance_notify_middleware.events.escaping import escaped_text

_OF_A_PAGE = ("day", "receiver")


class Usage(FileArguments, Lister):
    """Sum up downloads and uploads, from the log_file of all nodes with its rotations.

    Without --by there is one row, the sum of all. Each notification is counted once, however often
    it stands in the files. A damaged line is named and left out; the exit status is then 1. With a
    file that could not be read it is 3.
    """

    example = "usage --by receiver --since 2026-11-01 --until 2026-12-01 node*/notifications.log*"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --by and --html."""
        super().add_arguments(parser)
        parser.add_argument(
            "--by",
            choices=tuple(GROUPS),
            help="one row for each receiver (the project that downloaded or uploaded), owner (the "
            "project that owns the image), image, or day (in UTC); default: one row for all",
        )
        parser.add_argument(
            "--html",
            metavar="FILE",
            type=Path,
            help="write a page with charts into this file, too",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Any]]:
        """Read the files. Raises UsageError."""
        period = self.period(parsed_args)
        files = self.log_files(parsed_args)
        by, path = parsed_args.by, parsed_args.html
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"--html {path}: expected a file in a directory that exists")
        sums = Sums({*(by,) * (by is not None), *_OF_A_PAGE * (path is not None)})
        sums.add_all(files, period)
        self.status = files.status
        if path is not None:
            source = Source.of(files, len(parsed_args.files), sums.repeats)
            now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            replace(path, page(sums, period, source, now).encode(), mode=0o666 & ~_umask())
        if by is None:
            return tuple(MEANINGS), [_row(sums.total)]
        groups = sums.by_day() if by == "day" else sums.largest_first(by)
        return (by, *MEANINGS), [(_shown(key), *_row(found)) for key, found in groups]


def _row(found: Sum) -> tuple[Any, ...]:
    return tuple(value if value != "" else None for value in dataclasses.astuple(found))


def _shown(key: str | None) -> str | None:
    """A client chooses the name of an image that does not exist."""
    return None if key is None else escaped_text(key)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
