"""state.json: what the leader knows of its targets, and no other file shows.

The leader writes it once a second. It is believed while a leader runs and it is fresh: what it says
is about this moment. When a target has confirmed last holds longer.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glance_notify_middleware.delivery.node.state import Link
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import STATE

FRESH = 5.0
"""Seconds for which the file is believed."""


@dataclass(frozen=True, slots=True)
class SavedTarget:
    """What the leader knows of one target: see TargetState."""

    link: Link = Link.UNKNOWN
    since: float | None = None
    why: str = ""
    last_confirm: float | None = None
    troubles: Mapping[Priority, str] = field(default_factory=dict)


NOTHING_KNOWN = SavedTarget()


@dataclass(frozen=True, slots=True)
class LeaderState:
    """What the leader knows. `dead`: identities of processes that it settles, whose locks it
    holds."""

    targets: Mapping[str, SavedTarget] = field(default_factory=dict)
    dead: Sequence[str] = ()


def load(directory: Path, now: float | None) -> LeaderState:
    """What the leader has written; `now` is the time, in seconds since the epoch, or None where no
    leader runs. Raises OSError."""
    content = checksummed.load(directory / STATE) or {}
    is_fresh = now is not None and abs(now - content.get("time", 0.0)) < FRESH
    targets = {name: _target(found) for name, found in content.get("targets", {}).items()}
    if is_fresh:
        return LeaderState(targets, content.get("dead", []))
    return LeaderState(
        {name: SavedTarget(last_confirm=each.last_confirm) for name, each in targets.items()}
    )


def save(directory: Path, targets: Mapping[str, SavedTarget], dead: Sequence[str]) -> None:
    """Write what the leader knows at this moment. Raises OSError."""
    found = {
        name: {
            "link": each.link,
            "since": each.since,
            "why": each.why,
            "last_confirm": each.last_confirm,
            "troubles": dict(each.troubles),
        }
        for name, each in targets.items()
    }
    content = {"time": time.time(), "pid": os.getpid(), "dead": list(dead), "targets": found}
    checksummed.replace(directory / STATE, content)


def _target(content: Mapping[str, Any]) -> SavedTarget:
    """NOTHING_KNOWN for what another version has written in another form."""
    try:
        return SavedTarget(
            Link(content["link"]),
            content["since"],
            content["why"],
            content["last_confirm"],
            {Priority(priority): why for priority, why in content["troubles"].items()},
        )
    except (KeyError, ValueError):
        return NOTHING_KNOWN
