"""A strategy whose outcomes and errors a test chooses, and functions that choose outcomes."""

from collections.abc import Callable, Mapping, Sequence

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError

ChooseOutcome = Callable[[Message], Outcome]


def take_all(_: Message) -> Outcome:
    return Outcome.TAKEN


class ScriptedStrategy:
    """A strategy. `errors` come first, one for each call; then `choose` decides."""

    def __init__(self, choose: ChooseOutcome = take_all) -> None:
        self.choose = choose
        self.errors: list[SendError] = []
        self.most: int | None = None  # messages of a batch that have outcomes
        self.batches: list[list[Message]] = []
        self.is_closed = False

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        self.batches.append(list(batch))
        if self.errors:
            raise self.errors.pop(0)
        return [self.choose(message) for message in batch[: self.most]]

    def keep_alive(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def close(self) -> None:
        self.is_closed = True

    @property
    def ids(self) -> list[list[str]]:
        """The ids of each batch."""
        return [[message.message_id for message in batch] for batch in self.batches]


class ScriptedConnectingStrategy(ScriptedStrategy):
    """A strategy that can connect without a message and explains outcomes. `connect_errors` come
    first, one for each call of `connect`."""

    def __init__(self) -> None:
        super().__init__()
        self.connect_errors: list[SendError] = []
        self.connects = 0

    def connect(self) -> None:
        self.connects += 1
        if self.connect_errors:
            raise self.connect_errors.pop(0)

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        return f"why {priority} was {outcome.value}"


class OutcomeById:
    """Chooses the outcomes in `outcomes`, and TAKEN for every other message id."""

    def __init__(self, outcomes: Mapping[str, Outcome]) -> None:
        self._outcomes = outcomes

    def __call__(self, message: Message) -> Outcome:
        return self._outcomes.get(message.message_id, Outcome.TAKEN)


class OutcomeByPriority:
    """Chooses the outcomes in `outcomes`, and TAKEN for every other priority."""

    def __init__(self, outcomes: Mapping[Priority, Outcome]) -> None:
        self._outcomes = outcomes

    def __call__(self, message: Message) -> Outcome:
        return self._outcomes.get(message.priority, Outcome.TAKEN)


def refuse(*ids: str) -> OutcomeById:
    return OutcomeById(dict.fromkeys(ids, Outcome.REFUSED))


def reject(*ids: str) -> OutcomeById:
    return OutcomeById(dict.fromkeys(ids, Outcome.REJECTED))


def unroutable(*priorities: Priority) -> OutcomeByPriority:
    """What a broker does that has no queue for these priorities."""
    return respond(Outcome.UNROUTABLE, *priorities)


def respond(outcome: Outcome, *priorities: Priority) -> OutcomeByPriority:
    return OutcomeByPriority(dict.fromkeys(priorities, outcome))
