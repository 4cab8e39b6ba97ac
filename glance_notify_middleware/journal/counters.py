"""What a process has counted: its live file has that; totals.json has it of ended processes."""

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import orjson

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.notification import EventType, Message, Priority
from glance_notify_middleware.recorder import Counted

# Looked up once: a member of an enumeration is an attribute of its class.
_SEND = EventType.SEND.value

_RESULTS = {Priority.INFO: "complete", Priority.ERROR: "cut"}
"""What an image.send of this priority has sent of an image: all that was asked for, or a part."""


class Counters:
    """The counters of one process, used under the lock of its journal; or of several processes.

    `recorded`: notifications by event type and priority. `dropped`: notifications by reason, and
    `last_drop` the time of the latest, in seconds since the epoch; 0.0: none. `sent`: bytes of
    image.send by result, `complete` or `cut`. `lookups` by result. `unknown`: operations whose
    outcome is unknown, and was recorded so. `followed`: operations that are followed now.
    """

    def __init__(self) -> None:
        self.recorded: Counter[tuple[str, Priority]] = Counter()
        self.dropped: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.lookups: Counter[str] = Counter()
        self.last_drop = 0.0
        self.unknown = 0
        self.followed = 0

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The counters that `content` gave. What an older version did not count is 0."""
        found = cls()
        for key, count in content.get("recorded", {}).items():
            event_type, _, priority = key.rpartition(" ")
            found.recorded[event_type, Priority(priority)] = count
        found.dropped.update(content.get("dropped", {}))
        found.sent.update(content.get("sent", {}))
        found.lookups.update(content.get("lookups", {}))
        found.last_drop = content.get("last_drop", 0.0)
        found.unknown = content.get("unknown", 0)
        found.followed = content.get("followed", 0)
        return found

    def content(self) -> dict[str, Any]:
        """The counters as a file holds them; what is 0 may be missing."""
        content: dict[str, Any] = {
            "recorded": {" ".join(key): count for key, count in self.recorded.items()},
            "dropped": dict(self.dropped),
        }
        others = {
            "last_drop": self.last_drop,
            "sent": dict(self.sent),
            "lookups": dict(self.lookups),
            "unknown": self.unknown,
            "followed": self.followed,
        }
        return content | {name: value for name, value in others.items() if value}

    def count(self, recorded: Sequence[Message | DeferredNotification]) -> None:
        """Count what was recorded."""
        for each in recorded:
            self.recorded[each.event_type, each.priority] += 1
            if each.event_type == _SEND:
                self._count_sent(each)

    def drop(self, count: int, why: str) -> None:
        """Count notifications that could not be recorded, for the reason `why`."""
        self.dropped[why] += count
        self.last_drop = time.time()

    def change(self, what: Counted, change: int) -> None:
        """Count what is no notification."""
        match what:
            case Counted.FOLLOWED:
                self.followed += change
            case Counted.UNKNOWN:
                self.unknown += change
            case _:
                self.lookups[what.value] += change

    def add(self, other: "Counters") -> None:
        """Add what another process has counted."""
        self.recorded.update(other.recorded)
        self.dropped.update(other.dropped)
        self.sent.update(other.sent)
        self.lookups.update(other.lookups)
        self.last_drop = max(self.last_drop, other.last_drop)
        self.unknown += other.unknown
        self.followed += other.followed

    def clear(self) -> None:
        """Begin with nothing, as the totals have what was counted so far. What is followed stays
        followed."""
        self.recorded.clear()
        self.dropped.clear()
        self.sent.clear()
        self.lookups.clear()
        self.unknown = 0

    def _count_sent(self, download: Message | DeferredNotification) -> None:
        result = _RESULTS.get(download.priority)
        if result is None:
            return
        if isinstance(download, DeferredNotification):
            self.sent[result] += download.bytes_sent or 0
            return
        # A payload that is a text has sent nothing.
        with contextlib.suppress(ValueError, TypeError, KeyError):
            self.sent[result] += int(orjson.loads(download.body)["payload"]["bytes_sent"])
