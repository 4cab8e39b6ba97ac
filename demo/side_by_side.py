"""Shows what several targets got side by side: a row for each notification, a column for each."""

from collections import Counter
from collections.abc import Mapping, Sequence

from demo.inbox import Inbox, Row
from demo.log_follower import paint
from demo.targets import DELETED, Came, Target

_LABEL, _CELL = 33, 17

LEGEND = """\
Each cell has the format of what the target got, and of a delete its payload; `-`: not for this
target; `1/2`: the first of two that came in one request."""


def header(targets: Sequence[Target], before: str = "") -> str:
    """The names of the targets, above their columns."""
    names = "".join(f"{target.name:<{_CELL}}" for target in targets)
    return paint(f"{before:>{_LABEL - 3}}   {names}".rstrip(), "bold")


def line(
    row: Row,
    targets: Sequence[Target],
    *,
    waiting: Sequence[Target] = (),
    had: Sequence[Target] = (),
) -> str:
    """A row. For a target of `waiting` it waits; a target of `had` was shown to have it before; for
    any other, what did not come is missing."""
    shown = [_label(row.event, before=f"{row.number}." if had else "")]
    for target in targets:
        came = row.cells.get(target.name)
        if not target.gets(row.event):
            shown.append(_cell("-", "dim"))
        elif target in had:
            shown.append(_cell("has it", "dim"))
        elif came is not None:
            shown.append(_cell(_form(came), "INFO"))
        elif target in waiting:
            shown.append(_cell("waits", "WARN"))
        else:
            shown.append(_cell("MISSING", "ERROR"))
    return "".join(shown).rstrip()


def totals(events: Sequence[str], inboxes: Sequence[Inbox]) -> str:
    """A table: how many of each of the story's `events` there were, and came to each target."""
    counts: Mapping[str, Counter[str]] = {
        inbox.target.name: Counter(came.event for came in inbox.got) for inbox in inboxes
    }
    story = Counter(events)
    lines = [header([inbox.target for inbox in inboxes], "story")]
    for event in sorted(story.keys() | {each for found in counts.values() for each in found}):
        numbers = "".join(f"{found[event] or '-':<{_CELL}}" for found in counts.values())
        lines.append(f"{_label(event, after=f'{story[event]}')}{numbers}".rstrip())
    sums = "".join(f"{found.total():<{_CELL}}" for found in counts.values())
    lines.append(paint(f"{'    all':<{_LABEL - 5}}{len(events):>3}  {sums}".rstrip(), "bold"))
    repeated = "".join(f"{inbox.repeated or '-':<{_CELL}}" for inbox in inboxes)
    lines.append(f"{'    came a second time':<{_LABEL}}{repeated}".rstrip())
    return "\n".join(lines)


def _label(event: str, before: str = "", after: str = "") -> str:
    event_type, priority = event.split()
    return f"{before:>3} {event_type:<20}{paint(f'{priority:<5}', priority)}{after:>2}  "


def _cell(text: str, colour: str) -> str:
    return paint(f"{text:<{_CELL}}", colour)


def _form(came: Came) -> str:
    """A notification in a word or two, as LEGEND says."""
    words = [came.form]
    if came.event == DELETED:
        words.append(came.payload_kind)
    return " ".join([*words, *([came.note] if came.note else [])])
