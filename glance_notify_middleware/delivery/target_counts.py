"""What one target has counted. It is saved with the cursors, so that both go back together."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

DAMAGED, REMOVED, OPERATOR = "damaged", "removed", "operator"
"""Why notifications are lost: see node_state.TargetState.lost."""


class TargetCounts:
    """Notifications that are done, by what became of them; and tries that failed.

    `delivered`, `dead_letters` and `lost` count those that the cursor has passed. So they and what
    is pending are all that was recorded. `sent_again`: those that an operator has had sent again.
    `failures` by reason: `connection`, `unusable`, or an outcome.
    """

    def __init__(self) -> None:
        self.delivered = 0
        self.dead_letters = 0
        self.sent_again = 0
        self.lost: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The counts that `content` gave. What is not in it is 0."""
        found = cls()
        found.delivered = content.get("delivered", 0)
        found.dead_letters = content.get("dead_letters", 0)
        found.sent_again = content.get("sent_again", 0)
        found.lost.update(content.get("lost", {}))
        found.failures.update(content.get("failures", {}))
        return found

    def content(self) -> dict[str, Any]:
        """The counts as cursors.json holds them."""
        return {
            "delivered": self.delivered,
            "dead_letters": self.dead_letters,
            "sent_again": self.sent_again,
            "lost": dict(self.lost),
            "failures": dict(self.failures),
        }
