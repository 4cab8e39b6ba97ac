"""The journal's directory: what lies in it under which name, who lives in it, is it fit.

<identity>.<number>.seg   a segment: records, written by the one process of that identity
<identity>.live           its lock tells whether that process lives; holds its counters
relay.lock                its lock is the leader's
cursors.json              how far each strategy has come
destinations.json         where the notifications of this directory go
destinations.lock         shared by the processes that have agreed to that
totals.json               the counters of processes that have ended
aside.<...>.seg           messages that their broker had nowhere to put
dead-<month>.jsonl        dead letters
"""

import contextlib
import fcntl
import os
import re
import shlex
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.files import ForeignFileError, is_foreign, open_owned

RELAY_LOCK = "relay.lock"
CURSORS = "cursors.json"
DESTINATIONS = "destinations.json"
DESTINATIONS_LOCK = "destinations.lock"
TOTALS = "totals.json"

_SEGMENT = re.compile(r"([0-9a-f]{16})\.(\d+)\.seg")
_LIVE = re.compile(r"([0-9a-f]{16})\.live")
_SINGLE = "|".join(map(re.escape, (RELAY_LOCK, CURSORS, DESTINATIONS, DESTINATIONS_LOCK, TOTALS)))
_NAMED = re.compile(
    rf"{_SEGMENT.pattern}|{_LIVE.pattern}|{_SINGLE}|aside\..*\.seg|dead-.*\.jsonl|.*\.(new|tmp)"
)

# File systems, as mountinfo(5) names them, where appending is not atomic, or locks are not safe.
_REMOTE = re.compile(r"nfs4?|cifs|smb\d?|smbfs|9p|afs|ceph|fuse\.(glusterfs|sshfs|ceph.*)")


# Another that starts in this moment holds a lock for as long as it takes to see that it can.
_LOOKS = 3
_BETWEEN_LOOKS = 0.05  # seconds

_MAKING = 60.0  # seconds after which nobody is still about to rename a file that he has made


_AGREED: dict[tuple[int, Path], int] = {}
"""Descriptors of DESTINATIONS_LOCK, by process and directory; never closed while the process lives,
see `lock`."""


class DirectoryError(Exception):
    """The directory cannot hold a journal; the text says why, and the way out."""


class DestinationsError(Exception):
    """A living process of this directory sends elsewhere: `name` is what differs."""

    def __init__(self, name: str, living: object) -> None:
        super().__init__(f"{name} is {living!r} there")
        self.name = name
        self.living = living


@dataclass(slots=True)
class Listing:
    """What lies in a journal's directory at one moment."""

    segments: dict[str, list[int]] = field(default_factory=dict)  # sorted numbers by identity
    living: set[str] = field(default_factory=set)  # identities that have a live file


def segment_path(directory: Path, identity: str, number: int) -> Path:
    """Where a segment lies."""
    return directory / f"{identity}.{number}.seg"


def live_path(directory: Path, identity: str) -> Path:
    """Where the live file of an identity lies."""
    return directory / f"{identity}.live"


def listing(directory: Path) -> Listing:
    """What lies there now. Raises OSError."""
    found = Listing()
    for name in os.listdir(directory):
        if segment := _SEGMENT.fullmatch(name):
            found.segments.setdefault(segment[1], []).append(int(segment[2]))
        elif live := _LIVE.fullmatch(name):
            found.living.add(live[1])
    for numbers in found.segments.values():
        numbers.sort()
    return found


def lock(fd: int) -> bool:
    """Try to lock the whole of an open file; False where another process has it.

    POSIX locks belong to the process: when it closes any descriptor of the file, the lock is gone,
    and its own second try always succeeds.
    """
    return _locked(fd, fcntl.LOCK_EX)


