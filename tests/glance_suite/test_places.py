"""The verdicts on runs of the same tests with the filter and without it."""

import pytest

from tests.glance_suite import pipeline
from tests.glance_suite.pipeline import Place
from tests.glance_suite.places import Outcomes, verdicts


def _never(tests: list[str]) -> list[Outcomes]:
    raise AssertionError(f"run again for no reason: {tests}")


def test_test_with_the_same_outcome_is_the_same() -> None:
    assert verdicts([{"a": "fail"}, {"a": "fail"}], {"a": "fail"}, _never) == {"a": "same"}


def test_test_with_several_outcomes_without_the_filter_is_flaky() -> None:
    assert verdicts([{"a": "ok"}, {"a": "fail"}], {"a": "ok"}, _never) == {"a": "flaky"}


def test_outcome_that_only_a_rerun_without_the_filter_has_is_flaky_too() -> None:
    bare = iter(["ok", "fail"])
    found = verdicts([{"a": "ok"}], {"a": "fail"}, lambda _tests: [{"a": next(bare)}, {"a": "ok"}])
    assert found == {"a": "flaky"}


def test_outcome_that_no_run_without_the_filter_has_is_different_although_a_rerun_is_fine() -> None:
    found = verdicts([{"a": "ok"}], {"a": "fail"}, lambda _tests: [{"a": "ok"}, {"a": "ok"}])
    assert found == {"a": "different"}


def test_test_that_only_one_of_both_runs_had_is_different() -> None:
    assert verdicts([{"a": "ok"}], {}, lambda _tests: [{"a": "ok"}, {}]) == {"a": "different"}
    assert verdicts([{}], {"a": "ok"}, lambda _tests: [{}, {"a": "ok"}]) == {"a": "different"}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("application", "pipeline = cors context gzip notify rootapp"),
        ("context", "pipeline = cors context notify gzip rootapp"),
    ],
)
def test_filter_is_written_into_every_pipeline(place: Place, expected: str) -> None:
    paste = "[pipeline:a]\npipeline = cors context gzip rootapp\n" * 2
    edited = pipeline.with_filter(paste, place)
    assert edited.count(expected + "\n") == 2
    assert "paste.filter_factory = glance_notify_middleware:filter_factory" in edited


def test_pipeline_without_the_filter_at_its_place_is_an_error() -> None:
    pipeline.check(["ContextMiddleware", "NotifyMiddleware", "CacheFilter", "URLMap"], "context")
    pipeline.check(
        ["ContextMiddleware", "CacheFilter", "NotifyMiddleware", "URLMap"], "application"
    )
    pipeline.check(["ContextMiddleware", "URLMap"], "none")
    for place in pipeline.PLACES:
        names = ["NotifyMiddleware", "ContextMiddleware", "CacheFilter", "URLMap"]
        with pytest.raises(pipeline.MisplacedError):
            pipeline.check(names, place)
    with pytest.raises(pipeline.MisplacedError):
        pipeline.check(["ContextMiddleware", "URLMap"], "context")
