"""What all commands have in common: arguments, one-line errors, exit statuses, output formats."""

import argparse
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import cliff.command
import cliff.lister

from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.columns import column_key
from glance_notify_middleware.cli.errors import FailedError, UsageError
from glance_notify_middleware.config import OptionError, Settings

PROGRAM = "glance-notify"

RIGHT = 0
"""Exit status: all is right."""
WARNINGS = 1
"""Exit status: there are warnings, or a test failed."""
WRONG_USE = 2
"""Exit status: an argument is wrong."""
ERRORS = 3
"""Exit status: there are errors, or the command could not be done."""


def one_line_error(parser: argparse.ArgumentParser) -> None:
    """Have the parser print one line for a wrong argument, and end with WRONG_USE."""

    def error(message: str) -> NoReturn:
        parser.exit(WRONG_USE, f"{parser.prog}: {message}; see {parser.prog} --help\n")

    parser.error = error  # type: ignore[method-assign]


def with_example(parser: argparse.ArgumentParser, example: str) -> None:
    """Have --help end with an example, in one line: argparse would break it, and a shell takes a
    broken one for two commands."""
    help_text = parser.format_help

    def format_help() -> str:
        return f"{help_text()}\nExample: {example}\n"

    parser.format_help = format_help  # type: ignore[method-assign]


class Command(cliff.command.Command):
    """A command that prints lines of its own.

    `example` is shown at the end of --help. `take_action` returns the exit status.
    """

    example = ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        one_line_error(parser)
        if self.example:
            with_example(parser, f"{PROGRAM} {self.example}")
        self.add_arguments(parser)
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments to its parser. By default there are none."""

    def get_epilog(self) -> str:
        """Nothing of cliff's: the example is the end of --help."""
        return ""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit status. An error is one line on standard error."""
        try:
            return super().run(parsed_args)
        except UsageError as error:
            return self._failed(WRONG_USE, str(error))
        except (OptionError, FailedError) as error:
            return self._failed(ERRORS, str(error))
        except BrokenPipeError:  # the reader of the output has gone
            raise
        except OSError as error:
            return self._failed(ERRORS, f"{error.filename or 'the system'}: {error.strerror}")
        except Exception as error:
            # The text of an unexpected error is not shown: it can hold a secret.
            place = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} in {place.filename}, line {place.lineno}"
            return self._failed(ERRORS, f"a defect of this command: {what}; please report it")

    def print(self, line: str) -> None:
        """Print a line on standard output, at once."""
        print(line, file=self.app.stdout, flush=True)

    def note(self, line: str) -> None:
        """Print a line on standard error: what is no output of the command."""
        print(line, file=self.app.stderr, flush=True)

    def _failed(self, status: int, what: str) -> int:
        print(f"{PROGRAM}: {what}", file=sys.stderr, flush=True)
        return status


class Lister(Command, cliff.lister.Lister):
    """A command that prints a table, or JSON, CSV, YAML or bare values (-f), with chosen columns
    (-c). `take_action` returns columns and rows, and sets `status`, the exit status."""

    status = RIGHT
    nothing = ""
    """What is said on standard error in place of a table without rows."""
    need_sort_by_cliff = False

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit status."""
        return super().run(parsed_args) or self.status

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any
    ) -> int:
        """Print the rows. Raises UsageError for a column that does not exist.

        `last_confirm` and `Last confirm` are the same column, also in versions of cliff (4.6) that
        take the name as it stands alone.
        """
        rows = list(data)
        chosen = {column_key(name) for name in parsed_args.columns}
        known = [name for name in column_names if column_key(name) in chosen]
        parsed_args.columns = known or parsed_args.columns
        try:
            if self.nothing and not rows and self._is_bare_table(parsed_args):
                self._generate_columns_and_selector(parsed_args, column_names)
                self.note(self.nothing)
                return RIGHT
            if parsed_args.formatter == "table":
                rows = [tuple("-" if cell is None else cell for cell in row) for row in rows]
            return super().produce_output(parsed_args, column_names, rows)
        except ValueError as error:
            names = ", ".join(column_names)
            raise UsageError(f"--column: no such column; expected some of: {names}") from error

    def _is_bare_table(self, parsed_args: argparse.Namespace) -> bool:
        """Whether cliff prints an empty line where there is no row."""
        return parsed_args.formatter == "table" and not parsed_args.print_empty


def add_section(parser: argparse.ArgumentParser, paste: str, **more: Any) -> None:
    """Add the arguments that find the filter's section; `paste` is the name of the first one."""
    parser.add_argument(
        paste,
        metavar="PASTE",
        help="Glance's paste file; default: the one that Glance uses",
        **more,
    )
    parser.add_argument(
        "--conf",
        metavar="FILE",
        help="glance-api.conf, which names the paste file; default: that in /etc/glance",
    )
    parser.add_argument(
        "--filter",
        metavar="NAME",
        help="the section [filter:NAME]; default: notify, or the one that names this package",
    )


class SectionArguments(Command):
    """A command that reads the filter's section of Glance's paste file."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments that find the section."""
        super().add_arguments(parser)
        add_section(parser, "paste_file", nargs="?")

    def settings(self, parsed_args: argparse.Namespace) -> Settings:
        """The settings of the section that the arguments name. Raises UsageError, OptionError."""
        path = paste_file.find(parsed_args.paste_file, parsed_args.conf)
        return paste_file.settings_of(path, parsed_args.filter)
