"""Whether journal_dir is fit for Glance's user, lies on a disk, and has room."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.cli import mends
from glance_notify_middleware.cli.check.access import closed_parent, enter
from glance_notify_middleware.cli.findings import NEARLY_FULL
from glance_notify_middleware.cli.human import option_size
from glance_notify_middleware.cli.user import User
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.events.notification import LONGEST_JSON
from glance_notify_middleware.journal import capacity, fitness, layout
from glance_notify_middleware.journal.fitness import Problem, Unfit

USUAL = Path("/var/lib/glance/notifications")

_IN_MEMORY = ("tmpfs", "ramfs")
_OF_A_CONTAINER = ("overlay", "aufs")
_PART = 4  # the segments that are written take a fourth of the bound
_ENOUGH = 2 * 2**30


class JournalDir:
    """journal_dir as a section names it. `findings` is to be called as Glance's user."""

    def __init__(
        self, directory: Path, max_size: int, processes: int, user: User, section: tuple[str, Path]
    ) -> None:
        """`max_size` is journal_max_size in bytes; `processes` is how many record at a time, or 0:
        as many as live; `section` is its name and its paste file."""
        self._directory = directory
        self._max_size = max_size
        self._processes = processes
        self._user = user
        self._section = section

    def findings(self) -> Iterator[Finding]:
        """What is wrong with the directory, as this process's user sees it."""
        if parent := closed_parent(self._directory):
            what = f"{self._directory}: user {self._user.name} may not enter {parent}"
            yield self._error("journal-not-writable", what, enter(parent, self._user))
            return
        place = next(each for each in (self._directory, *self._directory.parents) if each.exists())
        yield from self._on_file_system(fitness.file_system(place))
        if place == self._directory and not place.is_dir():
            what = f"{place} is no directory: Glance does not start"
            name = shlex.quote(str(place))
            mend = f"mv {name} {name}.kept && install -d -o {self._user.name} -m 0700 {name}"
            yield self._error("journal-missing", what, mend)
            return
        if place == self._directory:
            for problem in fitness.problems(place):
                yield from self._of_problem(problem)
            if os.access(place, os.R_OK | os.X_OK):
                yield from self._filled()
        elif place != self._directory.parent or not os.access(place, os.W_OK | os.X_OK):
            what = f"{self._directory} is missing, and user {self._user.name} cannot make it"
            name = shlex.quote(str(self._directory))
            mend = f"install -d -o {self._user.name} -m 0700 {name}"
            yield self._error("journal-missing", what, mend)
        yield from self._bounded(place)

    def _on_file_system(self, kind: str) -> Iterator[Finding]:
        if kind in _IN_MEMORY:
            what = f"{self._directory} lies in memory ({kind}): what waits there is lost when the "
            yield self._warning("journal-in-memory", f"{what}machine ends", self._elsewhere())
        if kind in _OF_A_CONTAINER:
            what = f"{self._directory} lies in a container's own file system ({kind}): what waits "
            what += "there is lost with the container; expected a volume"
            mend = f"--volume glance-notifications:{self._directory}"
            mend += " (an option of docker run, or podman run)"
            yield self._warning("journal-in-container", what, mend)
        if fitness.is_remote(kind):
            what = f"{self._directory} lies on a network file system ({kind}), where appending and "
            what += "locking are not safe: Glance does not start"
            yield self._error("journal-on-network", what, self._elsewhere())

    def _elsewhere(self) -> str:
        place = USUAL if self._directory != USUAL else Path("/var/spool/glance-notifications")
        return self._line(f"journal_dir = {place}")

    def _of_problem(self, problem: Problem) -> Iterator[Finding]:
        name = shlex.quote(str(problem.path))
        user = self._user.name
        if problem.reason is Unfit.OWNER:
            owner = problem.path.stat().st_uid
            what = f"{problem.path} belongs to user {owner}, and not to {user}"
            mend = f"chown -R {user} {name}"
            yield self._error("journal-owner", f"{what}: Glance does not start", mend)
        elif problem.reason is Unfit.ACCESS:
            yield from self._not_writable(problem.path)
        elif problem.reason is Unfit.MODE:
            what = f"{problem.path} may be written by others than its owner, who could have "
            what += "notifications sent that were never recorded: Glance does not start"
            yield self._error("journal-mode", what, f"chmod 0700 {name}")
        elif problem.reason is Unfit.FOREIGN_FILE:
            what = f"{problem.path} is no regular file of user {user}, so it is none of the "
            what += "journal's; find out who has put it there"
            yield self._error("journal-foreign-file", what, f"rm {name}")

    def _not_writable(self, directory: Path) -> Iterator[Finding]:
        name = shlex.quote(str(directory))
        what = f"{directory} cannot be written by user {self._user.name}"
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            mend = f"mount -o remount,rw {shlex.quote(str(_mount_point(directory)))}"
            yield self._error("journal-read-only", f"{what}: its disk is read-only", mend)
        elif directory.stat().st_uid == self._user.uid:  # else its owner is what is wrong
            yield self._error("journal-not-writable", what, f"chmod 0700 {name}")

    def _filled(self) -> Iterator[Finding]:
        used = capacity.counted_bytes(self._directory)
        if used > self._max_size * NEARLY_FULL:
            part = f"{used / self._max_size:.0%}"
            what = f"{part} of journal_max_size wait in {self._directory}: the broker is away, or "
            what += "takes less than is recorded; when it is full, journal_when_full applies"
            mend = self._line(f"journal_max_size = {option_size(2 * max(used, self._max_size))}")
            yield self._warning("journal-nearly-full", what, mend)

    def _bounded(self, place: Path) -> Iterator[Finding]:
        processes = self._processes
        if not processes and place == self._directory and os.access(place, os.R_OK | os.X_OK):
            processes = len(layout.listing(place).live_files)
        least = processes * _PART * LONGEST_JSON
        if self._max_size < least:
            what = f"journal_max_size is {option_size(self._max_size)}: too little for the "
            what += f"segments of {processes} processes, which need {option_size(least)}"
            mend = self._line(f"journal_max_size = {option_size(max(least, _ENOUGH))}")
            yield self._warning("journal-bound-small", what, mend)
        room = capacity.free_bytes(place)
        if place == self._directory and os.access(place, os.R_OK | os.X_OK):
            room += capacity.counted_bytes(place)
        if self._max_size > room:
            what = f"journal_max_size is {option_size(self._max_size)}, but the disk of "
            what += f"{self._directory} has {option_size(room)} left for it: the disk is full first"
            mend = self._line(f"journal_max_size = {option_size(max(room // 2, 2**20))}")
            yield self._warning("journal-bound-large", what, mend)

    def _line(self, line: str) -> str:
        return mends.line_in(*self._section, line)

    def _error(self, name: str, what: str, mend: str) -> Finding:
        return Finding(Level.ERROR, name, what, mend)

    def _warning(self, name: str, what: str, mend: str) -> Finding:
        return Finding(Level.WARNING, name, what, mend)


def _mount_point(directory: Path) -> Path:
    return next(each for each in (directory, *directory.parents) if each.is_mount())
