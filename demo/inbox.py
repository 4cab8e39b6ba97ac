"""What a target is to get, beside what came to it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from demo.story import Step, StoryState
from demo.targets import Came, Target


@dataclass
class Row:
    """A notification of the story, and what each target got of it."""

    number: int
    """Of its step."""
    step: Step
    event: str
    is_first: bool
    """Whether it is the first of its step."""
    cells: dict[str, Came] = field(default_factory=dict)
    """By the name of the target."""


def rows_of(number: int, step: Step) -> list[Row]:
    """The rows of a step."""
    return [
        Row(number, step, event, is_first=place == 0) for place, event in enumerate(step.expected)
    ]


class Inbox:
    """What comes to a target, each once, in its order. A repeat is counted in `repeated`."""

    def __init__(self, target: Target, new: Callable[[], Iterable[Came]]) -> None:
        """`new` gives what came since it was last called."""
        self.target = target
        self.repeated = 0
        self.got: list[Came] = []
        self._new = new
        self._seen: set[str] = set()
        self._due: list[Row] = []

    def expect(self, rows: Sequence[Row]) -> None:
        """Have those of the rows that are for this target come, after those that are due."""
        self._due += [row for row in rows if self.target.gets(row.event)]

    def receive(self, state: StoryState, seconds: float = 30.0) -> tuple[list[str], float]:
        """Wait for what is due, `seconds` at most, and put it into its rows.

        Returns what is wrong, in a line each, and how many seconds it took.
        """
        due, self._due = self._due, []
        wanted = Counter(row.event for row in due)
        began = time.monotonic()
        came = self._come()
        while wanted - Counter(each.event for each in came) and time.monotonic() < began + seconds:
            time.sleep(0.02)
            came += self._come()
        return self._placed(due, came, state), time.monotonic() - began

    def _come(self) -> list[Came]:
        found = []
        for came in self._new():
            if came.message_id in self._seen:
                self.repeated += 1
                continue
            self._seen.add(came.message_id)
            found.append(came)
        self.got += found
        return found

    def _placed(self, due: list[Row], came: list[Came], state: StoryState) -> list[str]:
        """Put each into the first row of its event; returns what is wrong."""
        faults, left = [], list(due)
        order = []
        for each in came:
            row = next((row for row in left if row.event == each.event), None)
            if row is None:
                faults.append(f"{self.target.name} got {each.event}, which it must not get")
                continue
            left.remove(row)
            order.append(row)
            others = {other.message_id for other in row.cells.values()}
            row.cells[self.target.name] = each
            found = self.target.faults(row.event, state.image, each)
            if others - {each.message_id}:
                found.append("its id is not that which the other targets got")
            if row.is_first and not found:
                found = row.step.faults(state, each.payload)
            faults += [self._named(row, fault) for fault in found]
        faults += [self._named(row, "it did not come") for row in left]
        if not left and order != due:
            events = ", ".join(row.event for row in order)
            faults.append(f"{self.target.name} got these in another order: {events}")
        return faults

    def _named(self, row: Row, fault: str) -> str:
        return f"step {row.number}: {self.target.name}: {row.event}: {fault}"
