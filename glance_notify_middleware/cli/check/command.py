"""glance-notify check: what is wrong with a deployment, and the line that mends each thing."""

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from cliff.formatters.base import ListFormatter
from stevedore import ExtensionManager
from stevedore.extension import Extension

from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.check import server
from glance_notify_middleware.cli.check.survey import Deployment, Survey
from glance_notify_middleware.cli.command import Lister, SectionArguments
from glance_notify_middleware.cli.findings import errors_first, exit_status

_SECONDS = 14.0
"""Seconds after which dead hosts are waited for no longer. The command promises 15."""
_COLUMNS = ("level", "name", "what", "mend")
_LINES = "lines"


class _Lines(ListFormatter):
    """Prints one line for each finding, of the columns that are chosen."""

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """It has no options."""

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Print the lines."""
        for row in data:
            texts = dict(zip(column_names, row, strict=True))
            begin = " ".join(texts[name] for name in ("level", "name") if name in texts)
            end = [texts["what"]] if "what" in texts else []
            end += [f"mend: {texts['mend']}"] if "mend" in texts else []
            print(": ".join(filter(None, (begin, "; ".join(end)))), file=stdout)


class Check(SectionArguments, Lister):
    """Look for what is wrong with the filter's deployment, and name what mends it. Changes nothing.

    It looks at the filter's section, its place in Glance's pipelines, its files, Glance's own
    notifier, the server, the libraries and the brokers. Each finding is one line, with the line
    that mends it. Run as root, it looks at files with the eyes of Glance's user.
    """

    example = "check --conf /etc/glance/glance-api.conf --uwsgi /etc/glance/glance-api-uwsgi.ini"

    @property
    def formatter_default(self) -> str:
        """One line for each finding."""
        return _LINES

    # Quoted: ExtensionManager is not generic in stevedore 5.4, which Debian 13 has.
    def _load_formatter_plugins(self) -> "ExtensionManager[ListFormatter]":
        plugins = super()._load_formatter_plugins()
        lines = Extension(_LINES, None, _Lines, _Lines())  # type: ignore[arg-type]
        return ExtensionManager.make_test_instance([*plugins, lines])

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --uwsgi and --user."""
        super().add_arguments(parser)
        parser.add_argument(
            "--uwsgi", metavar="FILE", help="the ini file of the uWSGI that runs Glance"
        )
        parser.add_argument(
            "--user",
            metavar="NAME",
            help="the user that Glance runs as; default: the uid in uWSGI's file, else the user "
            "glance, else the owner of journal_dir",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterable[Any]]:
        """Look at everything, and give what is wrong, errors first."""
        deadline = time.monotonic() + _SECONDS
        path = paste_file.find(parsed_args.paste_file, parsed_args.conf)
        survey = Survey(
            Deployment(
                path,
                paste_file.conf_of(path, parsed_args.conf),
                server.read_uwsgi(parsed_args.uwsgi) if parsed_args.uwsgi else None,
                parsed_args.filter,
                parsed_args.user,
            )
        )
        found = errors_first(dict.fromkeys(survey.findings(deadline)))
        for line in survey.notes():
            self.note(line)
        if not found:
            self.note(f"no finding: {survey.looked_at()}")
        self.status = exit_status(found)
        return _COLUMNS, [(each.level, each.name, each.what, each.mend) for each in found]
