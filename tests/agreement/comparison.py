"""Compares the events of the filter and of the native notifier, request by request.

Pure. A difference that stands in no table of `differences` is unexplained.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from tests.agreement import differences
from tests.agreement.differences import ABSENT, EventRule, PairRule
from tests.agreement.observed import Event, Request


class Kind(StrEnum):
    """The result of the comparison for an event of either side."""

    AGREES = "agrees"
    DIFFERS = "differs for a reason"
    FILTER_ALONE = "filter alone"
    NATIVE_ALONE = "native alone"
    UNEXPLAINED = "unexplained"


class Finding(NamedTuple):
    """What the comparison found for one event, or for a pair of events, one of each side."""

    event_type: str
    priority: str
    kind: Kind
    reason: str
    request: Request

    @property
    def is_of_both(self) -> bool:
        """Whether both sides emit the event, or one side failed to emit it."""
        return self.kind not in (Kind.FILTER_ALONE, Kind.NATIVE_ALONE)


def compare(requests: Iterable[Request]) -> list[Finding]:
    """The findings for the events of both sides.

    Events that are not about images (tasks, metadata definitions) are not looked at.
    """
    return [finding for request in requests for finding in _compare_one(request)]


def unexplained(findings: Iterable[Finding]) -> list[str]:
    """A line for each difference without a reason."""
    return [
        f"{finding.event_type} {finding.priority}: {finding.reason} ({finding.request})"
        for finding in findings
        if finding.kind is Kind.UNEXPLAINED
    ]


class Shares(NamedTuple):
    """`events` counts those that both sides emit, or that one side failed to emit; the shares of
    them that agree are in percent."""

    events: int
    type_and_priority: float
    payload: float


def shares(findings: Iterable[Finding]) -> Shares:
    """A payload that differs for a reason agrees, too; a priority does not."""
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
    native, from_filter = request.events_of("native"), request.events_of("filter")
    for event in list(from_filter):
        counterpart = _counterpart(request, event, native)
        if counterpart is not None:
            from_filter.remove(event)
            native.remove(counterpart)
            yield _compare_pair(request, counterpart, event)
    for event in from_filter:
        yield _alone(request, event, Kind.FILTER_ALONE, differences.FILTER_ALONE)
    for event in native:
        yield _alone(request, event, Kind.NATIVE_ALONE, differences.NATIVE_ALONE)


def _counterpart(request: Request, from_filter: Event, native: Iterable[Event]) -> Event | None:
    """The native event that reports the same as the filter's event `from_filter`.

    An event of the same priority is preferred; of several updates the last, which has the image
    record as it stays. An event of another priority must have no reason to stand alone.
    """
    alike = [event for event in native if event.event_type == from_filter.event_type]
    same = [event for event in alike if event.priority == from_filter.priority]
    if same:
        return same[-1] if from_filter.event_type == "image.update" else same[0]
    return next(
        (event for event in alike if not _reason(differences.NATIVE_ALONE, request, event)), None
    )


def _compare_pair(request: Request, native: Event, from_filter: Event) -> Finding:
    reasons: list[str] = []
    wrong: list[str] = []
    if native.priority != from_filter.priority:
        reason = _pair_reason(differences.PRIORITY_RULES, request, native, from_filter)
        (reasons if reason else wrong).append(reason or f"native emits {native.priority}")
    if native.payload != from_filter.payload:
        reason = _pair_reason(differences.PAYLOAD_RULES, request, native, from_filter)
        if reason:
            reasons.append(reason)
        elif isinstance(native.payload, dict) and isinstance(from_filter.payload, dict):
            for name in sorted(native.payload.keys() | from_filter.payload.keys()):
                found, why = _compare_field(
                    request, from_filter.event_type, name, native, from_filter
                )
                (reasons if found else wrong).extend(why)
        else:
            wrong.append(f"native has {native.payload!r}, the filter {from_filter.payload!r}")
    kind = Kind.UNEXPLAINED if wrong else Kind.DIFFERS if reasons else Kind.AGREES
    why = "; ".join(dict.fromkeys(wrong or reasons))
    return Finding(from_filter.event_type, from_filter.priority, kind, why, request)


def _compare_field(
    request: Request, event_type: str, name: str, native: Event, from_filter: Event
) -> tuple[bool, Sequence[str]]:
    """Whether the values of one field may be as they are, and why; no reason where they are
    equal."""
    native_value, filter_value = (
        native.payload.get(name, ABSENT),
        from_filter.payload.get(name, ABSENT),
    )
    if native_value == filter_value or (
        name == "tags" and _unordered(native_value) == _unordered(filter_value)
    ):
        return True, ()
    for rule in differences.FIELD_RULES:
        applies = name in rule.fields and event_type in rule.event_types
        if applies and rule.allows(request, native_value, filter_value):
            return True, (rule.reason,)
    return False, (f"{name}: native has {native_value!r}, the filter {filter_value!r}",)


def _pair_reason(
    rules: Iterable[PairRule], request: Request, native: Event, from_filter: Event
) -> str | None:
    return next((reason for reason, allows in rules if allows(request, native, from_filter)), None)


def _alone(request: Request, event: Event, kind: Kind, rules: Iterable[EventRule]) -> Finding:
    reason = _reason(rules, request, event)
    if reason is None:
        kind, reason = Kind.UNEXPLAINED, f"only {event.side} emits it: {event.payload!r}"
    return Finding(event.event_type, event.priority, kind, reason, request)


def _reason(rules: Iterable[EventRule], request: Request, event: Event) -> str | None:
    return next((reason for reason, allows in rules if allows(request, event)), None)


def _unordered(tags: Any) -> Any:
    return sorted(tags) if isinstance(tags, list) else tags
