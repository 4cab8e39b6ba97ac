"""What goes together over a connection: nothing beside the first message of a priority."""

from collections.abc import Sequence

import pytest

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.connected import Connected, Outcomes
from tests.strategies.places import messages

TAKEN, DENIED, REFUSED = Outcome.TAKEN, Outcome.DENIED, Outcome.REFUSED
INFO, WARN, ERROR = Priority.INFO, Priority.WARN, Priority.ERROR


class DeniedError(Exception):
    """The broker ends a channel over one routing key, and says so."""


class Line:
    """A connection of which nothing is wanted."""

    def close(self) -> None: ...

    def drop(self) -> None: ...

    def forget(self) -> None: ...


class Recorded(Connected[Line]):
    """`denies` end the channel, `resets` the connection, whatever else is on its way; what came
    before them in the same portion has arrived, and its confirms are lost."""

    def __init__(self) -> None:
        super().__init__([Broker("h", 1, "u", "p")])
        self.denies: set[Priority] = set()
        self.resets: set[Priority] = set()
        self.connects = 0
        self.portions: list[str] = []
        self.arrived: list[str] = []

    def _connect(self, broker: Broker) -> Line:
        self.connects += 1
        return Line()

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        self._open_connection()
        self.portions.append("".join(batch[index].priority[0] for index in indexes))
        for index in indexes:
            if batch[index].priority in self.denies:
                raise DeniedError("not this key")
            if batch[index].priority in self.resets:
                raise ConnectionResetError("reset")
            self.arrived.append(batch[index].message_id)
        for index in indexes:
            outcomes[index] = TAKEN

    def _heartbeat(self, connection: Line) -> None: ...

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        return str(error), False

    def _rejection_reason(self, error: Exception) -> str | None:
        return None

    def _denial_reason(self, error: Exception, priority: Priority) -> str | None:
        return f"{error}: {priority}" if isinstance(error, DeniedError) else None

    def _may_be_denial(self, error: Exception) -> bool:
        return isinstance(error, ConnectionResetError)


@pytest.fixture
def strategy() -> Recorded:
    return Recorded()


def mixed() -> list[Message]:
    return [*messages(3), *messages(2, WARN), *messages(2), *messages(1, ERROR), *messages(1, WARN)]


def test_the_first_of_each_priority_goes_alone_at_each_connection(strategy: Recorded) -> None:
    for _ in range(2):
        strategy.portions.clear()
        assert list(strategy.send(mixed())) == [TAKEN] * 9
        assert strategy.portions == ["I", "II", "W", "WII", "E", "W"]
        strategy.portions.clear()
        assert list(strategy.send(mixed())) == [TAKEN] * 9
        assert strategy.portions == ["IIIWWIIEW"]
        strategy.close()
    assert strategy.connects == 2


def test_what_is_denied_on_trial_costs_the_others_no_repeat(strategy: Recorded) -> None:
    strategy.denies = {WARN}
    batch = mixed()
    for _ in range(3):
        strategy.arrived.clear()
        outcomes = list(strategy.send(batch))
        assert outcomes == [DENIED if each.priority is WARN else TAKEN for each in batch]
        assert strategy.arrived == [each.message_id for each in batch if each.priority is not WARN]
    assert strategy.reason(WARN, DENIED) == "not this key: WARN"
    assert strategy.reason(WARN, REFUSED) == strategy.reason(INFO, DENIED) == ""


def test_what_is_denied_later_is_found_by_messages_that_go_alone(strategy: Recorded) -> None:
    assert set(strategy.send(mixed())) == {TAKEN}
    strategy.denies = {WARN}
    batch = mixed()
    outcomes = list(strategy.send(batch))
    assert outcomes == [DENIED if each.priority is WARN else TAKEN for each in batch]


def test_a_priority_over_which_the_connection_breaks_off_is_refused_if_it_holds_for_another(
    strategy: Recorded,
) -> None:
    strategy.resets = {WARN, ERROR}
    batch = mixed()
    for _ in range(2):
        outcomes = list(strategy.send(batch))
        assert outcomes == [TAKEN if each.priority is INFO else REFUSED for each in batch]


def test_a_connection_that_breaks_off_over_all_is_an_error(strategy: Recorded) -> None:
    strategy.resets = set(Priority)
    with pytest.raises(SendError, match="reset") as raised:
        strategy.send(mixed())
    assert list(raised.value.outcomes) == [None] * 9


def test_what_was_taken_before_it_broke_off_says_nothing(strategy: Recorded) -> None:
    strategy.resets = {WARN}
    with pytest.raises(SendError, match="reset") as raised:
        strategy.send([*messages(2), *messages(1, WARN)])
    assert list(raised.value.outcomes) == [TAKEN, TAKEN, None]
