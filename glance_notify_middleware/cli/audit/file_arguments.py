"""What the commands have in common that read notifications from files."""

import argparse
from pathlib import Path

from glance_notify_middleware.cli.audit.log_lines import LogFiles
from glance_notify_middleware.cli.audit.opened import STANDARD_INPUT
from glance_notify_middleware.cli.audit.times import Period, add_period
from glance_notify_middleware.cli.command import Command
from glance_notify_middleware.cli.errors import UsageError


class FileArguments(Command):
    """A command that reads notifications from files, of a period."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that name files and period."""
        super().add_arguments(parser)
        parser.add_argument(
            "files",
            nargs="+",
            metavar="FILE",
            help="a log_file of the filter, or a rotation of it, gzip or not; - is standard input",
        )
        add_period(parser)
        # Options may stand between two files.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]

    def log_files(self, parsed_args: argparse.Namespace) -> LogFiles:
        """The files that the arguments name. Raises UsageError where one is missing."""
        for name in parsed_args.files:
            if name != STANDARD_INPUT and not Path(name).exists():
                raise UsageError(f"{name}: there is no such file")
        return LogFiles(parsed_args.files, self.note)

    def period(self, parsed_args: argparse.Namespace) -> Period:
        """The period that the arguments name. Raises UsageError where it is empty."""
        always = Period()
        period = Period(parsed_args.since or always.since, parsed_args.until or always.until)
        if period.since >= period.until:
            raise UsageError("--since must be before --until")
        return period
