"""Judges the state of a node: what an operator has to look at, and what mends it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from glance_notify_middleware.cli.command import PROGRAM
from glance_notify_middleware.cli.findings import NEARLY_FULL, errors_first
from glance_notify_middleware.cli.human import age, several, size, waiting
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.delivery.node.state import Link, NodeState, TargetState
from glance_notify_middleware.events.notification import Priority

RECENT = 24 * 3600.0
"""Seconds for which notifications that were dropped are an error."""

_IS_DROPPED = "each stands whole in the log of Glance, at ERROR"
_WHY_DROPPED: Mapping[str, tuple[str, str]] = {
    "full": ("the journal was full", "a larger journal_max_size, or bring the target back"),
    "disk": ("the journal could not be written", "see the log of Glance, and `df` and `df -i`"),
}
"""By reason: what happened, and what mends it."""


def findings(state: NodeState) -> Sequence[Finding]:
    """What is wrong with a node: errors first. Nothing is wrong where it is empty."""
    found = [*_of_journal(state), *_of_relay(state)]
    for target in state.targets.values():
        found += _of_target(target, state)
    return errors_first(found)


def _of_journal(state: NodeState) -> Iterator[Finding]:
    used = f"{size(state.journal_bytes)} of {size(state.journal_max_bytes)}"
    mend = "bring the target back, or set a larger journal_max_size"
    if state.journal_bytes >= state.journal_max_bytes:
        yield Finding(Level.ERROR, "journal-full", f"the journal is full: {used}", mend)
    elif state.journal_bytes > NEARLY_FULL * state.journal_max_bytes:
        yield Finding(
            Level.WARNING, "journal-nearly-full", f"the journal is nearly full: {used}", mend
        )
    for reason, count in sorted(state.dropped.items()):
        if count and _is_recent(state):
            why, mend = _WHY_DROPPED.get(reason, (reason, "see the log of Glance"))
            dropped = f"{several(count, 'notification')} {'was' if count == 1 else 'were'} dropped"
            what = f"{dropped}{_last_drop(state)}: {why}; {_IS_DROPPED}"
            yield Finding(Level.ERROR, "dropped", what, mend)


def _is_recent(state: NodeState) -> bool:
    return state.last_drop is None or state.time - state.last_drop < RECENT


def _last_drop(state: NodeState) -> str:
    when = state.last_drop
    return "" if when is None else f", the last one {age(state.time - when)} ago"


def _of_relay(state: NodeState) -> Iterator[Finding]:
    pending = sum(target.pending for target in state.targets.values())
    if pending and not state.is_led:
        yield Finding(
            Level.WARNING,
            "no-leader",
            f"no leader runs: nothing is delivered, and {waiting(pending)}",
            f"start Glance, or with relay = external: {PROGRAM} relay",
        )


def _of_target(target: TargetState, state: NodeState) -> Iterator[Finding]:
    name, waits = target.name, waiting(target.pending)
    since = "" if target.since is None else f" for {age(state.time - target.since)}"
    why = f": {target.why}" if target.why else ""
    if target.link is Link.UNUSABLE:
        what = f"{name} cannot be used{since}{why}; {waits}"
        yield Finding(Level.ERROR, "target-unusable", what, f"{PROGRAM} check names what mends it")
    elif target.link is Link.OUT_OF_REACH:
        what = f"{name} is out of reach{since}{why}; {waits}"
        mend = f"start the broker; {PROGRAM} send-test --target {name} tries it"
        yield Finding(Level.WARNING, "target-out-of-reach", what, mend)
    if aside := {priority: count for priority, count in target.set_aside.items() if count}:
        counts = ", ".join(
            f"{count} {priority}{_because(target, priority)}"
            for priority, count in sorted(aside.items())
        )
        what = f"{name} has set aside {counts}"
        mend = f"a queue for that priority, with the right to write it; {PROGRAM} check names it"
        yield Finding(Level.WARNING, "set-aside", what, mend)
    if target.dead:
        what = (
            f"{name} has {several(target.dead, 'dead letter')}, which the broker rejected for good"
        )
        mend = f"{PROGRAM} dead list --target {shlex.quote(name)}"
        yield Finding(Level.WARNING, "dead-letters", what, mend)


def _because(target: TargetState, priority: Priority) -> str:
    why = target.troubles.get(priority)
    return f" ({why})" if why else ""
