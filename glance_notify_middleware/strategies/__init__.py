"""Where notifications go: the contract, and a module for each strategy, which knows no other."""

import enum
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from glance_notify_middleware.events.notification import Message, Priority


class Outcome(enum.Enum):
    """What became of one message. A name says what the relay does next."""

    TAKEN = "taken"
    """The broker has confirmed it: it is done."""
    UNROUTABLE = "unroutable"
    """The broker has nowhere to put it: aside, with all of its routing key, and again later."""
    DENIED = "denied"
    """The broker does not take its routing key until somebody mends that, but takes others: aside,
    with all of its routing key, and again later."""
    REFUSED = "refused"
    """The broker does not take it now, a full queue for instance: again soon, without end. Other
    routing keys do not wait for it."""
    REJECTED = "rejected"
    """It will never be taken, for what it is: a dead letter, when this has come three times."""


class SendError(Exception):
    """The connection is lost, or could not be made; the text says why and holds no secret.

    `outcomes` has one for each message of the batch, None where it is not known: such a message
    may have arrived, and is sent again. `needs_operator` tells that trying again soon is of no
    use: a wrong password, virtual host, certificate, exchange.
    """

    def __init__(
        self, reason: str, outcomes: Sequence[Outcome | None] = (), *, needs_operator: bool = False
    ) -> None:
        super().__init__(reason)
        self.outcomes = outcomes
        self.needs_operator = needs_operator


class Strategy(Protocol):
    """One place to send to. One thread, of one process, owns it and all that it opens.

    Nothing is opened before the first `send` or `connect`. Every wait has an end of its own. What
    it raises else than SendError ends it, and another is made. Each strategy has a thread to
    itself.
    """

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """Send `batch`, in its order, and wait for what becomes of each: one outcome per message.

        Raises SendError; the next call then begins with a new connection, to the next host.
        """

    def keep_alive(self) -> None:
        """To be called about once a second while there is nothing to send: heartbeats.

        Raises SendError when the connection turns out to be lost.
        """

    def close(self) -> None:
        """Let go of the connection, within 5 seconds. Never raises."""


@runtime_checkable
class Connecting(Strategy, Protocol):
    """A strategy that can also connect without a message, and explain an outcome.

    A strategy without these two methods connects with its first message.
    """

    def connect(self) -> None:
        """Connect where there is no connection, and look at what is there; create nothing.

        To be called about once a second while there is nothing to send. Raises SendError.
        """

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """Why messages of `priority` had that outcome last, and what mends it, without a secret.

        Empty where nothing more is known than the outcome says.
        """
