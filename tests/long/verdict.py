"""What has come of each operation, against what is promised of it. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.faults.tally import Arrival
from tests.long.lives import Seen

SEND = "image.send"

_DIED = "the outcome is unknown: the process that served it died"
_WITH_UPLOAD = ("image.prepare INFO", "image.activate INFO")


@dataclass(frozen=True)
class Verdict:
    """`counts` is for people; of `faults` there are none when every promise was kept."""

    counts: Mapping[str, int]
    faults: list[str]


def judge(seen: Seen, given: Mapping[str, str], arrivals: Iterable[Arrival]) -> Verdict:
    """`given` are the ids of the requests that Glance was given, by the client's name of each."""
    ids: dict[tuple[str, str], set[str]] = {}
    came: dict[str, set[str]] = {}
    for each in arrivals:
        event_type, _ = each.event.split()
        ids.setdefault((each.request_id, event_type), set()).add(each.message_id)
        came.setdefault(each.request_id, set()).add(told_as(each))
    faults = [f"{what} under {len(found)} ids" for what, found in ids.items() if len(found) > 1]
    counts: Counter[str] = Counter()
    for name, operation in seen.begun.items():
        status = seen.answered.get(name)
        found = came.get(given.get(name, ""), set())
        ends = {event for event in found if event.split()[0] == operation.event_type}
        counts[_what(status, name in given, ends)] += 1
        faults += [
            f"{operation} {name} {given.get(name)}, answered {status}: {fault}; came: {found}"
            for fault in _faults(operation.event_type, status, name in given, ends, found)
        ]
    return Verdict(counts, faults)


def told_as(arrival: Arrival) -> str:
    """`image.create INFO` and the like; `image.create unknown` where nobody knows how it ended.

    Of a download the fields tell the same in both cases. Clients here read all that they get: one
    that is an ERROR was cut.
    """
    event_type, priority = arrival.event.split()
    cut = event_type == SEND or str(arrival.payload).endswith(_DIED)
    return f"{event_type} unknown" if priority == "ERROR" and cut else arrival.event


def _what(status: int | None, was_given: bool, ends: set[str]) -> str:
    unknown = any(event.endswith("unknown") for event in ends)
    if status is not None:
        how = "succeeded" if status < 300 else f"{status}"
        return f"answered: {how}" + (", told as unknown" if unknown else "")
    if not was_given:
        return "cut before Glance had it"
    return "cut: told as unknown" if unknown else "cut: told as what it was"


def _faults(
    event_type: str, status: int | None, was_given: bool, ends: set[str], found: set[str]
) -> Iterable[str]:
    if len(ends) > 1:
        yield "it has two ends"
    if status is None:
        if was_given and not ends:
            yield "it is silent"
    elif not was_given:
        yield "Glance was never given it"
    elif event_type == SEND:
        if not ends:
            yield "no event and no ERROR"
    elif ends != {f"{event_type} {_priority(status)}"}:
        yield "its event is missing"
    elif event_type == "image.upload" and status < 300 and not found.issuperset(_WITH_UPLOAD):
        yield "an event of the upload is missing"


def _priority(status: int) -> str:
    return "INFO" if status < 300 else "WARN" if status < 500 else "ERROR"
