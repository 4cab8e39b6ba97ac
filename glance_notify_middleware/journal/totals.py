"""What totals.json holds of single processes. It has the counters of processes that have ended."""

from pathlib import Path

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import TOTALS

ADDED = "added"
UNKNOWN_RECORDED = "told"  # the word in the file: a new one would be a new format
"""The keys of two lists of identities in totals.json. ADDED: the counters of the process were added
to the totals. UNKNOWN_RECORDED: the unknown outcomes of its open intents were recorded."""


def settled_steps(directory: Path, identity: str) -> set[str]:
    """Which steps of settling were done for that process, though it may live: ADDED,
    UNKNOWN_RECORDED.

    Raises OSError.
    """
    totals = checksummed.load(directory / TOTALS) or {}
    return {step for step in (ADDED, UNKNOWN_RECORDED) if identity in totals.get(step, [])}
