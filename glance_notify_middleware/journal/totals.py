"""What the totals say of single processes: the counters of those that have ended stand in them."""

from pathlib import Path

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import TOTALS

ADDED, REPORTED = "added", "told"
"""What was done for a process, by its identity."""


def settled_steps(directory: Path, identity: str) -> set[str]:
    """What was done for that process as for a dead one, though it may live: ADDED, its counters
    stand in the totals; REPORTED, its open intents were told. Raises OSError."""
    totals = checksummed.load(directory / TOTALS) or {}
    return {done for done in (ADDED, REPORTED) if identity in totals.get(done, [])}
