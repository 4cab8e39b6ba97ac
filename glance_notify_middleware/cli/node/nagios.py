"""The state of a node as a plugin of Nagios prints it: one line, with performance data.

Source: Monitoring Plugins Development Guidelines, "Plugin Output" and "Plugin Return Codes".
"""

from collections.abc import Iterator, Sequence

from glance_notify_middleware.cli.findings import NEARLY_FULL, has_error
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.delivery.node.state import NodeState
from glance_notify_middleware.events.escaping import escaped_text

OK = 0
WARNING = 1
CRITICAL = 2
UNKNOWN = 3

_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def status(found: Sequence[Finding]) -> int:
    """The exit status of a plugin that has these findings."""
    if has_error(found):
        return CRITICAL
    return WARNING if found else OK


def line(status: int, text: str, state: NodeState | None = None) -> str:
    """The line of a plugin: its status, a text, and the performance data of `state`."""
    clean = escaped_text(text).replace("|", "/")  # the performance data begin behind a bar
    data = "" if state is None else f" | {' '.join(_performance(state))}"
    return f"GLANCE_NOTIFY {_WORDS[status]} - {clean}{data}"


def when_right(state: NodeState) -> str:
    """The text of a node where nothing is wrong."""
    targets = [f"{target.name} {target.link}" for target in state.targets.values()]
    pending = sum(target.pending for target in state.targets.values())
    return ", ".join([*targets, f"{pending} pending"])


def _performance(state: NodeState) -> Iterator[str]:
    """`'label'=value[unit];[warn];[crit];[min];[max]`; the unit c is that of a counter."""
    bound = state.journal_max_bytes
    yield f"journal={state.journal_bytes}B;{NEARLY_FULL * bound:.0f};{bound};0;{bound}"
    yield f"processes={state.processes};;;0"
    yield f"recorded={sum(state.recorded.values())}c"
    yield f"dropped={sum(state.dropped.values())}c"
    yield f"outcome_unknown={state.unknown}c"
    for target in state.targets.values():
        oldest = 0.0 if target.oldest is None else max(state.time - target.oldest, 0.0)
        name = target.name.replace("'", "''")
        yield f"'{name} pending'={target.pending};;;0"
        yield f"'{name} oldest'={oldest:.0f}s;;;0"
        yield f"'{name} set_aside'={sum(target.set_aside.values())};;;0"
        yield f"'{name} dead'={target.dead};;;0"
        yield f"'{name} delivered'={target.delivered}c"
