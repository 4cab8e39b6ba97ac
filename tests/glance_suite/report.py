"""The results of the runs, in Markdown."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.glance_suite.places import RERUNS
from tests.markdown import joined, markdown, written_with

_PATH = re.compile(r"(?<!\w)/\S+")


def places(verdicts: Mapping[str, Mapping[str, str]]) -> str:
    """A table: how the tests of each module end in each place, compared with no filter.

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
    return markdown(
        ["module", "place of the filter", "tests", "same", "flaky without it", "different"], rows
    )


def page(
    without: Sequence[Mapping[str, Any]],
    verdicts: Mapping[str, Mapping[str, str]],
    notifications: Mapping[str, int],
) -> str:
    """The whole page: the tests that ran, and how they ended.

    `without` are the runs without the filter; `notifications` counts what the filter recorded in
    each place.
    """
    ends = Counter(without[0]["outcomes"].values())
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ends.items()))
    went_wrong = [
        [test.split(".", 4)[-1], _PATH.sub("<path>", text)]
        for test, text in without[0]["why"].items()
    ]
    parts = [
        "# Glance's own tests, with the filter",
        written_with("glance"),
        "These are Glance's functional tests that touch image operations. They run with the filter "
        "directly before the application, with the filter directly after `context`, and without "
        "it. Same: the outcome (ok, fail, error, skip) is as without the filter. A test with "
        f"another outcome is run {RERUNS} times more in both settings. Flaky: the test has several "
        "outcomes without the filter, and no other outcome with it.",
        places(verdicts),
        "Notifications recorded: "
        + ", ".join(f"{count} ({place})" for place, count in notifications.items())
        + f". Outcomes without the filter: {counted}. On the machine that wrote this page these "
        "tests do not succeed without the filter either:",
        markdown(["test", "reason"], went_wrong),
    ]
    return joined(parts)
