"""What the contract's tests need of the broker of each strategy."""

from typing import Protocol

from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Connecting
from tests.strategies.sending import PATIENCE

WRONG_PASSWORD = "wrong-pa55word"


class Place(Protocol):
    """A broker, with names of its own for one test."""

    half_a_greeting: bytes
    """The first bytes that the broker sends, cut off in the middle of a frame."""
    chatter: bytes
    """A whole frame without a meaning."""
    inexpressible: tuple[tuple[str, float], ...]
    """Ids and timestamps that the broker's protocol, or the broker, cannot take."""
    port: int
    connects_with_password: bool
    """Whether `connect` shows the password; else it shows with the first message."""
    over_tls: bool
    """Whether `strategy_at` speaks TLS: what speaks another protocol is then an error of TLS."""

    def strategy(self, patience: float = 5.0, /, **options: str) -> Connecting:
        """A strategy for this broker, which waits `patience` seconds for an answer."""

    def strategy_at(self, *ports: int, patience: float = PATIENCE) -> Connecting:
        """A strategy for brokers at ports of loopback, with all other options as for this one.
        Several ports: at a BrokerPlace alone."""

    def with_wrong_password(self) -> Connecting:
        """A strategy with WRONG_PASSWORD."""

    def received(
        self, count: int | None = None, priority: Priority = Priority.INFO
    ) -> list[tuple[str, bytes]]:
        """Ids and bodies of the messages that have arrived, in order; waits for `count` of them."""

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def crash(self) -> None: ...

    def start(self) -> None: ...

    def close_connections(self, times: int, pause: float) -> None:
        """Close all connections again and again, from the broker's side."""


class BrokerPlace(Place, Protocol):
    """A broker with queues, which may be one of several hosts."""

    def without_queues_for(self, *priorities: Priority) -> Connecting:
        """A strategy whose messages of these priorities have no queue."""

    def with_room_for(self, count: int) -> Connecting:
        """A strategy whose broker refuses every message after the first `count`."""
