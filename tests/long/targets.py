"""Four targets of one Glance: their lines, what each gets, and the verdict on what has come."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.keystone import ALICE
from tests.faults.arrivals import Arrival, inversions
from tests.faults.client_load import Ledger
from tests.long.glance_load import SIZE, asked_by, owner_of, step_of
from tests.long.target_readers import Seen
from tests.sequences import gaps

_SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = billing, audit, feed, members
journal_dir = {journal}
create_queues = auto
rabbit_durable_queues = true
rabbit_retry_max_backoff = 2
webhook_retry_max_backoff = 2
billing.strategy = rabbit
billing.transport_url = {billing}
billing.message_format = oslo
billing.image_delete_payload = metadata
billing.priorities = info, error
audit.strategy = rabbit
audit.transport_url = {audit}
audit.rabbit_notification_topic = audit
feed.strategy = webhook
feed.message_format = cloudevents
feed.webhook_batch = 20
feed.disabled_notifications = image.prepare
feed.projects = {project}
{feed}members.strategy = logging
members.log_file = {members}
members.event_types = image.member
"""


def section(journal: Path, billing: str, audit: str, feed: Mapping[str, str], members: Path) -> str:
    """The filter's section. `billing` and `audit` are URLs of brokers, `feed` has the lines of its
    receiver, `members` is a log file."""
    return _SECTION.format(
        journal=journal,
        billing=billing,
        audit=audit,
        feed="".join(f"feed.{option} = {value}\n" for option, value in feed.items()),
        members=members,
        project=ALICE.project_id,
    )


def _is_of_the_project(request_id: str, event: str) -> bool:
    """Whether an event is about ALICE's project: that of the image's owner. Where the payload names
    no owner, as that of a member, or of a refusal, the project that asked stands for the owner."""
    names_owner = not event.startswith("image.member.") and not event.endswith(" WARN")
    return ALICE is (owner_of(request_id) if names_owner else asked_by(request_id))


GETS: Mapping[str, Callable[[str, str], bool]] = {
    "billing": lambda _, event: not event.endswith(" WARN"),
    "audit": lambda *_: True,
    "feed": lambda request_id, event: (
        event != "image.prepare INFO" and _is_of_the_project(request_id, event)
    ),
    "members": lambda _, event: event.startswith("image.member."),
}
"""Whether a target gets an event (`image.create INFO` and the like) of a request, by its lines."""


def owed(ledger: Ledger) -> dict[str, set[tuple[str, str]]]:
    """What each target must get, of the requests that were answered: request ids and events."""
    expected = ledger.expected
    return {name: {each for each in expected if gets(*each)} for name, gets in GETS.items()}


@dataclass
class Verdict:
    """What a target was owed and what it has got; `faults` is empty if that is the same, each event
    under one id, true, and in order."""

    owed: int
    got: int
    missing: int
    extra: int
    repeated: int
    """Messages that came again with the same message_id."""
    faults: list[str] = field(default_factory=list)


def judge(
    name: str,
    due: set[tuple[str, str]],
    arrivals: Sequence[Arrival],
    everything: Sequence[Arrival],
) -> Verdict:
    """Judge what came to the target `name`, to which the events `due` are owed. The same events
    among `everything` must have the same ids and payloads."""
    came = {arrival[:2] for arrival in arrivals}
    missing, extra = due - came, came - due
    ids = Counter(event for event, _ in {(each[:2], each.message_id) for each in arrivals})
    faults = [f"missing: {each}" for each in sorted(missing)]
    faults += [f"extra: {each}" for each in sorted(extra)]
    faults += [f"under {count} ids: {each}" for each, count in ids.items() if count > 1]
    faults += [f"out of order: {each}" for each in _out_of_order(arrivals)]
    with_sequences = [{"_sequence": arrival.sequence} for arrival in arrivals]
    faults += [f"missing by the sequences: {each}" for each in gaps(with_sequences)]
    known = {arrival.message_id: arrival for arrival in everything}
    for arrival in arrivals:
        faults += _untrue(name, arrival, known.get(arrival.message_id))
    repeated = len(arrivals) - len({arrival.message_id for arrival in arrivals})
    return Verdict(len(due), len(came), len(missing), len(extra), repeated, faults)


def _out_of_order(arrivals: Sequence[Arrival]) -> list[str]:
    return [each for priority in ("INFO", "WARN") for each in inversions(arrivals, priority)]


def _untrue(name: str, arrival: Arrival, same: Arrival | None) -> Iterable[str]:
    """`same` is what came to the target that gets everything, of the same id."""
    seen: Seen = arrival.payload
    if same is None or same[:2] != arrival[:2]:
        yield f"under an id of its own: {arrival}"
    elif arrival.event == "image.delete INFO":
        if seen.has_metadata != (name == "billing"):
            yield f"another payload of a delete: {arrival}"
    elif seen.digest != same.payload.digest:
        yield f"another payload: {arrival}"
    if arrival.event.startswith("image.send ") and not _is_exact(arrival):
        yield f"another number of bytes: {arrival}"


def _is_exact(arrival: Arrival) -> bool:
    """Whether its bytes_sent is exact. Of a download that broke off its client cannot know how much
    lay in the buffers of the connection."""
    sent = arrival.payload.bytes_sent
    priority = arrival.event.split()[1]
    if priority == "ERROR":
        return bool(SIZE // 4 <= sent < SIZE)
    return bool(sent == (step_of(arrival.request_id).operation.size if priority == "INFO" else 0))
