"""The table of commands, and what runs one of them."""

import argparse
import difflib
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, version
from typing import Any

from cliff.app import App
from cliff.commandmanager import CommandManager
from cliff.help import HelpAction

from glance_notify_middleware.cli.command import PROGRAM, WRONG_USE, one_line_error
from glance_notify_middleware.events.escaping import escaped_text

COMMANDS: Mapping[str, str] = {
    "aside drop": "repair.aside:AsideDrop",
    "aside list": "repair.aside:AsideList",
    "aside retry": "repair.aside:AsideRetry",
    "check": "check.command:Check",
    "config": "section.config_values:ConfigValues",
    "dead drop": "repair.dead:DeadDrop",
    "dead list": "repair.dead:DeadList",
    "dead retry": "repair.dead:DeadRetry",
    "dead show": "repair.dead:DeadShow",
    "drain": "node.drain:Drain",
    "explain": "section.explain:Explain",
    "listen": "target.listen:Listen",
    "metrics": "node.metrics:Metrics",
    "relay": "relay:Relay",
    "replay": "repair.replay:Replay",
    "sample": "section.sample:Sample",
    "send-test": "target.send_test:SendTest",
    "status": "node.status:Status",
    "usage": "audit.usage:Usage",
    "who": "audit.who:Who",
}
"""The words of a command -> module and class below glance_notify_middleware.cli."""


_AFTER_SIGNAL = 128
"""The exit status of a program that a signal has ended is this and the signal's number (sh(1))."""


class _Commands(CommandManager):
    """The commands of the table. A command's module is imported when the command is run."""

    def __init__(self) -> None:
        super().__init__("glance_notify.commands")

    def load_commands(self, namespace: str) -> None:
        """Load the table, in place of the entry points of other packages."""
        for name, place in COMMANDS.items():
            self.commands[name] = EntryPoint(name, f"{__package__}.{place}", namespace)


class Program(App):
    """glance-notify: finds the command that its arguments name, and runs it."""

    NAME = PROGRAM

    def __init__(self) -> None:
        super().__init__(
            "See, check, repair and ask what the notify filter of Glance records and sends.",
            version("glance-notify-middleware"),
            _Commands(),
        )

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, Any] | None = None,
    ) -> argparse.ArgumentParser:
        """The options before the command: --version and --help."""
        parser = argparse.ArgumentParser(prog=PROGRAM, description=description, add_help=False)
        parser.add_argument("--version", action="version", version=f"{PROGRAM} {version}")
        parser.add_argument(
            "-h", "--help", action=HelpAction, nargs=0, default=self, help="show the commands"
        )
        one_line_error(parser)
        return parser

    def configure_logging(self) -> None:
        """Log lines of the filter go to standard error."""
        logging.basicConfig(
            stream=self.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
        )

    def run(self, argv: list[str]) -> int:
        """Run the command; returns its exit status. What follows its words is the command's own:
        cliff would take a --help there for that of the program."""
        self.options = argparse.Namespace(debug=False)
        if not argv:
            self.parser.error("a command is missing")
        if argv[0].startswith("-"):
            self.parser.parse_args(argv)  # ends the program
        self.configure_logging()
        try:
            return self.run_subcommand(argv)
        except BrokenPipeError:
            # What is still buffered cannot be printed at the end either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())
            return _AFTER_SIGNAL + signal.SIGPIPE
        except KeyboardInterrupt:
            return _AFTER_SIGNAL + signal.SIGINT

    def run_subcommand(self, argv: list[str]) -> int:
        """Run the command; an unknown one is wrong use."""
        try:
            self.command_manager.find_command(argv)
        except ValueError:
            return self._unknown(argv)
        return super().run_subcommand(argv)

    def _unknown(self, argv: Sequence[str]) -> int:
        words = [name for name in COMMANDS if name.split()[0] == argv[0]]
        is_group = bool(words) and not (argv[1:2] or ["-"])[0].startswith("-")
        given = " ".join(argv[:2] if is_group else argv[:1])
        close = difflib.get_close_matches(given, COMMANDS, n=1) if is_group or not words else []
        hint = f"did you mean {close[0]}?" if close else f"expected {', '.join(words or COMMANDS)}"
        what = f"there is no command {escaped_text(given)!r}; {hint}"
        print(f"{PROGRAM}: {what}", file=self.stderr)
        return WRONG_USE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: see `command`."""
    return Program().run(list(sys.argv[1:] if arguments is None else arguments))
