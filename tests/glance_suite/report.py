"""What the runs gave, in Markdown."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.glance_suite.places import RERUNS
from tests.markdown import joined, markdown, written_with

_PATH = re.compile(r"(?<!\w)/\S+")


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
    return markdown(["module", "place", "tests", "same", "flaky without it", "different"], rows)


def page(
    without: Sequence[Mapping[str, Any]],
    verdicts: Mapping[str, Mapping[str, str]],
    notifications: Mapping[str, int],
) -> str:
    """The whole page: what ran, and how it ended.

    `without` are the runs without the filter, `notifications` how many were recorded in each
    place.
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
        markdown(["test", "why"], went_wrong),
    ]
    return joined(parts)
