"""All that `check` looks at, one subject after another."""

import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.cli import target_mends
from glance_notify_middleware.cli.check import (
    files,
    libraries,
    lines,
    own_notifier,
    place,
    server,
    sharing,
    targets,
    user,
)
from glance_notify_middleware.cli.check.ini_file import DEFAULT, IniFile
from glance_notify_middleware.cli.check.journal_dir import JournalDir
from glance_notify_middleware.cli.check.lines import Lines
from glance_notify_middleware.cli.check.pipelines import Pipelines
from glance_notify_middleware.cli.check.server import Uwsgi
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.glance_conf import GlanceConf
from glance_notify_middleware.cli.paste_file import USUAL
from glance_notify_middleware.config import Settings, Target
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.strategies.description import Inspect
from glance_notify_middleware.strategies.registry import BUILT_IN, built_in, with_delivery


@dataclass(frozen=True, slots=True)
class Deployment:
    """The files of a deployment, as far as they are known, and what the operator said of it."""

    paste: Path
    conf: GlanceConf | None
    uwsgi: Uwsgi | None
    filter: str | None
    """The name of the one filter to look at; None: all of this package."""
    user: str | None
    """Glance's user; None: it is found."""


class Survey:
    """One look at a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        """Reads the paste file. Raises OSError, and UsageError for a filter that is not in it."""
        self._of = deployment
        text = deployment.paste.read_text(errors="replace")
        self._file = IniFile(deployment.paste, text)
        self._pipelines = Pipelines(self._file)
        names = self._pipelines.filter_sections()
        if deployment.filter is not None:
            if f"filter:{deployment.filter}" not in self._file.sections:
                what = f"{deployment.paste} has no section [filter:{deployment.filter}]"
                raise UsageError(f"{what}; say --filter NAME for another name")
            names = [f"filter:{deployment.filter}"]
        self._unusable: set[str] = set()  # what the names of their options begin with
        self._sections = [lines.read(self._file, name) for name in names]
        self._user = user.find(
            deployment.user,
            deployment.uwsgi.user if deployment.uwsgi else "",
            assembly.directory_of(self._sections[0].settings) if names else Path("/nonexistent"),
        )

    def findings(self, deadline: float) -> Iterator[Finding]:
        """All that is wrong. Brokers are waited for until `deadline`, of time.monotonic()."""
        yield from self._file.broken
        yield from self._file.percent_signs(DEFAULT)
        if not self._sections:
            yield place.missing_section(self._pipelines, USUAL)
        name = self._of.filter or self._pipelines.usual_word()
        yield from place.findings(self._pipelines, self._of.conf, name)
        for section in self._sections:
            yield from section.findings
            yield from self._without_broker(section)
        yield from sharing.findings(self._sections, self._of.paste)
        of_files = self._seen_by_user()
        yield from of_files
        # Without its files a target cannot connect.
        self._unusable = {
            target.option(target.strategy)
            for section in self._sections
            for target in self._targets(section)
            if any(
                f"option {target.option(target.strategy)}_" in finding.what for finding in of_files
            )
        }
        yield from targets.findings(self._inspections(), max(deadline - time.monotonic(), 1.0))

    def _without_broker(self, section: Lines) -> Iterator[Finding]:
        settings, where = section.settings, (section.section, self._of.paste)
        if self._of.conf:
            yield from own_notifier.findings(self._of.conf, settings)
        if self._of.uwsgi:
            yield from server.without_threads(self._of.uwsgi, settings)
        else:
            yield from server.under_eventlet(settings, where)
        yield from libraries.findings(settings, where)

    # -- what Glance's user may do -----------------------------------------------------------

    def _seen_by_user(self) -> list[Finding]:
        if not user.can_be(self._user):
            return []
        return user.seen_by(self._user, self._of_files)

    def _of_files(self) -> Iterator[Finding]:
        """What is wrong with files and directories. To be called as Glance's user."""
        yield from files.paste_file(self._of.paste, self._user)
        for section in self._sections:
            for target in section.settings.targets.values():
                if not section.wrong & {"log_file", target.option("log_file")}:
                    yield from files.log_file(target, self._user)
            for target in self._targets(section):
                built = BUILT_IN[target.strategy]
                secrets = functools.partial(built.read_secrets, target.settings)
                yield from files.credential_files(target, secrets, self._user)
            yield from self._of_journal(section)

    def _of_journal(self, section: Lines) -> Iterator[Finding]:
        settings = section.settings
        is_used = with_delivery(settings) or "journal_dir" in section.given
        if "journal_dir" in section.wrong or not is_used:
            return
        directory = assembly.directory_of(settings)
        yield from JournalDir(
            directory,
            settings.journal_max_size,
            self._of.uwsgi.processes if self._of.uwsgi else 0,
            self._user,
            (section.section, self._of.paste),
        ).findings()

    # -- brokers ---------------------------------------------------------------------------

    def _targets(self, section: Lines) -> list[Target]:
        """The targets of a section, of built-in strategies, whose options are right."""
        return [
            target
            for target in with_delivery(section.settings).values()
            if (found := built_in(target))
            and not section.wrong & {*found.options, *map(target.option, found.options)}
        ]

    def _inspections(self) -> dict[str, tuple[Inspect, Settings]]:
        """The inspections of all targets, by names for people."""
        found = {}
        for section in self._sections:
            for target in sorted(self._targets(section), key=lambda target: target.name):
                if target.option(target.strategy) in self._unusable:
                    continue
                is_only = len(self._sections) == 1
                name = target.name if is_only else f"{target.name} of [{section.section}]"
                try:
                    inspect = BUILT_IN[target.strategy].load_inspection()
                except ImportError:
                    continue  # found already
                found[name] = (self._placed(inspect, section, target), target.settings)
        return found

    def _placed(self, inspect: Inspect, section: Lines, target: Target) -> Inspect:
        """The inspection, with its lines where they belong: in the section of the paste file."""

        def found(settings: Settings) -> Iterator[Finding]:
            for finding in inspect(settings):
                yield target_mends.placed(
                    finding, section.section, self._of.paste, target, section.given
                )

        return found

    # -- what people are shown --------------------------------------------------------------

    def notes(self) -> Iterator[str]:
        """What could not be looked at, and why."""
        if self._of.conf is None:
            what = "the flavor and Glance's own notifier are not looked at"
            yield f"{what}: glance-api.conf is not known; say --conf FILE"
        if not user.can_be(self._user):
            yield f"files are not looked at: only root, or {self._user.name}, may do that"

    def looked_at(self) -> str:
        """What was looked at, in one line."""
        conf, uwsgi = self._of.conf, self._of.uwsgi
        parts = [f"{self._of.paste}", *(f"[{section.section}]" for section in self._sections)]
        parts += [f"flavor {conf.flavor} of {conf.path}"] if conf else []
        parts += [f"{uwsgi.path}"] if uwsgi else []
        if user.can_be(self._user):
            parts.append(f"files as user {self._user.name}")
        parts += [f"target {name}" for name in self._inspections()]
        return ", ".join(parts)
