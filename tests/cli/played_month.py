"""A month of three nodes, played: their log files with rotations, and what they sum up to.

Two nodes have a log_file; the third has its notifications in Glance's log. Some lines are there
twice, some are damaged. The sums are made here, while the lines are made, without the code that is
tested.
"""

import gzip
import json
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glance_notify_middleware.events.escaping import escaped_json
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from tests.cli.notification_lines import MIDNIGHT

_DAYS = 30
_NODES = 3
_PREFIX = "{} 7 {} glance_notify_middleware.notifications [None req-1 - - - - -] "
_OTHER = b"2026-11-01 00:00:00.000 7 INFO eventlet.wsgi.server [-] GET /v2/images {200}"


@dataclass
class Month:
    """The files of a month, in the order of time for each node, and what is in them."""

    files: list[str] = field(default_factory=list)
    image: str = ""
    """An image of which `rows` has all that happened to it."""
    rows: list[tuple[str, str, str, Any]] = field(default_factory=list)
    """Timestamp, type, priority and bytes."""
    total: Counter[str] = field(default_factory=Counter)
    by: dict[str, defaultdict[Any, Counter[str]]] = field(
        default_factory=lambda: {
            name: defaultdict(Counter) for name in ("receiver", "owner", "image", "day")
        }
    )
    lines: int = 0
    repeats: int = 0
    damaged: int = 0
    others: int = 0

    def count(self, made: Notification, timestamp: str) -> None:
        """Add a notification to the sums and to the rows."""
        payload: Any = made.payload
        if isinstance(payload, str):
            about, size = payload, None
        else:
            about = payload.get("image_id") or payload["id"]
            size = payload.get("bytes_sent", payload.get("size"))
        if self.image in about:
            is_sized = made.event_type in (EventType.SEND, EventType.UPLOAD)
            row = (timestamp, made.event_type, made.priority, size if is_sized else None)
            self.rows.append(row)
        if made.event_type is EventType.SEND:
            kind = {"INFO": "downloads", "ERROR": "cut", "WARN": "refused"}[made.priority]
            keys = (payload["receiver_tenant_id"], payload["owner_id"], payload["image_id"])
            counted = {kind: 1, "bytes_sent": payload["bytes_sent"]}
        elif made.event_type is EventType.UPLOAD and made.priority is Priority.INFO:
            keys = (made.project_id, payload["owner"], payload["id"])
            counted = {"uploads": 1, "bytes_uploaded": payload["size"]}
        else:
            return
        self.total.update(counted)
        for name, key in zip(self.by, (*keys, timestamp[:10]), strict=True):
            self.by[name][key].update(counted)


class _Player:
    """Makes the lines of a month, and counts them."""

    def __init__(self, month: Month, seed: int) -> None:
        self._month = month
        self._chance = random.Random(seed)
        self._projects = [self._new_id().hex for _ in range(40)]
        self._images = [
            (str(self._new_id()), self._chance.choice(self._projects)) for _ in range(400)
        ]
        self._written: list[bytes] = []  # some lines of all days and nodes so far
        month.image = self._images[0][0]

    def lines(self, node: int, second: float) -> Iterator[bytes]:
        """What a node writes at a second of the month: most often a notification."""
        month = self._month
        match self._chance.choices(("new", "repeat", "damaged", "other"), (967, 10, 3, 20))[0]:
            case "repeat" if self._written:
                month.repeats += 1
                yield self._chance.choice(self._written)
            case "damaged":
                month.damaged += 1
                yield from self._damaged(node, second)
            case "other" if node == _NODES - 1:
                month.others += 1
                yield _OTHER
            case _:
                yield self._new(node, second)

    def _new(self, node: int, second: float) -> bytes:
        """The line of a notification that is counted."""
        made = self._notification(node, second)
        timestamp = made.as_dict()["timestamp"]
        self._month.count(made, timestamp)
        line = escaped_json(made.to_json())
        if node == _NODES - 1:
            line = _PREFIX.format(timestamp[:23], made.priority).encode() + line
        if len(self._written) < 1000:
            self._written.append(line)
        else:
            self._written[self._chance.randrange(1000)] = line
        return line

    def _damaged(self, node: int, second: float) -> Iterator[bytes]:
        torn = self._notification(node, second).to_json()[: self._chance.randrange(1, 300)]
        match self._chance.randrange(4):
            case 0:
                yield torn
            case 1:  # the next line stands behind it
                yield torn + self._new(0, second)
            case 2:
                yield self._notification(node, second).to_json()[200:]
            case _:
                yield self._chance.randbytes(100).replace(b"\n", b"") + b"\xff"

    def _notification(self, node: int, second: float) -> Notification:
        chance = self._chance
        image, owner = self._images[min(int(chance.expovariate(0.02)), 399)]
        project, user = chance.choice(self._projects), self._new_id().hex
        event_type = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        priority = chance.choices(list(Priority), (92, 5, 3))[0]
        size = chance.randrange(2**34)
        payload: Any = f"update image {image}: 409 Conflict"
        if event_type is EventType.SEND:
            payload = {
                "image_id": image,
                "owner_id": None if priority is Priority.WARN else owner,
                "receiver_tenant_id": project if chance.random() < 0.99 else None,
                "receiver_user_id": user,
                "destination_ip": f"192.0.2.{chance.randrange(256)}",
                "bytes_sent": 0 if priority is Priority.WARN else size,
            }
        elif priority is Priority.INFO:
            deleted = event_type is EventType.DELETE
            payload = image if deleted else {"id": image, "owner": owner, "size": size, **_METADATA}
        return Notification(
            str(self._new_id()),
            f"glance-{node}",
            event_type,
            priority,
            MIDNIGHT + second,
            payload,
            f"req-{self._new_id()}",
            project,
            user,
        )

    def _new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128), version=4)


