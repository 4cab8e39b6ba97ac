"""Do the filter and the native notifier tell the same? The comparison, request by request.

Pure. What differs is looked for in the tables of `differences`; what is not there is unexplained.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from tests.agreement import differences
from tests.agreement.differences import ABSENT, EventRule, PairRule
from tests.agreement.told import Event, Request


class Kind(StrEnum):
    """What became of an event of either side."""

    AGREES = "agrees"
    DIFFERS = "differs for a reason"
    OURS = "ours alone"
    NATIVE = "native alone"
    UNEXPLAINED = "unexplained"


class Finding(NamedTuple):
    """What the comparison found of one event, or of one pair of them."""

    event_type: str
    priority: str
    kind: Kind
    reason: str
    request: Request

    @property
    def is_of_both(self) -> bool:
        """Whether both sides tell it, or one of them ought to."""
        return self.kind not in (Kind.OURS, Kind.NATIVE)


def compare(requests: Iterable[Request]) -> list[Finding]:
    """What the two sides told of each request, judged.

    Events that are not about images (tasks, metadata definitions) are not looked at.
    """
    return [finding for request in requests for finding in _compare_one(request)]


def unexplained(findings: Iterable[Finding]) -> list[str]:
    """A line for each difference that has no reason."""
    return [
        f"{finding.event_type} {finding.priority}: {finding.reason} ({finding.request})"
        for finding in findings
        if finding.kind is Kind.UNEXPLAINED
    ]


class Shares(NamedTuple):
    """Of `events` that both sides tell, or ought to: how many agree, in percent."""

    events: int
    type_and_priority: float
    payload: float


def shares(findings: Iterable[Finding]) -> Shares:
    """A payload agrees, too, where it differs for a reason; a priority does not."""
    both = [found for found in findings if found.is_of_both]
    of_payload = [found for found in both if found.kind is not Kind.UNEXPLAINED]
    other_priority = [reason for reason, _ in differences.PRIORITY_RULES]
    of_priority = [
        found for found in of_payload if not any(why in found.reason for why in other_priority)
    ]
    percent = 100 / max(len(both), 1)
    return Shares(len(both), len(of_priority) * percent, len(of_payload) * percent)


def counts(findings: Iterable[Finding]) -> Counter[tuple[str, str, Kind, str]]:
    """How many findings there are of each event type, priority, kind and reason."""
    return Counter(
        (*finding[:3], "" if finding.kind is Kind.UNEXPLAINED else finding.reason)
        for finding in findings
    )


def _compare_one(request: Request) -> Iterable[Finding]:
    native, ours = request.told_by("native"), request.told_by("ours")
    for event in list(ours):
        other = _counterpart(request, event, native)
        if other is not None:
            ours.remove(event)
            native.remove(other)
            yield _compare_pair(request, other, event)
    for event in ours:
        yield _alone(request, event, Kind.OURS, differences.OURS_ALONE)
    for event in native:
        yield _alone(request, event, Kind.NATIVE, differences.NATIVE_ALONE)


def _counterpart(request: Request, ours: Event, native: Iterable[Event]) -> Event | None:
    """The native event that should tell what `ours` does.

    Best one of the same priority. Of several updates the last: it leaves the record as it
    stays. Of another priority, none that has a reason to stand alone.
    """
    alike = [event for event in native if event.event_type == ours.event_type]
    same = [event for event in alike if event.priority == ours.priority]
    if same:
        return same[-1] if ours.event_type == "image.update" else same[0]
    return next(
        (event for event in alike if not _reason(differences.NATIVE_ALONE, request, event)), None
    )


def _compare_pair(request: Request, native: Event, ours: Event) -> Finding:
    reasons: list[str] = []
    wrong: list[str] = []
    if native.priority != ours.priority:
        reason = _pair_reason(differences.PRIORITY_RULES, request, native, ours)
        (reasons if reason else wrong).append(reason or f"native says {native.priority}")
    if native.payload != ours.payload:
        reason = _pair_reason(differences.PAYLOAD_RULES, request, native, ours)
        if reason:
            reasons.append(reason)
        elif isinstance(native.payload, dict) and isinstance(ours.payload, dict):
            for name in sorted(native.payload.keys() | ours.payload.keys()):
                found, why = _compare_field(request, ours.event_type, name, native, ours)
                (reasons if found else wrong).extend(why)
        else:
            wrong.append(f"native tells {native.payload!r}, we tell {ours.payload!r}")
    kind = Kind.UNEXPLAINED if wrong else Kind.DIFFERS if reasons else Kind.AGREES
    why = "; ".join(dict.fromkeys(wrong or reasons))
    return Finding(ours.event_type, ours.priority, kind, why, request)


def _compare_field(
    request: Request, event_type: str, name: str, native: Event, ours: Event
) -> tuple[bool, Sequence[str]]:
    """Whether one field is as it may be, and why; no reason where it is simply equal."""
    theirs, mine = native.payload.get(name, ABSENT), ours.payload.get(name, ABSENT)
    if theirs == mine or (name == "tags" and _unordered(theirs) == _unordered(mine)):
        return True, ()
    for rule in differences.FIELD_RULES:
        applies = name in rule.fields and event_type in rule.event_types
        if applies and rule.allows(request, theirs, mine):
            return True, (rule.reason,)
    return False, (f"{name}: native tells {theirs!r}, we tell {mine!r}",)


def _pair_reason(
    rules: Iterable[PairRule], request: Request, native: Event, ours: Event
) -> str | None:
    return next((reason for reason, allows in rules if allows(request, native, ours)), None)


def _alone(request: Request, event: Event, kind: Kind, rules: Iterable[EventRule]) -> Finding:
    reason = _reason(rules, request, event)
    if reason is None:
        kind, reason = Kind.UNEXPLAINED, f"only {event.side} tells it: {event.payload!r}"
    return Finding(event.event_type, event.priority, kind, reason, request)


def _reason(rules: Iterable[EventRule], request: Request, event: Event) -> str | None:
    return next((reason for reason, allows in rules if allows(request, event)), None)


def _unordered(tags: Any) -> Any:
    return sorted(tags) if isinstance(tags, list) else tags
