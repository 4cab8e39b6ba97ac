"""Gives the messages of one target their sequence, journal by journal."""

from collections.abc import Mapping

from glance_notify_middleware.events import sequence
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal.chain import Step


class Sequences:
    """The number of the last message of each journal, as one target gets them.

    A leader that goes on at a saved cursor gives each message the same sequence again.
    """

    def __init__(self, last: Mapping[str, int]) -> None:
        """`last` has that number for each journal that has one, by its identity, as it was saved
        with the cursor."""
        self._last = dict(last)

    def give(self, step: Step) -> None:
        """Put into each message of a step its sequence, and into the step the last number.

        Behind a loss the message before is taken to be one that is lost: no reader has its number.
        Messages that are recorded again do not have the place of a number in their journal.
        """
        journal = step.identity
        last = self._last.get(journal)
        if step.lost:
            last = step.first - 1
        if step.numbers:
            placed = []
            for number, message in zip(step.numbers, step.messages, strict=True):
                message_id, event_type, priority, timestamp, plain = message
                after = None if step.is_repeat else last
                body = sequence.put_into(plain, journal, number, after)
                placed.append(Message(message_id, event_type, priority, timestamp, body))
                if not step.is_repeat:
                    last = number
            step.messages = placed
        if last is not None:
            self._last[journal] = step.last = last

    def forget(self, journal: str) -> None:
        """Forget a journal: its process is settled."""
        self._last.pop(journal, None)
