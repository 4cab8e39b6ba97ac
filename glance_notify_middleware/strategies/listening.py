"""What the command `listen` asks of a target: to see what is sent to it."""

from typing import Protocol


class ListenError(Exception):
    """What is sent cannot be seen, or not any more. The text is one line without a secret."""


class Listener(Protocol):
    """Sees what is sent to one target, from `connect` on. Nothing is taken from other readers."""

    def connect(self) -> str:
        """Begin to listen; returns where, for people. Raises ListenError."""

    def next(self, seconds: float) -> bytes | None:
        """The body of the next message; None where none comes within `seconds`.

        Raises ListenError where the connection is lost. `connect` then begins anew.
        """

    def close(self) -> None:
        """Let go of the connection, within 5 seconds. Never raises."""
