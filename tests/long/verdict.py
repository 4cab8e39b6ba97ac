"""Judges the events of each operation by what is promised. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.faults.arrivals import Arrival
from tests.long.life_clients import Seen

SEND = "image.send"

_DIED = "the outcome is unknown: the process that served it died"
_WITH_UPLOAD = ("image.prepare INFO", "image.activate INFO")


@dataclass(frozen=True)
class Verdict:
    """`counts` has the numbers of operations by outcome; `faults` is empty when every promise was
    kept."""

    counts: Mapping[str, int]
    faults: list[str]


def judge(seen: Seen, noted: Mapping[str, str], arrivals: Iterable[Arrival]) -> Verdict:
    """`noted` are the ids of the requests that Glance has received, by the client's name of the
    operation."""
    ids: dict[tuple[str, str], set[str]] = {}
    came: dict[str, set[str]] = {}
    for arrival in arrivals:
        event_type, _ = arrival.event.split()
        ids.setdefault((arrival.request_id, event_type), set()).add(arrival.message_id)
        came.setdefault(arrival.request_id, set()).add(event_in_words(arrival))
    faults = [f"{event} under {len(found)} ids" for event, found in ids.items() if len(found) > 1]
    counts: Counter[str] = Counter()
    for name, operation in seen.begun.items():
        status = seen.answered.get(name)
        found = came.get(noted.get(name, ""), set())
        ends = {event for event in found if event.split()[0] == operation.event_type}
        counts[_outcome(status, name in noted, ends)] += 1
        faults += [
            f"{operation} {name} {noted.get(name)}, answered {status}: {fault}; came: {found}"
            for fault in _faults(operation.event_type, status, name in noted, ends, found)
        ]
    return Verdict(counts, faults)


def event_in_words(arrival: Arrival) -> str:
    """`image.create INFO` and the like; `image.create unknown` for an unknown outcome.

    An unknown outcome of a download has the same fields as an error. The clients here read all of
    an answer: a download that is an ERROR was cut.
    """
    event_type, priority = arrival.event.split()
    cut = event_type == SEND or str(arrival.payload).endswith(_DIED)
    return f"{event_type} unknown" if priority == "ERROR" and cut else arrival.event


def _outcome(status: int | None, was_noted: bool, ends: set[str]) -> str:
    unknown = any(event.endswith("unknown") for event in ends)
    if status is not None:
        how = "succeeded" if status < 300 else f"{status}"
        return f"answered: {how}" + (", outcome unknown" if unknown else "")
    if not was_noted:
        return "cut before Glance had received it"
    return "cut: outcome unknown" if unknown else "cut: outcome known"


def _faults(
    event_type: str, status: int | None, was_noted: bool, ends: set[str], found: set[str]
) -> Iterable[str]:
    if len(ends) > 1:
        yield "it has two ends"
    if status is None:
        if was_noted and not ends:
            yield "it has no event"
    elif not was_noted:
        yield "Glance never received it"
    elif event_type == SEND:
        if not ends:
            yield "no event and no ERROR"
    elif ends != {f"{event_type} {_priority(status)}"}:
        yield "its event is missing"
    elif event_type == "image.upload" and status < 300 and not found.issuperset(_WITH_UPLOAD):
        yield "an event of the upload is missing"


def _priority(status: int) -> str:
    return "INFO" if status < 300 else "WARN" if status < 500 else "ERROR"
