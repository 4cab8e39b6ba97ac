"""The subscription of one target to the journals: what it has read, and how far it has come."""

from pathlib import Path

from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.sequences import Sequences
from glance_notify_middleware.delivery.target_counts import DAMAGED
from glance_notify_middleware.delivery.window import Window
from glance_notify_middleware.events.selection import Selection
from glance_notify_middleware.journal.chain import Step
from glance_notify_middleware.journal.layout import segment_path
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.reader import Reader


class Subscription:
    """Reader, window and cursors of one target.

    Two threads use it: the lane of the target, and the survey of the leader. Each holds the lock
    of JournalAccess meanwhile.
    """

    def __init__(
        self, directory: Path, cursors: Cursors, selection: Selection | None = None
    ) -> None:
        """Begin where the `cursors` are. `selection` is what the target gets; None: all."""
        self.cursors = cursors
        self._directory = directory
        self._selection = selection
        self._begin()

    def read(self) -> list[Step]:
        """Read the next steps into the window, if there is room for them, and return them: with
        those messages that the target gets, each with its sequence. Raises OSError."""
        room = self.window.room
        steps = self.reader.read(room) if room > 0 else []
        for step in steps:
            if self._selection is not None:
                step.select(self._selection)
            self._sequences.give(step)
        self.window.take(steps)
        return steps

    def read_on(self) -> bool:
        """Read a little ahead of what the window has. Returns whether more may be read ahead.
        Raises OSError."""
        return self.reader.read_on()

    def lose_rest(self, identity: str, recorded: int | None) -> int:
        """Count what is lost at the end of the journal of a dead process, and move the cursor
        behind it, so that it is counted once; returns how many notifications that is.

        `recorded`: how many the process itself had counted. Raises OSError.
        """
        lost = self.reader.lost_at_end(identity, recorded)
        if lost:
            chain = self.reader.chains[identity]
            segment, offset, number = chain.position
            path = segment_path(self._directory, identity, segment)
            size = path.lstat().st_size if path.exists() else offset
            chain.position = Position(segment, size, (number or 0) + lost)
            self.cursors.counts.lost[DAMAGED] += lost
            self.cursors.move(identity, chain.position)
        return lost

    def begin_again(self) -> None:
        """Drop what is on its way, and begin again where the cursors are."""
        self.reader.close()
        self._begin()
        self.cursors.save(at_once=True)

    def forget(self, identity: str) -> None:
        """Forget a journal: its process is settled, and its files are removed."""
        self.reader.forget(identity)
        self.cursors.forget(identity)
        self._sequences.forget(identity)

    def _begin(self) -> None:
        wants = None if self._selection is None else self._selection.has
        cursors = self.cursors
        self.reader = Reader(
            self._directory, cursors.positions, wants, knows_all=cursors.were_saved
        )
        self.window = Window(cursors)
        self._sequences = Sequences(cursors.last)
