"""totals.json: the counters of processes that have ended, and which steps of settling are done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.layout import TOTALS, live_path

ADDED = "added"
UNKNOWN_RECORDED = "told"  # the word in the file: a new one would be a new format
"""The keys of two lists of identities in totals.json. ADDED: the counters of the process were added
to the totals. UNKNOWN_RECORDED: the unknown outcomes of its open intents were recorded."""


_LATEST = 100
"""Identities that are kept of each list: more than are settled in a few seconds."""


def add_ended(directory: Path, identity: str, counters: Counters) -> None:
    """Add the counters of a process that has ended, once, also over a crash: the totals name the
    processes that were added, see `still_needed`. Raises OSError."""
    totals = checksummed.load(directory / TOTALS) or {}
    added = still_needed(directory, totals, ADDED)
    if identity in added:
        return
    total = Counters.of(totals)
    total.add(counters)
    total.followed = 0  # nobody follows it any more
    content = {**totals, **total.content(), ADDED: [*added, identity]}
    # Durable: the live file, which has the counters, is removed next.
    checksummed.replace(directory / TOTALS, content, durable=True)


def still_needed(directory: Path, totals: Mapping[str, Any], step: str) -> list[str]:
    """The identities for which this step of settling is done, and which somebody may ask for: those
    whose live file is here, and the latest ones. A process that lives, and was taken for dead, asks
    a second later."""
    done: list[str] = totals.get(step, [])
    earlier, latest = done[:-_LATEST], done[-_LATEST:]
    return [each for each in earlier if live_path(directory, each).exists()] + latest


def settled_steps(directory: Path, identity: str) -> set[str]:
    """Which steps of settling were done for that process, though it may live: ADDED,
    UNKNOWN_RECORDED.

    Raises OSError.
    """
    totals = checksummed.load(directory / TOTALS) or {}
    return {step for step in (ADDED, UNKNOWN_RECORDED) if identity in totals.get(step, [])}
