"""The contract of a strategy that sends to a broker: the reference for its authors.

A Strategy is made by a call with the `Settings` of the filter's section. Delivery reads messages
from the journal, gives them to the strategy in batches, and does with each message what its Outcome
asks for. The strategy makes and keeps its connection. It knows neither the journal nor another
strategy.

**Life.** An installed strategy is made and closed once when Glance loads, so that its mistakes show
there. Then each process that becomes leader makes its own. One thread of one process, the
strategy's lane, calls all methods, one after another; no other strategy waits for it. Nothing is
opened before the first `send` or `connect`. A process may be forked while it has a connection: the
child must send nothing over it (`connected.Connected` sees to that).

**Order and repeats.** The messages of a batch are sent in their order. Each message is sent at
least once. It is sent again, with the same `message_id` and `body`, where its outcome was not
known, and after a crash of the leader.

**Errors.** `send`, `connect` and `keep_alive` raise SendError when there is no connection. Delivery
tries again after a wait that doubles from 0.2 to 30 seconds (both are options of the built-in
strategies), with `retry_after` not before that time has passed, or, with `needs_operator`, after 60
seconds. After any other exception the strategy is closed, and another one is made a second later.

**Waits.** Every wait of a strategy must have an end: its lane stands still until then. When the
process ends, 3.5 seconds are left for what is on its way. While `send` waits, it may have its lane
prepare the next batch: see Overlapping.

**Texts.** The text of a SendError, and a reason, go to Glance's log. They hold no secret.

A strategy of another package is found by its entry point (`loading.GROUP`). What a new built-in
strategy needs stands in CONTRIBUTING.md, "How to add". Read on in this order: `description` and
`registry` (what is known of a strategy before it is made), `loading` (what makes it), `connected`
(what the built-in strategies have in common), `probing` (what a refusal costs at a broker with
routing keys), then the rooms `rabbit`, `qpid` and `webhook`. `stream`, `credentials`, `deadline`
and `errors` serve them.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from glance_notify_middleware.events.notification import Message, Priority


class Outcome(enum.Enum):
    """What became of one message, and so what delivery does with it.

    The messages of one priority have the same routing key: a broker may refuse one priority and
    take another.
    """

    __hash__ = object.__hash__  # faster than that of Enum; each message has an outcome

    TAKEN = "taken"
    """The broker has confirmed the message. It is done."""

    UNROUTABLE = "unroutable"
    """The broker has no queue for the message. It and all messages of its priority are set aside,
    and tried again every 60 seconds."""

    DENIED = "denied"
    """The broker does not take the routing key until somebody changes that: a missing permission,
    for instance. It and all messages of its priority are set aside, and tried again every 60
    seconds."""

    REFUSED = "refused"
    """The broker does not take the message now: a full queue, for instance. It and all messages of
    its priority wait, and are sent again soon, without end. When the messages that wait fill half
    of the window, those of this priority are set aside, so that other priorities go on."""

    REJECTED = "rejected"
    """The broker will never take this message: it is too large, for instance. It is sent again.
    When it has been rejected three times, it is a dead letter."""


class SendError(Exception):
    """There is no connection: it was lost, or could not be made."""

    def __init__(
        self,
        reason: str,
        outcomes: Sequence[Outcome | None] = (),
        *,
        needs_operator: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        """`reason` is one line without a secret.

        `outcomes` has one outcome for each message of the batch, None where it is not known: that
        message may have arrived, and is sent again. It may be shorter than the batch.
        `needs_operator`: trying again soon is of no use, as a password, virtual host, certificate
        or exchange is wrong. `retry_after`: seconds for which the broker wants to be left alone.
        """
        super().__init__(reason)
        self.outcomes = outcomes
        self.needs_operator = needs_operator
        self.retry_after = retry_after


class Strategy(Protocol):
    """Sends messages to one place. The module's docstring says who calls it, and when."""

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """Send the messages in their order, and wait for the outcome of each.

        Returns one outcome for each message, or for the first of them: the rest is given again at
        once, after what is known is counted. A batch has about 500 messages. Delivery reads whole
        journal entries: one entry can hold 100 unknown outcomes, so that a batch has up to 599, or
        a message for each member that a v1 request names, without a fixed bound. The `body` of each
        message is JSON in UTF-8, in the operator's `message_format`. Raises SendError; the next
        call then begins with a new connection, to the next host where there are several.
        """

    def keep_alive(self) -> None:
        """Keep the connection, where there is one: send and read heartbeats, without waiting.

        Called about once a second, also between batches. Raises SendError where the connection
        turns out to be lost.
        """

    def close(self) -> None:
        """Let go of the connection, within 5 seconds. Never raises."""


@runtime_checkable
class Connecting(Strategy, Protocol):
    """A strategy that can also connect without a message, and explain an outcome.

    A strategy that lacks one of the two methods connects with its first message.
    """

    def connect(self) -> None:
        """Connect where there is no connection, and look at what the messages need at the broker.

        Creates nothing there. Called about once a second while there is nothing to send. Raises
        SendError.
        """

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """Why messages of `priority` had this outcome last, and what an operator can do about it.

        Empty where the strategy knows no more than the outcome.
        """


@runtime_checkable
class Overlapping(Strategy, Protocol):
    """A strategy that lets its lane go on while a broker confirms a batch."""

    def overlap(self, read_on: Callable[[], bool]) -> None:
        """Take what `send` is to call, on its own thread, when all of a batch is sent and outcomes
        are missing. Called once, before anything else.

        `read_on` prepares a part of the next batch, in about a millisecond, and returns whether
        there is more to prepare at once. It raises nothing and changes nothing that was sent. The
        strategy calls it no more, for this batch, or waits for the broker first, when it has
        returned False. `send` need not call it at all: then the next batch is prepared after it.
        """
