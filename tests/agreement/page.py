"""The page docs/measured/agreement.md: what both notifiers emitted in a whole run of the tests."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.agreement.comparison import Finding, Kind, counts, shares, unexplained
from tests.markdown import joined, markdown, written_with

DELETE_PAYLOADS = ("id", "metadata")


class BackgroundOperation(NamedTuple):
    """An operation that Glance finished after its answer.

    `expected` names the events that the contract demands. `is_exact`: the filter emitted those and
    no other. `findings` are of all events of the operation, of both sides.
    """

    operation: str
    expected: str
    is_exact: bool
    findings: Sequence[Finding]


class Agreement:
    """Everything that was compared in a run of the tests."""

    def __init__(self) -> None:
        self.findings: dict[str, list[Finding]] = {}  # by image_delete_payload
        self.background: list[BackgroundOperation] = []

    def add(self, findings: Iterable[Finding], delete_payload: str = "id") -> None:
        """Add findings to the table of `delete_payload`, one of DELETE_PAYLOADS."""
        self.findings.setdefault(delete_payload, []).extend(findings)

    def add_background(self, operation: BackgroundOperation) -> None:
        """Add the operation to the table of background work, and its findings to the others."""
        self.background.append(operation)
        self.add(operation.findings)

    def page(self) -> str:
        """The whole page, in Markdown."""
        parts = [
            "# Agreement with Glance's own notifier",
            written_with("glance"),
            "The filter and Glance's own notifier (native) ran in one process. Their events were "
            "compared operation by operation, and their payloads field by field: in Glance's own "
            "functional tests, and in downloads, imports, copies, locations and tasks that this "
            "project's tests ask of a real Glance. The first table counts the events that both "
            "emit, or that one side failed to emit.",
            self._shares(),
            "A payload counts as agreeing, too, where it differs only as the tables below say. A "
            "priority does not.",
            "## Imports, copies, locations and tasks",
            "These operations Glance accepted with 202 (a task with 201) and finished while its "
            "process lived. The contract demands one image.prepare, one image.upload and, where "
            "the operation made the image active, one image.activate. A location has image.update "
            "instead of the first two. A task has image.create before them. A failure is an "
            "ERROR. Native emits events for each store, and none for what fails before Glance "
            "reaches a store.",
            background_table(self.background),
        ]
        for delete_payload, findings in self.findings.items():
            parts += [f"## With image_delete_payload = {delete_payload}", table(findings)]
            parts += ["\n".join(f"* {line}" for line in unexplained(findings))]
        return joined(parts)

    def _shares(self) -> str:
        parts = [
            (
                f"operations that end with their answer, image_delete_payload = {delete_payload}",
                [found for found in findings if not found.request.has_background_work],
            )
            for delete_payload, findings in self.findings.items()
        ]
        background = [found for operation in self.background for found in operation.findings]
        parts.append(("imports, copies, locations and tasks", background))
        rows = []
        for operations, findings in parts:
            events, type_and_priority, payload = shares(findings)
            rows.append([operations, str(events), f"{type_and_priority:.1f} %", f"{payload:.1f} %"])
        head = ["operations", "events", "type and priority agree", "payload agrees"]
        return markdown(head, rows)


def table(findings: Iterable[Finding]) -> str:
    """How many events there are of each type and priority, by what the comparison found and why."""
    return markdown(
        ["event type", "priority", "finding", "events", "reason"],
        [
            [event_type, priority, kind, str(count), reason]
            for (event_type, priority, kind, reason), count in sorted(counts(findings).items())
        ],
    )


def background_table(operations: Iterable[BackgroundOperation]) -> str:
    """For each operation and its expected events: how often the filter emitted exactly those, how
    often both sides emitted image.activate, and how many payloads of that agree."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for operation in operations:
        row = rows.setdefault((operation.operation, operation.expected), Counter())
        row["operations"] += 1
        row["exactly"] += operation.is_exact
        for found in operation.findings:
            if found.event_type == "image.activate" and found.is_of_both:
                row["activate"] += 1
                row["agreeing"] += found.kind is not Kind.UNEXPLAINED
    columns = ("operations", "exactly", "activate", "agreeing")
    return markdown(
        [
            *("operation", "events expected", "operations", "emitted exactly"),
            *("image.activate of both", "of which agree"),
        ],
        [
            [*operation_and_events, *(str(row[name]) for name in columns)]
            for operation_and_events, row in sorted(rows.items())
        ],
    )
