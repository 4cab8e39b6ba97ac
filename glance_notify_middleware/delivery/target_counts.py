"""What one target has counted. It is saved with the cursors, so that both go back together."""

import enum
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

DAMAGED, REMOVED, OPERATOR = "damaged", "removed", "operator"
"""Why notifications are lost: see TargetState.lost."""


class Done(enum.Enum):
    """Why nothing is left to do for a message where it stands."""

    TAKEN = enum.auto()
    """The broker has taken it."""
    DEAD = enum.auto()
    """It is a dead letter."""
    DROPPED = enum.auto()
    """It was set aside, and an operator has dropped it."""
    ASIDE = enum.auto()
    """It stands in an aside file from now on: it is still pending."""


class TargetCounts:
    """Notifications that are done, by what became of them; and tries that failed.

    `delivered`, `dead_letters`, `lost` and `skipped`, which are not for the target, count those
    that a cursor has passed. So they and what is pending are all that was recorded. `sent_again`:
    those that an operator has had sent again. `failures` by reason: `connection`, `unusable`, or an
    outcome.
    """

    def __init__(self) -> None:
        self.delivered = 0
        self.dead_letters = 0
        self.skipped = 0
        self.sent_again = 0
        self.lost: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The counts that `content` gave. What is not in it is 0."""
        found = cls()
        found.delivered = content.get("delivered", 0)
        found.dead_letters = content.get("dead_letters", 0)
        found.skipped = content.get("skipped", 0)
        found.sent_again = content.get("sent_again", 0)
        found.lost.update(content.get("lost", {}))
        found.failures.update(content.get("failures", {}))
        return found

    def content(self) -> dict[str, Any]:
        """The counts as cursors.json holds them."""
        return {
            "delivered": self.delivered,
            "dead_letters": self.dead_letters,
            "skipped": self.skipped,
            "sent_again": self.sent_again,
            "lost": dict(self.lost),
            "failures": dict(self.failures),
        }

    def count(self, done: Done | None) -> None:
        """Count a message that a cursor passes. One that is set aside counts later."""
        match done:
            case Done.TAKEN:
                self.delivered += 1
            case Done.DEAD:
                self.dead_letters += 1
            case Done.DROPPED:
                self.lost[OPERATOR] += 1