def _locked(fd: int, how: int) -> bool:
    try:
        fcntl.lockf(fd, how | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN, EACCES: fcntl(2)
        return False
    return True


def is_at(path: Path, fd: int) -> bool:
    """Whether the path leads to this open file: nobody has removed or moved it, or a directory
    above it. Raises OSError."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def seize(path: Path) -> int | None:
    """Open and lock a live file of another process: its descriptor, if that process has died.

    None when it lives, or when the file is gone, or no file of this user. Never to be called for
    one's own: see `lock`.
    """
    try:
        fd = open_owned(path, os.O_RDWR)
    except (FileNotFoundError, ForeignFileError):
        return None
    if lock(fd):
        return fd
    os.close(fd)
    return None


def prepare(directory: Path) -> None:
    """Make the directory (0700) when it is missing, and see that it is fit for a journal.

    Raises DirectoryError.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise DirectoryError(
            f"{str(directory)!r} cannot be made ({error.strerror}); expected a directory, or one "
            f"that user {os.geteuid()} may make"
        ) from error
    if found.st_uid != os.geteuid():
        raise DirectoryError(
            f"{str(directory)!r} belongs to user {found.st_uid}, this process to user "
            f"{os.geteuid()}; expected a directory of user {os.geteuid()}'s own"
        )
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise DirectoryError(
            f"{str(directory)!r} cannot be written by user {os.geteuid()}; expected one that can"
        )
    kind = _file_system(found.st_dev)
    if _REMOTE.fullmatch(kind):
        raise DirectoryError(
            f"{str(directory)!r} lies on a network file system ({kind}), where appending and "
            "locking are not safe; expected a directory on a local one"
        )
    if others := who_else_may_write(directory):
        raise DirectoryError(others)
    for path in foreign(directory, os.listdir(directory)):
        raise DirectoryError(
            f"{str(path)!r} is no regular file of user {os.geteuid()}, so it is none of the "
            f"journal's; find out who has put it there, and remove it: rm {shlex.quote(str(path))} "
            f"(or, where it is the journal's own and was restored, say: chown {os.geteuid()})"
        )


def who_else_may_write(directory: Path) -> str:
    """What to say where others than its owner may write in the directory; empty: they may not.

    They could have notifications sent that never were, and remove what is to be sent.
    """
    mode = stat.S_IMODE(directory.stat().st_mode)
    if not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return ""
    return (
        f"{str(directory)!r} may be written by others than user {os.geteuid()} (its mode is "
        f"{mode:04o}); expected a directory for its owner alone: "
        f"chmod 0700 {shlex.quote(str(directory))}"
    )


def foreign(directory: Path, names: Iterable[str]) -> Iterator[Path]:
    """What lies there under those of the `names` that the journal uses, and is no regular file of
    this user. Raises OSError."""
    for name in names:
        if _NAMED.fullmatch(name) and is_foreign(directory / name):
            yield directory / name


def is_led(directory: Path) -> bool:
    """Whether another process relays what lies there. Not to be called in one that does: see
    `lock`. Raises OSError."""
    path = directory / RELAY_LOCK
    fd = seize(path)
    if fd is None:
        return path.exists()
    os.close(fd)
    return False


def agree(
    directory: Path,
    wanted: Mapping[str, object],
    ours: Callable[[], str | None],
    before_a_change: Callable[[], None] = lambda: None,
) -> None:
    """See that all who use the directory send to the same destinations.

    The first one in a directory in which nobody lives says which, and calls `before_a_change`
    then, as nobody records or sends. `ours` tells the identity that this process has there, if
    it has one. What has agreed lives from here on, before it has a live file: two that start at
    the same time could else each be the first. What an older version, which knew of fewer
    destinations, has written is completed. Raises DestinationsError, and OSError.
    """
    key = os.getpid(), directory
    agreed_before = key in _AGREED
    if not agreed_before:
        _AGREED[key] = open_owned(directory / DESTINATIONS_LOCK, os.O_RDWR | os.O_CREAT)
    try:
        _agree(_AGREED[key], directory, wanted, ours, before_a_change)
    except BaseException:
        if not agreed_before:
            os.close(_AGREED.pop(key))
        raise
    _share(_AGREED[key])


def _agree(
    fd: int,
    directory: Path,
    wanted: Mapping[str, object],
    ours: Callable[[], str | None],
    before_a_change: Callable[[], None],
) -> None:
    path = directory / DESTINATIONS
    for looks_left in reversed(range(_LOOKS)):
        is_alone = lock(fd)
        stands = is_alone or _share(fd)  # or else another process is about to change it
        found = checksummed.load(path)
        if found is None:
            change = is_alone or not looks_left
        else:
            # What a version of before did not know of is no difference.
            names = [each for each in found if found[each] != wanted.get(each)]
            if not names and (stands or not looks_left):
                if wanted.keys() - found.keys():
                    checksummed.replace(path, {**found, **wanted})
                return
            change = bool(names) and is_alone and not _somebody_lives(directory, ours)
            if names and not change and not looks_left:
                name = next((each for each in wanted if each in names), names[0])
                raise DestinationsError(name, found[name])
        if change:
            before_a_change()
            checksummed.replace(path, dict(wanted))
            return
        time.sleep(_BETWEEN_LOOKS)


def _share(fd: int) -> bool:
    """Hold the lock of an open file together with others; False where one has it for itself."""
    return _locked(fd, fcntl.LOCK_SH)


def sweep(directory: Path) -> None:
    """Remove what processes have left that were killed while they made a file. Raises OSError."""
    for path in [*directory.glob("*.new"), *directory.glob("*.tmp")]:
        try:
            if not is_foreign(path) and time.time() - path.lstat().st_mtime > _MAKING:
                path.unlink()
        except FileNotFoundError:
            continue


def sizes(directory: Path) -> dict[str, int]:
    """The length of each file that lies there, in bytes, by its name. Raises OSError."""
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # removed in this moment
                found[entry.name] = entry.stat(follow_symlinks=False).st_size
    return found


def _somebody_lives(directory: Path, ours: Callable[[], str | None]) -> bool:
    living = listing(directory).living
    if ours() is not None:  # asked after the listing: see Settling.survey
        return True
    # A relay with a process of its own has no live file, and the leader's lock alone.
    paths = [live_path(directory, identity) for identity in living]
    for path in [*paths, *directory.glob(RELAY_LOCK)]:
        fd = seize(path)
        if fd is None:
            return True
        os.close(fd)
    return False


def _file_system(device: int) -> str:
    """The type of the file system of a device; empty where Linux does not tell."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        mount, _, rest = line.partition(" - ")
        if mount.split()[2] == wanted:
            return rest.split()[0]
    return ""
