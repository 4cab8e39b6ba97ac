"""Messages to send, and what a test does with a strategy: sends all, or expects an error."""

import time
import uuid
from collections.abc import Sequence

import pytest

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError, Strategy

PATIENCE = 2.0
"""Seconds that a strategy waits for an answer, where its test chooses no other time."""

IN_TIME = 5.0
"""Seconds within which a call of such a strategy ends, on a busy machine too. A call that waits
again for each byte, or for each part of it, takes longer."""


def message(
    body: bytes = b'{"a": 1}', priority: Priority = Priority.INFO, message_id: str = ""
) -> Message:
    return Message(message_id or str(uuid.uuid4()), "image.send", priority, time.time(), body)


def messages(count: int, priority: Priority = Priority.INFO) -> list[Message]:
    return [message(b'{"number": %d}' % number, priority) for number in range(count)]


def send_all(strategy: Strategy, batch: Sequence[Message], tries: int = 50) -> None:
    """Send as delivery does, until each message is taken: again, what is not known to be taken."""
    for _ in range(tries):
        outcomes: Sequence[Outcome | None]
        try:
            outcomes = strategy.send(batch)
        except SendError as error:
            outcomes = error.outcomes
            time.sleep(0.1)
        assert len(outcomes) == len(batch)
        batch = [
            each
            for each, outcome in zip(batch, outcomes, strict=True)
            if outcome is not Outcome.TAKEN
        ]
        if not batch:
            return
    raise AssertionError(f"{len(batch)} messages were never taken")


def send_error(strategy: Strategy, count: int = 1) -> SendError:
    """The error with which sending `count` messages ends."""
    with pytest.raises(SendError) as raised:
        strategy.send(messages(count))
    return raised.value


def prompt_send_error(strategy: Strategy, count: int = 1) -> SendError:
    """The same, which must come within IN_TIME, in one line."""
    began = time.monotonic()
    error = send_error(strategy, count)
    assert time.monotonic() - began < IN_TIME
    assert str(error)
    assert "\n" not in str(error)
    return error
