"""Reads the state of a node from its files: nothing is changed, and no lock is taken."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery import state_file
from glance_notify_middleware.delivery.backlog import Backlog
from glance_notify_middleware.delivery.node_state import NodeState, TargetState
from glance_notify_middleware.delivery.state_file import NOTHING_KNOWN, LeaderState
from glance_notify_middleware.delivery.target_counts import OPERATOR, TargetCounts
from glance_notify_middleware.journal import checksummed, layout, locks
from glance_notify_middleware.journal.capacity import counted_bytes
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.files import ForeignFileError, open_owned, read_owned
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.tally import tally
from glance_notify_middleware.journal.totals import ADDED
from glance_notify_middleware.strategies.registry import WITHOUT_DELIVERY

_TRIES = 3  # a process that is settled meanwhile would be missed, or counted twice
_COUNTERS_SIZE = 1024 * 1024  # bytes of a live file that are read, at most


def read_node_state(settings: Settings) -> NodeState:
    """The state of the node with this journal_dir, whether Glance runs or not. Raises OSError.

    Not to be called in a process that records or relays there: see NodeReader.
    """
    with NodeReader(settings) as reader:
        return reader.read()


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
        self._targets = [
            name for name in settings.notifier_strategy if name not in WITHOUT_DELIVERY
        ]
        self._kept: dict[Path, int] = {}  # descriptors of files with locks

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
        while self._kept:
            os.close(self._kept.popitem()[1])

    def read(self) -> NodeState:
        """The state at this moment. Raises OSError."""
        now = time.time()
        cursors = checksummed.load(self._directory / layout.CURSORS)
        is_led = self._is_led()
        leader = state_file.load(self._directory, now if is_led else None)
        journals = self._journals(leader.dead)
        counters = journals.counters
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
            targets={name: self._target(name, cursors, journals, leader) for name in self._targets},
        )

    def _target(
        self,
        name: str,
        cursors: Mapping[str, Any] | None,
        journals: "_Journals",
        leader: LeaderState,
    ) -> TargetState:
        # A target that a good file does not have begins with what is recorded from now on.
        begins_now = cursors is not None and name not in cursors
        found = (cursors or {}).get(name)
        section: Mapping[str, Any] = found if isinstance(found, dict) else {}
        counts = TargetCounts.of(section.get("counts", {}))
        backlog = Backlog()
        if not begins_now:
            positions = {
                identity: Position(*place)
                for identity, place in section.get("positions", {}).items()
            }
            backlog.add_journals(self._directory, positions, journals.segments, journals.ends)
        backlog.add_set_aside(self._directory, name, section)
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
            lost=dict(lost),
            sent_again=counts.sent_again,
            send_failures=dict(counts.failures),
            troubles=state.troubles,
        )

    def _journals(self, settled: Sequence[str]) -> "_Journals":
        """What all processes have recorded; `settled` are those that the leader settles now."""
        for tries_left in reversed(range(_TRIES)):
            totals = checksummed.load(self._directory / layout.TOTALS) or {}
            found = self._count(totals, settled)
            after = checksummed.load(self._directory / layout.TOTALS) or {}
            if totals == after or not tries_left:
                break
        return found

    def _count(self, totals: Mapping[str, Any], settled: Sequence[str]) -> "_Journals":
        listed = OwnerFilter(self._directory).apply(layout.listing(self._directory))
        self._close_the_gone(listed.live_files)
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
            if identity not in settled and self._is_locked(identity):
                found.processes += 1
                found.followed += counted.counters.followed
        return found

    def _live_content(self, identity: str) -> dict[str, Any] | None:
        fd = self._open(layout.live_path(self._directory, identity))
        return None if fd is None else checksummed.loads(os.pread(fd, _COUNTERS_SIZE, 0)) or {}

    def _is_locked(self, identity: str) -> bool:
        fd = self._open(layout.live_path(self._directory, identity))
        return fd is not None and locks.is_locked(fd)

    def _is_led(self) -> bool:
        fd = self._open(self._directory / layout.RELAY_LOCK)
        return fd is not None and locks.is_locked(fd)

    def _open(self, path: Path) -> int | None:
        """A descriptor of a file with a lock, which is kept open; None where there is no file."""
        fd = self._kept.get(path)
        if fd is not None and locks.is_same_file(path, fd):
            return fd
        if fd is not None:  # it has no name any more: its locks mean nothing
            os.close(self._kept.pop(path))
        with contextlib.suppress(FileNotFoundError, ForeignFileError):
            self._kept[path] = open_owned(path, os.O_RDONLY)
        return self._kept.get(path)

    def _close_the_gone(self, live_files: set[str]) -> None:
        here = {layout.live_path(self._directory, identity) for identity in live_files}
        for path in [each for each in self._kept if each.suffix == ".live" and each not in here]:
            os.close(self._kept.pop(path))


class _Journals:
    """What the journals of all processes have: `ends` are the numbers of their next
    notifications."""

    def __init__(self, segments: Mapping[str, Sequence[int]]) -> None:
        self.segments = segments
        self.ends: dict[str, int] = {}
        self.counters = Counters()
        self.processes = 0
        self.followed = 0


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
        found = orjson.loads(line)
    except ValueError:
        return None
    return found.get("strategy") if isinstance(found, dict) else None