_WEIGHTS = {
    EventType.SEND: 60,
    EventType.CREATE: 5,
    EventType.PREPARE: 5,
    EventType.UPLOAD: 5,
    EventType.ACTIVATE: 5,
    EventType.UPDATE: 17,
    EventType.DELETE: 3,
}
_METADATA: dict[str, Any] = {
    "checksum": "d41d8cd98f00b204e9800998ecf8427e",
    "container_format": "bare",
    "disk_format": "qcow2",
    "is_public": False,
    "name": "a name with \u202e and \u00fc",
    "properties": {"os_distro": "debian", "hw_disk_bus": "scsi"},
    "status": "active",
    "tags": ["one", "two"],
    "visibility": "private",
}


def play(folder: Path, lines: int, seed: int = 1) -> Month:
    """Write the files of a month with so many lines."""
    month = Month()
    player = _Player(month, seed)
    for node in range(_NODES):
        first, count = lines * node // _NODES, lines * (node + 1) // _NODES - lines * node // _NODES
        for day, path in enumerate(_rotations(folder / f"node{node}")):
            month.files.append(str(path))
            numbers = range(first + count * day // _DAYS, first + count * (day + 1) // _DAYS)
            with gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb") as file:
                for number in numbers:
                    second = (number - first + 0.5) * _DAYS * 86400 / count
                    for line in player.lines(node, second):
                        file.write(line + b"\n")
                        month.lines += 1
    return month


def _rotations(folder: Path) -> Iterator[Path]:
    """The log files of a node, the oldest first: two are not compressed."""
    folder.mkdir(parents=True)
    for age in reversed(range(_DAYS)):
        suffix = "" if age == 0 else ".1" if age == 1 else f".{age}.gz"
        yield folder / f"notifications.log{suffix}"


_NUMBERS = {
    "downloads": "downloads",
    "cut": "cut",
    "refused": "refused",
    "bytes sent": "bytes_sent",
    "uploads": "uploads",
    "bytes uploaded": "bytes_uploaded",
}


def _counted(row: dict[str, Any]) -> Counter[str]:
    """The numbers of a row of usage, without zeros."""
    return Counter({name: row[title] for title, name in _NUMBERS.items() if row[title]})


def check_usage(out: str, month: Month, by: str | None) -> None:
    """Compare what usage printed as JSON with what the month sums up to."""
    rows = json.loads(out)
    if by is None:
        assert [_counted(row) for row in rows] == [+month.total]
    else:
        found = {row[by]: _counted(row) for row in rows}
        assert len(found) == len(rows)
        assert found == {key: +numbers for key, numbers in month.by[by].items()}


def check_who(out: str, month: Month) -> None:
    """Compare what who printed as JSON with what happened to the image of the month."""
    actions = {"create": "create", "prepare": "begin upload", "send": "download"}
    ends = {"INFO": "done", "WARN": "refused"}
    expected: Counter[Any] = Counter()
    for when, event_type, priority, size in month.rows:
        action = event_type.removeprefix("image.")
        ended = ends.get(priority) or ("cut" if action == "send" else "failed")
        expected[when, actions.get(action, action), ended, size] += 1
    columns = ("when", "action", "ended", "bytes")
    rows = json.loads(out)
    assert Counter(tuple(row[column] for column in columns) for row in rows) == expected
    times = [row["when"] for row in rows]
    assert times == sorted(times)
