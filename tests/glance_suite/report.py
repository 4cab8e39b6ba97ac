"""What the runs gave, in Markdown."""

import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from tests.glance_suite import agreement
from tests.glance_suite.agreement import Finding, Kind
from tests.glance_suite.places import RERUNS
from tests.glance_suite.told import Event, read_requests

_PATH = re.compile(r"(?<!\w)/\S+")
_KINDS = (Kind.AGREES, Kind.DIFFERS, Kind.OURS, Kind.NATIVE, Kind.UNEXPLAINED)


def table(findings: Iterable[Finding]) -> str:
    """Event type by priority: what became of the events, by kind and reason."""
    cells: dict[tuple[str, str], dict[Kind, list[str]]] = {}
    for (event_type, priority, kind, reason), count in sorted(agreement.counts(findings).items()):
        cell = f"{count}, {reason}" if reason else str(count)
        cells.setdefault((event_type, priority), {}).setdefault(kind, []).append(cell)
    return _markdown(
        ["event type", "priority", *_KINDS],
        [
            [*of_what, *(" / ".join(kinds.get(kind, ["-"])) for kind in _KINDS)]
            for of_what, kinds in sorted(cells.items())
        ],
    )


def asynchronous(observed: Mapping[str, Any]) -> str:
    """What was told by threads that worked for no request, or for one that Glance works on after.

    `observed` is what the runner wrote: requests, asynchronous, during_look_ups.
    """
    told = Counter(_what(Event(**event)) for event in observed["asynchronous"])
    for request in read_requests(observed["requests"]):
        if request.is_asynchronous:
            told.update(_what(event) for event in request.events)
    return _markdown(
        ["told by", "event type", "priority", "events"],
        [[*of_what, str(count)] for of_what, count in sorted(told.items())],
    )


def places(verdicts: Mapping[str, Mapping[str, str]]) -> str:
    """How the tests of each module ended in each place, against how they end without the filter.

    `verdicts`: place -> test id -> same, flaky or different.
    """
    found: dict[tuple[str, str], Counter[str]] = {}
    for place, of_tests in verdicts.items():
        for test, verdict in of_tests.items():
            found.setdefault((test.split(".")[-3], place), Counter())[verdict] += 1
    rows = [
        [*where, *map(str, (count.total(), count["same"], count["flaky"], count["different"]))]
        for where, count in sorted(found.items())
    ]
    return _markdown(["module", "place", "tests", "same", "flaky without it", "different"], rows)


def page(
    without: Sequence[Mapping[str, Any]],
    verdicts: Mapping[str, Mapping[str, str]],
    notifications: Mapping[str, int],
    findings: Mapping[str, Sequence[Finding]],
    observed: Mapping[str, Mapping[str, Any]],
) -> str:
    """The whole page: what ran, how it ended, and how the two notifiers agree.

    `without` are the runs without the filter, `notifications` how many were recorded in each
    place; `findings` and `observed` are by image_delete_payload.
    """
    ours, glance = metadata.version("glance_notify_middleware"), metadata.version("glance")
    ends = Counter(without[0]["outcomes"].values())
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ends.items()))
    went_wrong = [
        [test.split(".", 4)[-1], _PATH.sub("<path>", text)]
        for test, text in without[0]["why"].items()
    ]
    parts = [
        "# Glance's own tests, with the filter",
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `make long`: glance {glance}, "
        f"Python {platform.python_version()}, glance_notify_middleware {ours}.",
        "Glance's functional tests that touch image operations, with the filter directly before "
        "the application and directly after `context`, against the same tests without it. "
        "Same: the test ends (ok, fail, error, skip) as it does without the filter. A test that "
        f"ends otherwise is run {RERUNS} times more in both settings; flaky: it ends in more "
        "than one way without the filter, and in no other way with it.",
        places(verdicts),
        "Notifications recorded: "
        + ", ".join(f"{count} ({place})" for place, count in notifications.items())
        + f". Without the filter: {counted}. What does not succeed even then, on the machine that "
        "wrote this page:",
        _markdown(["test", "why"], went_wrong),
        "## Agreement with Glance's own notifier",
        "Both watched in one process, request by request, payloads field by field.",
    ]
    for delete_payload, found in findings.items():
        parts += [f"### With image_delete_payload = {delete_payload}", table(found)]
        parts += ["\n".join(f"* {line}" for line in agreement.unexplained(found))]
        parts += ["Told apart from any request, or by one that Glance works on after its answer:"]
        parts += [asynchronous(observed[delete_payload])]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _what(event: Event) -> tuple[str, str, str]:
    return event.side, event.event_type, event.priority


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
