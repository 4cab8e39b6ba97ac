"""The window of one strategy: the messages on their way, and which of them are done."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.target_counts import DAMAGED, REMOVED, Done
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal.chain import Step

WINDOW = 500
"""When so many messages are on their way, no more are read: about 1 MB, and as fast as RabbitMQ
confirms. The window can hold more, as entries are read whole: up to 599 with an entry of 100
unknown outcomes (`settling._PER_ENTRY`), and as many as a v1 request that replaces the members of
an image names members (`events.images.members_v1`)."""


@dataclass(slots=True)
class Pending:
    """A message on its way.

    `done`: why nothing is left to do for it; None: it is not done. `is_repeat`: it was counted
    before. `aside_end`: the offset behind its entry in the aside file, once it is set aside.
    """

    message: Message
    done: Done | None = None
    is_repeat: bool = False
    aside_end: int = 0

    @property
    def is_done(self) -> bool:
        """Whether the cursor may move over it."""
        return self.done is not None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages for one call of the strategy: `to_send`, in their order, maybe none.

    `waiting` are all messages that were not done, from which `to_send` were chosen.
    """

    to_send: Sequence[Pending] = ()
    waiting: Sequence[Pending] = ()

    @property
    def messages(self) -> list[Message]:
        """The messages to be sent."""
        return [pending.message for pending in self.to_send]


class Window:
    """The steps of the journals that are on their way, in the order in which they were read.

    A step is an entry of a journal with its messages (see chain.Step).
    """

    def __init__(self, cursors: Cursors) -> None:
        """`cursors` are moved over each step that is done."""
        self._cursors = cursors
        self._steps: deque[tuple[Step, list[Pending]]] = deque()

    @property
    def room(self) -> int:
        """How many more messages fit in. Negative after a step with more messages than that."""
        return WINDOW - sum(len(messages) or 1 for _, messages in self._steps)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on its way."""
        return not self._steps

    def take(self, steps: Sequence[Step]) -> None:
        """Take the next steps, in their order."""
        for step in steps:
            pendings = [Pending(message, is_repeat=step.is_repeat) for message in step.messages]
            self._steps.append((step, pendings))

    def holds(self, identity: str) -> bool:
        """Whether a step of the journal with this identity is on its way."""
        return any(step.identity == identity for step, _ in self._steps)

    def waiting(self) -> list[Pending]:
        """The messages that are not done, in their order."""
        return [
            pending for _, messages in self._steps for pending in messages if pending.done is None
        ]

    def advance(self) -> None:
        """Drop the steps at the front whose messages are all done, and move the cursors over them,
        which counts the messages.

        A step without messages is done as soon as it is at the front.
        """
        counts = self._cursors.counts
        while self._steps and None not in [pending.done for pending in self._steps[0][1]]:
            step, pendings = self._steps.popleft()
            if step.lost:
                counts.lost[REMOVED if step.gone else DAMAGED] += step.lost
            if not step.is_repeat:
                counts.skipped += step.skipped
            for pending in pendings:
                if pending.done is Done.ASIDE:
                    self._cursors.pass_aside(pending.message.priority, pending.aside_end)
                elif not pending.is_repeat:
                    counts.count(pending.done)
            self._cursors.move(step.identity, step.after, step.last)
