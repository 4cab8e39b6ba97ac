"""Glance's own functional tests end the same with the filter, and both notifiers emit the same.

A part of those tests runs in every run, with the filter where the documents put it; `make long`
runs all that touch image operations, with the filter in two places, and writes
docs/measured/glance-suite.md and its part of docs/measured/agreement.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.agreement import comparison, page
from tests.agreement.comparison import Kind, compare, unexplained
from tests.agreement.observed import read_requests, without_background_work
from tests.agreement.page import DELETE_PAYLOADS, Agreement
from tests.glance_suite import places, report
from tests.glance_suite.pipeline import Place
from tests.glance_suite.runner import MODULES
from tests.long_runs import LONG

PAGE = Path(__file__).parents[2] / "docs" / "measured" / "glance-suite.md"

TESTED = (
    list(MODULES)
    if LONG
    else [
        "test_image_members",
        "test_download_from_store",
        "test_cache_middleware",
        "test_gzip_middleware",
        "test_tasks",
        "test_tasks_api_policy",
    ]
)
COMPARED = (
    list(MODULES)
    if LONG
    else ["test_image_members", "test_download_from_store", "test_images_api_policy"]
)
TYPES = {
    *("image.create", "image.prepare", "image.upload", "image.activate", "image.send"),
    *("image.update", "image.delete"),
    *("image.member.create", "image.member.update", "image.member.delete"),
}


@dataclass
class Results:
    """The results of the runs so far, and the folder that they write to."""

    folder: Path
    without: list[dict[str, Any]] = field(default_factory=list)
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    notifications: dict[str, int] = field(default_factory=dict)

    def run(self, place: Place, *options: str) -> dict[str, Any]:
        return places.run(place, self.folder / "run.json", *options)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """The runs without the filter: two in `make long`, which shows what is flaky in itself."""
    found = Results(tmp_path_factory.mktemp("glance-suite"))
    for _ in range(2 if LONG else 1):
        found.without.append(found.run("none", "--modules", ",".join(TESTED)))
    yield found
    if LONG:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(report.page(found.without, found.verdicts, found.notifications))


@pytest.mark.parametrize("place", ["application", "context"] if LONG else ["context"])
def test_tests_of_glance_end_as_they_do_without_the_filter(results: Results, place: Place) -> None:
    def again(tests: list[str]) -> list[places.Outcomes]:
        chosen = ("--tests", ",".join(tests))
        return [results.run(where, *chosen)["outcomes"] for where in ("none", place)]

    run = results.run(place, "--modules", ",".join(TESTED))
    results.notifications[place] = run["notifications"]
    verdicts = places.verdicts(
        [without["outcomes"] for without in results.without], run["outcomes"], again
    )
    results.verdicts[place] = verdicts
    print(f"\n{report.places({place: verdicts})}")
    different = [test for test, verdict in verdicts.items() if verdict == "different"]
    assert not different, {test: run["why"].get(test) for test in different}
    assert len(verdicts) >= 15
    assert run["notifications"] > 0


@pytest.mark.parametrize("delete_payload", DELETE_PAYLOADS if LONG else ["id"])
def test_filter_emits_what_the_native_notifier_emits(
    results: Results, agreement: Agreement, delete_payload: str
) -> None:
    run = results.run(
        "context",
        *("--compare", "--modules", ",".join(COMPARED), "--delete-payload", delete_payload),
    )
    findings = compare(without_background_work(read_requests(run["observed"]["requests"])))
    agreement.add(findings, delete_payload)
    print(f"\nimage_delete_payload = {delete_payload}\n{page.table(findings)}")

    assert not unexplained(findings)
    shares = comparison.shares(findings)
    assert shares.type_and_priority >= 98
    assert shares.payload >= 97
    assert not run["observed"]["during_look_ups"], "a look-up made Glance emit an event"
    by_both = {f.event_type for f in findings if f.kind in (Kind.AGREES, Kind.DIFFERS)}
    assert by_both == TYPES
    has_ids = any(found.reason == "image.delete has the id by default" for found in findings)
    assert has_ids == (delete_payload == "id")
