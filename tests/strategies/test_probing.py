"""What is sent together over a connection: nothing beside the first message of a priority."""

from collections.abc import Sequence

import pytest

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.connected import Outcomes
from glance_notify_middleware.strategies.probing import Probing
from tests.strategies.sending import messages

TAKEN, DENIED, REFUSED = Outcome.TAKEN, Outcome.DENIED, Outcome.REFUSED
INFO, WARN, ERROR = Priority.INFO, Priority.WARN, Priority.ERROR


class DeniedError(Exception):
    """The broker ends a channel, and names the routing key as the reason."""


class IdleConnection:
    """A connection that does nothing."""

    def close(self) -> None: ...

    def drop(self) -> None: ...

    def forget(self) -> None: ...


class RecordedStrategy(Probing[IdleConnection]):
    """A strategy that records what it sends.

    A message of a priority in `denies` ends the channel, in `resets` the connection. The messages
    before it in the same part have arrived, and their confirms are lost.
    """

    def __init__(self) -> None:
        super().__init__([Broker("h", 1, "u", "p")])
        self.denies: set[Priority] = set()
        self.resets: set[Priority] = set()
        self.connects = 0
        self.parts: list[str] = []
        self.arrived: list[str] = []

    def _connect(self, broker: Broker) -> IdleConnection:
        self.connects += 1
        return IdleConnection()

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        self._open_connection()
        self.parts.append("".join(batch[index].priority[0] for index in indexes))
        for index in indexes:
            if batch[index].priority in self.denies:
                raise DeniedError("not this key")
            if batch[index].priority in self.resets:
                raise ConnectionResetError("reset")
            self.arrived.append(batch[index].message_id)
        for index in indexes:
            outcomes[index] = TAKEN

    def _heartbeat(self, connection: IdleConnection) -> None: ...

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        return str(error), False

    def _rejection_reason(self, error: Exception) -> str | None:
        return None

    def _denial_reason(self, error: Exception, priority: Priority) -> str | None:
        return f"{error}: {priority}" if isinstance(error, DeniedError) else None

    def _may_be_denial(self, error: Exception) -> bool:
        return isinstance(error, ConnectionResetError)


@pytest.fixture
def strategy() -> RecordedStrategy:
    return RecordedStrategy()


def mixed() -> list[Message]:
    return [*messages(3), *messages(2, WARN), *messages(2), *messages(1, ERROR), *messages(1, WARN)]


def test_first_message_of_a_priority_goes_alone_at_each_connection(
    strategy: RecordedStrategy,
) -> None:
    for _ in range(2):
        strategy.parts.clear()
        assert list(strategy.send(mixed())) == [TAKEN] * 9
        assert strategy.parts == ["I", "II", "W", "WII", "E", "W"]
        strategy.parts.clear()
        assert list(strategy.send(mixed())) == [TAKEN] * 9
        assert strategy.parts == ["IIIWWIIEW"]
        strategy.close()
    assert strategy.connects == 2


def test_denied_probe_costs_other_messages_no_repeat(strategy: RecordedStrategy) -> None:
    strategy.denies = {WARN}
    batch = mixed()
    for _ in range(3):
        strategy.arrived.clear()
        outcomes = list(strategy.send(batch))
        assert outcomes == [DENIED if each.priority is WARN else TAKEN for each in batch]
        assert strategy.arrived == [each.message_id for each in batch if each.priority is not WARN]
    assert strategy.reason(WARN, DENIED) == "not this key: WARN"
    assert strategy.reason(WARN, REFUSED) == strategy.reason(INFO, DENIED) == ""


def test_denial_after_the_probe_is_found_by_messages_that_go_alone(
    strategy: RecordedStrategy,
) -> None:
    assert set(strategy.send(mixed())) == {TAKEN}
    strategy.denies = {WARN}
    batch = mixed()
    outcomes = list(strategy.send(batch))
    assert outcomes == [DENIED if each.priority is WARN else TAKEN for each in batch]


def test_priority_whose_probe_ends_the_connection_is_refused_if_others_are_taken(
    strategy: RecordedStrategy,
) -> None:
    strategy.resets = {WARN, ERROR}
    batch = mixed()
    for _ in range(2):
        outcomes = list(strategy.send(batch))
        assert outcomes == [TAKEN if each.priority is INFO else REFUSED for each in batch]


def test_connection_that_ends_over_every_probe_is_an_error(strategy: RecordedStrategy) -> None:
    strategy.resets = set(Priority)
    with pytest.raises(SendError, match="reset") as raised:
        strategy.send(mixed())
    assert list(raised.value.outcomes) == [None] * 9


def test_message_taken_before_the_connection_ended_does_not_count_as_going_on(
    strategy: RecordedStrategy,
) -> None:
    strategy.resets = {WARN}
    with pytest.raises(SendError, match="reset") as raised:
        strategy.send([*messages(2), *messages(1, WARN)])
    assert list(raised.value.outcomes) == [TAKEN, TAKEN, None]
