"""Reads the state of a node from its files: nothing is changed, and no lock is taken."""

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery.node import state_file
from glance_notify_middleware.delivery.node.backlog import Backlog
from glance_notify_middleware.delivery.node.kept_files import KeptFiles
from glance_notify_middleware.delivery.node.state import NodeState, TargetState
from glance_notify_middleware.delivery.node.state_file import NOTHING_KNOWN, LeaderState
from glance_notify_middleware.delivery.target_counts import OPERATOR, TargetCounts
from glance_notify_middleware.events.images import parse_json
from glance_notify_middleware.journal import checksummed, layout
from glance_notify_middleware.journal.capacity import counted_bytes
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.files import ForeignFileError, read_owned
from glance_notify_middleware.journal.live_file import content_of
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.tally import tally
from glance_notify_middleware.journal.totals import ADDED
from glance_notify_middleware.strategies.registry import with_delivery

_LONGEST_TRY = 1.0  # seconds


class NodeReader:
    """Reads the state of one node as often as it is asked.

    It keeps files with locks open: a process that closes any descriptor of a file loses its locks
    of that file (see journal/locks.py). So a process that records or relays there, as a relay that
    serves its metrics, keeps one NodeReader, and never closes it.
    """

    def __init__(self, settings: Settings) -> None:
        """Opens nothing."""
        self._directory = Path(settings.journal_dir).resolve()
        self._max_size = settings.journal_max_size
        self._targets = list(with_delivery(settings))
        self._files = KeptFiles()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        self._files.close()

    def read(self) -> NodeState:
        """The state at this moment. Raises OSError.

        It is read again, for a second at most, where a process was settled in the middle: it would
        be missing, or be counted twice.
        """
        until = time.monotonic() + _LONGEST_TRY
        while True:
            totals = self._version(layout.TOTALS)
            found = self._read(until)
            if self._version(layout.TOTALS) == totals or time.monotonic() >= until:
                return found

    def _version(self, name: str) -> tuple[int, int] | None:
        """What is another value when the leader has written this file again."""
        try:
            status = (self._directory / name).lstat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _read(self, until: float) -> NodeState:
        now = time.time()
        cursors, backlogs = self._cursors(until)  # first: nothing is passed that is not recorded
        is_led = self._is_led()
        leader = state_file.load(self._directory, now if is_led else None)
        journals = self._journals(leader.dead)
        counters = journals.counters
        targets = {
            name: self._target(name, cursors, backlog, journals, leader)
            for name, backlog in backlogs.items()
        }
        return NodeState(
            directory=self._directory,
            time=now,
            journal_bytes=counted_bytes(self._directory),
            journal_max_bytes=self._max_size,
            processes=journals.processes,
            is_led=is_led,
            followed=journals.followed,
            recorded=dict(counters.recorded),
            dropped=dict(counters.dropped),
            last_drop=counters.last_drop or None,
            unknown=counters.unknown,
            lookups=dict(counters.lookups),
            sent_bytes=dict(counters.sent),
            targets=targets,
        )

    def _cursors(self, until: float) -> tuple[dict[str, Any] | None, dict[str, Backlog]]:
        """The content of cursors.json, and what each target has set aside by that. Both are read
        again where the leader has moved the cursors in the middle."""
        while True:
            version = self._version(layout.CURSORS)
            cursors = checksummed.load(self._directory / layout.CURSORS)
            backlogs = {name: Backlog() for name in self._targets}
            for name, backlog in backlogs.items():
                backlog.add_set_aside(self._directory, name, _section(cursors, name))
            if self._version(layout.CURSORS) == version or time.monotonic() >= until:
                return cursors, backlogs

    def _target(
        self,
        name: str,
        cursors: Mapping[str, Any] | None,
        backlog: Backlog,
        journals: "_Journals",
        leader: LeaderState,
    ) -> TargetState:
        section = _section(cursors, name)
        counts = TargetCounts.of(section.get("counts", {}))
        if cursors is None or name in cursors:  # else it begins with what is recorded from now on
            positions = {
                identity: Position(*place)
                for identity, place in section.get("positions", {}).items()
            }
            backlog.add_journals(self._directory, positions, journals.segments, journals.ends)
        lost = counts.lost + Counter({OPERATOR: backlog.dropped})
        state = leader.targets.get(name, NOTHING_KNOWN)
        return TargetState(
            name=name,
            link=state.link,
            since=state.since,
            why=state.why,
            pending=backlog.pending,
            oldest=backlog.oldest,
            last_confirm=state.last_confirm,
            set_aside=backlog.set_aside,
            dead=_dead_letters(self._directory, name),
            delivered=counts.delivered,
            dead_letters=counts.dead_letters,
            skipped=counts.skipped,
            lost=dict(lost),
            sent_again=counts.sent_again,
            send_failures=dict(counts.failures),
            troubles=state.troubles,
        )

    def _journals(self, settled: Sequence[str]) -> "_Journals":
        """What all processes have recorded; `settled` are those that the leader settles now."""
        totals = checksummed.load(self._directory / layout.TOTALS) or {}
        listed = OwnerFilter(self._directory).apply(layout.listing(self._directory))
        self._files.close_removed()
        found = _Journals(listed.segments)
        found.counters.add(Counters.of(totals))
        for identity in listed.segments.keys() | listed.live_files:
            content = self._live_content(identity) if identity in listed.live_files else None
            numbers = listed.segments.get(identity, [])
            counted = tally(self._directory, identity, numbers, content)
            found.ends[identity] = counted.end
            if content is None or identity in totals.get(ADDED, []):
                continue
            found.counters.add(counted.counters)
            if identity not in settled and self._files.is_locked(
                layout.live_path(self._directory, identity)
            ):
                found.processes += 1
                found.followed += counted.counters.followed
        return found

    def _live_content(self, identity: str) -> dict[str, Any] | None:
        fd = self._files.open(layout.live_path(self._directory, identity))
        return None if fd is None else content_of(fd)

    def _is_led(self) -> bool:
        return self._files.is_locked(self._directory / layout.RELAY_LOCK)


class _Journals:
    """What the journals of all processes have: `ends` are the numbers of their next
    notifications."""

    def __init__(self, segments: Mapping[str, Sequence[int]]) -> None:
        self.segments = segments
        self.ends: dict[str, int] = {}
        self.counters = Counters()
        self.processes = 0
        self.followed = 0


def _section(cursors: Mapping[str, Any] | None, target: str) -> Mapping[str, Any]:
    """The section of a target in cursors.json; empty where there is none that can be read."""
    found = (cursors or {}).get(target)
    return found if isinstance(found, dict) else {}


def _dead_letters(directory: Path, target: str) -> int:
    """How many dead letters of a target lie in files. Raises OSError."""
    count = 0
    for path in directory.glob("dead-*.jsonl"):
        with contextlib.suppress(FileNotFoundError, ForeignFileError):
            count += sum(_target_of(line) == target for line in read_owned(path).splitlines())
    return count


def _target_of(line: bytes) -> str | None:
    """The target of a dead letter; None for a line that is torn, or blank as it was taken out."""
    try:
        found = parse_json(line)
    except (ValueError, RecursionError):
        return None
    return found.get("strategy") if isinstance(found, dict) else None
