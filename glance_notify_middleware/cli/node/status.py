"""glance-notify status: the state of the node, in one look."""

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

from glance_notify_middleware.cli.columns import column_key
from glance_notify_middleware.cli.command import RIGHT, Lister, SectionArguments
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.findings import exit_status
from glance_notify_middleware.cli.node import nagios, output, reading, verdict
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.delivery.node.state import NodeState

INTERVAL = 2.0
"""Seconds between two looks of --watch."""

_CLEAR = "\x1b[H\x1b[2J"
"""Has a terminal go to its first line, and clear all lines (ECMA-48: CUP, ED)."""


class Status(Lister, SectionArguments):
    """Show the state of this node: its journal, its processes, and each target.

    A target is what a word of notifier_strategy names. Root reads as the owner of journal_dir.
    Exit status: 0, all is right; 1, there are warnings; 3, there are errors. -c chooses columns of
    the targets: those that are shown by default, and delivered, dead letters, lost, skipped,
    sent again, send failures. The formats json and yaml have one object for the whole node.
    """

    example = "status -f json"

    _is_plugin = False
    _node: reading.Node | None = None
    _state: NodeState | None = None
    _found: Sequence[Finding] = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --watch and --nagios."""
        super().add_arguments(parser)
        way = parser.add_mutually_exclusive_group()
        way.add_argument(
            "--watch",
            action="store_true",
            help=f"show it every {INTERVAL:.0f} seconds, until Ctrl-C",
        )
        way.add_argument(
            "--nagios",
            action="store_true",
            help="print one line with performance data; the exit status is that of a plugin: 0 OK, "
            "1 WARNING, 2 CRITICAL, 3 UNKNOWN",
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit status."""
        self._is_plugin = parsed_args.nagios
        if not parsed_args.watch:
            return super().run(parsed_args)
        try:
            while True:
                self._state = None
                status = super().run(parsed_args)
                if self._state is None:  # there is nothing to see, or it cannot be read
                    return status
                time.sleep(INTERVAL)
        except KeyboardInterrupt:
            return RIGHT

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Any]]:
        """Read the state; returns columns and rows of the targets. Raises UsageError."""
        shown = _shown(parsed_args.columns)
        self._node = self._node or reading.Node(self.settings(parsed_args))
        self._state = state = self._node.read()
        if state is None:
            return shown, []
        self._found = verdict.findings(state)
        self.status = exit_status(self._found)
        return shown, [row[: len(shown)] for row in output.rows(state)]

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Sequence[str], data: Any
    ) -> int:
        """Print the state in the format that was asked for."""
        state, rows = self._state, list(data)
        if parsed_args.nagios:
            self._print_plugin_line(state)
            return RIGHT
        if parsed_args.watch and self.app.stdout.isatty():
            self.app.stdout.write(_CLEAR)
        if parsed_args.formatter in ("json", "yaml"):
            whole: dict[str, Any] = {}
            if state is not None:
                whole = output.document(state, self._found, parsed_args.columns)
            # Both are formatters of single objects too.
            self.formatter.emit_one(whole.keys(), whole.values(), self.app.stdout, parsed_args)  # type: ignore[attr-defined]
        elif parsed_args.formatter != "table":
            super().produce_output(parsed_args, column_names, rows)
        elif state is not None:
            self._print_lines(output.lines(state))
            if rows:
                super().produce_output(parsed_args, column_names, rows)
            self._print_lines(output.finding_lines(self._found))
        if state is None:
            self.note(reading.NOTHING_TO_SEE)
        self.app.stdout.flush()
        return RIGHT

    def _print_lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.print(line)

    def _print_plugin_line(self, state: NodeState | None) -> None:
        if state is None:
            self.print(nagios.line(nagios.OK, reading.NOTHING_TO_SEE))
            return
        self.status = nagios.status(self._found)
        text = "; ".join(finding.what for finding in self._found) or nagios.when_right(state)
        self.print(nagios.line(self.status, text, state))

    def _failed(self, status: int, what: str) -> int:
        if not self._is_plugin:
            return super()._failed(status, what)
        self.print(nagios.line(nagios.UNKNOWN, what))
        return nagios.UNKNOWN


def _shown(chosen: Sequence[str]) -> Sequence[str]:
    """The columns that -c can choose from; where it chooses none those that are shown by default.

    Raises UsageError for a column that does not exist.
    """
    if not chosen:
        return output.COLUMNS
    every = (*output.COLUMNS, *output.MORE_COLUMNS)
    known = {column_key(name) for name in every}
    if unknown := [name for name in chosen if column_key(name) not in known]:
        raise UsageError(
            f"--column: there is no {unknown[0]!r}; expected some of: {', '.join(every)}"
        )
    return every
