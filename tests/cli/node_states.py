"""States of a node that tests make, and a paste file for a journal_dir that exists."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.cli.node import reading
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery.node.state import Link, NodeState, TargetState
from glance_notify_middleware.events.notification import Priority

NOW = 1_795_000_000.0
PASSWORD = "c4nary-pa55word"

_SECTION = f"""
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = {{strategy}}
rabbit_password = {PASSWORD}
{{more}}
"""


def target(name: str = "rabbit", **changed: Any) -> TargetState:
    """A target that is connected, and has been sent everything."""
    values: dict[str, Any] = {
        "name": name,
        "link": Link.CONNECTED,
        "since": NOW - 3600,
        "why": "",
        "pending": 0,
        "oldest": None,
        "last_confirm": NOW - 5,
        "set_aside": {},
        "dead": 0,
        "delivered": 12,
        "dead_letters": 0,
        "lost": {},
        "skipped": 0,
        "sent_again": 0,
        "send_failures": {},
    }
    return TargetState(**values | changed)


def state(*targets: TargetState, **changed: Any) -> NodeState:
    """A node of four processes where nothing is wrong; without `targets` with one target."""
    values: dict[str, Any] = {
        "directory": Path("/var/lib/glance/notifications"),
        "time": NOW,
        "journal_bytes": 3 * 2**20,
        "journal_max_bytes": 2**30,
        "processes": 4,
        "is_led": True,
        "followed": 0,
        "recorded": {("image.send", Priority.INFO): 10, ("image.send", Priority.ERROR): 2},
        "dropped": {},
        "last_drop": None,
        "unknown": 0,
        "lookups": {"found": 7},
        "sent_bytes": {"complete": 2**20},
        "targets": {each.name: each for each in targets or (target(),)},
    }
    return NodeState(**values | changed)


def out_of_reach(**changed: Any) -> TargetState:
    """A target whose broker was stopped a minute ago."""
    return target(
        link=Link.OUT_OF_REACH,
        since=NOW - 61,
        why="127.0.0.1:5672: [Errno 111] Connection refused",
        pending=3,
        oldest=NOW - 60,
        **changed,
    )


def paste_file(folder: Path, *, strategy: str = "rabbit", more: str | None = None) -> str:
    """A paste file whose journal_dir exists."""
    journal = folder / "journal"
    journal.mkdir(mode=0o700, exist_ok=True)
    path = folder / "api-paste.ini"
    more = f"journal_dir = {journal}" if more is None else more
    path.write_text(_SECTION.format(strategy=strategy, more=more))
    return str(path)


Seen = Callable[..., None]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Has the commands read these states, one after the other; the last one for ever.

    An exception among them is raised.
    """

    def see(*states: NodeState | BaseException) -> None:
        left: Iterator[NodeState | BaseException] = iter(states)
        last = states[-1]

        class Reader:
            def __init__(self, settings: Settings) -> None:
                pass

            def read(self) -> NodeState:
                found = next(left, last)
                if isinstance(found, BaseException):
                    raise found
                return found

        monkeypatch.setattr(reading, "NodeReader", Reader)

    return see
