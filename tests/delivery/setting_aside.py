"""A broker that has nowhere to put messages of some priorities."""

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome
from tests.delivery.support import Bench, letter
from tests.journal.sample_journals import message

WARN = Priority.WARN


def nowhere_for(
    *priorities: Priority, instead: Outcome = Outcome.UNROUTABLE
) -> "OutcomeByPriority":
    return OutcomeByPriority(dict.fromkeys(priorities, instead))


class OutcomeByPriority:
    def __init__(self, others: dict[Priority, Outcome]) -> None:
        self._others = others

    def __call__(self, sent: Message) -> Outcome:
        return self._others.get(sent.priority, Outcome.TAKEN)


def warning(body: bytes = b"{}") -> Message:
    return message(body, priority=WARN)


def sent_since(bench: Bench, batch: int) -> list[str]:
    return [each for ids in bench.strategy.ids[batch:] for each in ids]


def send_all(bench: Bench) -> None:
    for _ in range(20):
        bench.send()


def letter_of_warning() -> Message:
    made = letter()
    return Message(made.message_id, made.event_type, WARN, made.timestamp, made.body)
