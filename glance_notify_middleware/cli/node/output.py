"""The state of a node as it is printed: lines and a table for people, one object for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cliff.columns import FormattableColumn

from glance_notify_middleware.cli.columns import Moment, column_key
from glance_notify_middleware.cli.human import iso, size
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.delivery.node.state import NodeState, TargetState
from glance_notify_middleware.events.escaping import escaped_text

COLUMNS = (
    "target",
    "state",
    "since",
    "why",
    "pending",
    "oldest",
    "last confirm",
    "set aside",
    "dead",
)
"""The columns of the table of targets."""

MORE_COLUMNS = ("delivered", "dead letters", "lost", "skipped", "sent again", "send failures")
"""Columns that are shown where they are asked for."""


def rows(state: NodeState) -> list[tuple[Any, ...]]:
    """A row for each target, with the values of COLUMNS and MORE_COLUMNS."""
    return [_row(target, state.time) for target in state.targets.values()]


def _row(target: TargetState, now: float) -> tuple[Any, ...]:
    return (
        target.name,
        str(target.link),
        Moment(target.since, now),
        escaped_text(target.why),
        target.pending,
        Moment(target.oldest, now),
        Moment(target.last_confirm, now),
        sum(target.set_aside.values()),
        target.dead,
        target.delivered,
        target.dead_letters,
        sum(target.lost.values()),
        target.skipped,
        target.sent_again,
        sum(target.send_failures.values()),
    )


def lines(state: NodeState) -> Iterator[str]:
    """What people read of the node, above the table of its targets."""
    part = state.journal_bytes / state.journal_max_bytes
    used = f"{size(state.journal_bytes)} of {size(state.journal_max_bytes)} ({part:.0%})"
    leader = "; a leader runs" if state.is_led else "; no leader runs"
    if not state.targets:
        leader = ", which write notifications to the log at once: there is no target"
    followed = f"; {state.followed} operations are followed" if state.followed else ""
    yield f"journal      {state.directory}: {used}"
    yield f"processes    {state.processes} alive{leader}{followed}"
    yield f"recorded     {sum(state.recorded.values())}; dropped {_counts(state.dropped)}"
    yield f"unknown      {state.unknown} operations with an unknown outcome"
    yield f"look-ups     {_counts(state.lookups)}"
    sent = {result: size(count) for result, count in state.sent_bytes.items() if count}
    yield f"images sent  {_listed(sent) or '0 B'}"


def finding_lines(found: Sequence[Finding]) -> Iterator[str]:
    """A line for each finding, and one for what mends it."""
    for finding in found:
        yield f"{finding.level}: {escaped_text(finding.what)}"
        yield f"    {finding.mend}"


def _counts(counts: Mapping[str, int]) -> str:
    return _listed({name: count for name, count in counts.items() if count}) or "0"


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{value} {name}" for name, value in sorted(values.items()))


def document(
    state: NodeState, found: Sequence[Finding], columns: Sequence[str] = ()
) -> dict[str, Any]:
    """The whole state as one object of JSON or YAML; of targets the `columns`, or everything."""
    recorded: dict[str, dict[str, int]] = {}
    for (event_type, priority), count in sorted(state.recorded.items()):
        recorded.setdefault(str(event_type), {})[str(priority)] = count
    return {
        "journal_dir": str(state.directory),
        "time": iso(state.time),
        "journal_bytes": state.journal_bytes,
        "journal_max_bytes": state.journal_max_bytes,
        "processes": state.processes,
        "leader": state.is_led,
        "followed_operations": state.followed,
        "recorded": sum(state.recorded.values()),
        "recorded_by_type": recorded,
        "dropped": dict(state.dropped),
        "last_drop": None if state.last_drop is None else iso(state.last_drop),
        "outcome_unknown": state.unknown,
        "lookups": dict(state.lookups),
        "image_sent_bytes": dict(state.sent_bytes),
        "targets": [_target(target, state.time, columns) for target in state.targets.values()],
        "findings": [
            {
                "level": str(finding.level),
                "name": finding.name,
                "what": escaped_text(finding.what),
                "mend": finding.mend,
            }
            for finding in found
        ],
    }


def _target(target: TargetState, now: float, columns: Sequence[str]) -> dict[str, Any]:
    names = [column_key(name) for name in (*COLUMNS, *MORE_COLUMNS)]
    whole = dict(zip(names, map(_machine_readable, _row(target, now)), strict=True))
    whole |= {
        "set_aside": {str(priority): count for priority, count in target.set_aside.items()},
        "lost": dict(target.lost),
        "send_failures": dict(target.send_failures),
    }
    wanted = [column_key(name) for name in columns] or names
    return {name: value for name, value in whole.items() if name in wanted}


def _machine_readable(value: Any) -> Any:
    return value.machine_readable() if isinstance(value, FormattableColumn) else value
