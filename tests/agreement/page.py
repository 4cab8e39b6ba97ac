"""The page docs/measured/agreement.md: what both notifiers reported in a whole run of the tests."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.agreement.comparison import Finding, Kind, counts, shares, unexplained
from tests.markdown import joined, markdown, written_with

DELETE_PAYLOADS = ("id", "metadata")


class Followed(NamedTuple):
    """An asynchronous operation that settled: what it was, how it should be told, and how it was.

    `told` is a word for the events that the contract names; `exactly`: those were told, and no
    other. `findings` are of all its events.
    """

    what: str
    told: str
    exactly: bool
    findings: Sequence[Finding]


class Agreement:
    """Everything that was compared in a run of the tests."""

    def __init__(self) -> None:
        self.findings: dict[str, list[Finding]] = {}  # by image_delete_payload
        self.followed: list[Followed] = []

    def found(self, findings: Iterable[Finding], delete_payload: str = "id") -> None:
        """Have them in the table of one of DELETE_PAYLOADS."""
        self.findings.setdefault(delete_payload, []).extend(findings)

    def settled(self, operation: Followed) -> None:
        """Have an asynchronous operation in its own table, and its events in that of all."""
        self.followed.append(operation)
        self.found(operation.findings)

    def page(self) -> str:
        """The whole page, in Markdown."""
        parts = [
            "# Agreement with Glance's own notifier",
            written_with("glance"),
            "Both watched in one process, operation by operation, payloads field by field: in "
            "Glance's own functional tests, and in downloads, imports, copies, locations and "
            "tasks of ours on a real Glance. Of the events that both tell or ought to tell:",
            self._shares(),
            "A payload that differs only as the tables below say counts as agreeing, a priority "
            "does not.",
            "## Imports, copies, locations and tasks",
            "Operations that Glance accepted with 202 (a task with 201), and that it ended while "
            "it lived. The contract's events: one image.prepare, one image.upload and, where the "
            "image became active by it, one image.activate; of a location image.update in the "
            "place of the first two; of a task image.create before them; an ERROR where it "
            "failed. Native tells each store, and nothing of what failed before it came to a "
            "store.",
            asynchronous(self.followed),
        ]
        for delete_payload, findings in self.findings.items():
            parts += [f"## With image_delete_payload = {delete_payload}", table(findings)]
            parts += ["\n".join(f"* {line}" for line in unexplained(findings))]
        return joined(parts)

    def _shares(self) -> str:
        parts = [
            (
                f"synchronous operations, image_delete_payload = {delete_payload}",
                [found for found in findings if not found.request.is_asynchronous],
            )
            for delete_payload, findings in self.findings.items()
        ]
        followed = [found for operation in self.followed for found in operation.findings]
        rows = []
        for what, findings in [*parts, ("imports, copies, locations and tasks", followed)]:
            events, type_and_priority, payload = shares(findings)
            rows.append([what, str(events), f"{type_and_priority:.1f} %", f"{payload:.1f} %"])
        return markdown(["", "events", "type and priority agree", "payload agrees"], rows)


def table(findings: Iterable[Finding]) -> str:
    """How many events there are of each type and priority, by what became of them and why."""
    return markdown(
        ["event type", "priority", "", "events", "reason"],
        [
            [event_type, priority, kind, str(count), reason]
            for (event_type, priority, kind, reason), count in sorted(counts(findings).items())
        ],
    )


def asynchronous(followed: Iterable[Followed]) -> str:
    """What was asked for, and how it ended: how many were told exactly as the contract says, how
    many times both told image.activate, and how many of those payloads agree."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for operation in followed:
        row = rows.setdefault((operation.what, operation.told), Counter())
        row["operations"] += 1
        row["exactly"] += operation.exactly
        for found in operation.findings:
            if found.event_type == "image.activate" and found.is_of_both:
                row["activate"] += 1
                row["agreeing"] += found.kind is not Kind.UNEXPLAINED
    return markdown(
        ["operation", "to be told", "operations", "told so", "activate of both", "agreeing"],
        [
            [
                *of_what,
                *(str(row[name]) for name in ("operations", "exactly", "activate", "agreeing")),
            ]
            for of_what, row in sorted(rows.items())
        ],
    )
