"""The state of a node, as its files show it: what an operator sees, and what metrics count.

It is read, and nothing is changed, while Glance runs and when all of it is stopped.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glance_notify_middleware.events.notification import Priority


class Link(enum.StrEnum):
    """How a target's broker stands to the leader."""

    CONNECTED = "connected"
    OUT_OF_REACH = "out of reach"
    """The leader tries again by itself."""
    UNUSABLE = "cannot be used"
    """An operator has to mend something."""
    UNKNOWN = "unknown"
    """No leader runs, or it has not tried yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """One target: where notifications go. Times are seconds since the epoch.

    `recorded` of the node = `delivered` + `dead_letters` + the sum of `lost` + `skipped` +
    `pending`, for the notifications that were recorded since the target was added.
    """

    name: str
    link: Link
    since: float | None
    """Since when `link` is so; None: unknown."""
    why: str
    """Why it is so, in one line without a secret; or empty."""
    pending: int
    """Notifications that are recorded, and not done; those set aside are among them. Those that are
    not for the target are among them, too, until it has come to them."""
    oldest: float | None
    """The timestamp of the oldest pending notification."""
    last_confirm: float | None
    set_aside: Mapping[Priority, int]
    """Notifications that are set aside now; a priority without any is missing."""
    dead: int
    """Dead letters that lie in files now."""
    delivered: int
    dead_letters: int
    """How many notifications have become dead letters."""
    skipped: int
    """Notifications that are not for this target, by its own options."""
    lost: Mapping[str, int]
    """Notifications that were recorded and cannot be delivered, by reason: `damaged`, `removed`,
    or `operator` for those that an operator has dropped."""
    sent_again: int
    """Confirms of notifications that an operator has sent again."""
    send_failures: Mapping[str, int]
    """Failed tries by reason: `connection`, `unusable`, and the outcomes `unroutable`, `denied`,
    `refused`, `rejected`."""
    troubles: Mapping[Priority, str] = field(default_factory=dict)
    """Why notifications of a priority are not taken at present, in one line without a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """One journal_dir, with all processes that use it."""

    directory: Path
    time: float
    """When it was read, in seconds since the epoch."""
    journal_bytes: int
    journal_max_bytes: int
    processes: int
    """Living processes that record."""
    is_led: bool
    """Whether a leader runs."""
    followed: int
    """Operations that are followed now."""
    recorded: Mapping[tuple[str, Priority], int]
    """Notifications that were recorded, by event type and priority."""
    dropped: Mapping[str, int]
    """Notifications that could not be recorded, by reason."""
    last_drop: float | None = None
    """When the latest of them was dropped; None: not known."""
    unknown: int
    """Operations whose outcome is unknown, and was recorded so."""
    lookups: Mapping[str, int]
    """Look-ups by result: `found`, `refused`, `failed`."""
    sent_bytes: Mapping[str, int]
    """Bytes of images that were sent, by result: `complete`, `cut`."""
    targets: Mapping[str, TargetState]
