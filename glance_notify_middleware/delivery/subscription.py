"""The subscription of one strategy: what it reads of the journals, and how far it has come."""

from pathlib import Path

from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.window import Window
from glance_notify_middleware.journal.reader import Reader, Step


class Subscription:
    """Reader, window and cursors of one strategy.

    The lane of the strategy uses it, and the settling of dead processes: each of them holds the
    lock of JournalAccess while it does.
    """

    def __init__(self, directory: Path, cursors: Cursors) -> None:
        """It begins where `cursors` stand."""
        self.cursors = cursors
        self.reader = Reader(directory, cursors.positions)
        self.window = Window(cursors)
        self._directory = directory

    def read(self) -> list[Step]:
        """Read the next steps into the window, if there is room for them. Raises OSError."""
        room = self.window.room
        steps = self.reader.read(room) if room > 0 else []
        self.window.take(steps)
        return steps

    def begin_again(self) -> None:
        """Drop what is on its way: it is read again, from the cursors on."""
        self.reader.close()
        self.reader = Reader(self._directory, self.cursors.positions)
        self.window = Window(self.cursors)
        self.cursors.save(at_once=True)
