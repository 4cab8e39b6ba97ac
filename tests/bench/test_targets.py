"""When a target is met, missed, and missed so grossly that a submission does not pass."""

import pytest

from bench import page
from bench.targets import Target, gross


@pytest.mark.parametrize(
    ("measured", "is_met", "is_missed_grossly"),
    [
        *((9.0, True, False), (10.0, True, False), (10.1, False, False), (30.0, False, False)),
        *((30.1, False, True), (0.0, True, False), (-1.0, True, False)),
    ],
)
def test_number_that_should_be_small(
    measured: float, is_met: bool, is_missed_grossly: bool
) -> None:
    target = Target("cost, by that of another", measured, 10.0)
    assert (target.is_met, target.is_missed_grossly) == (is_met, is_missed_grossly)


@pytest.mark.parametrize(
    ("measured", "is_met", "is_missed_grossly"),
    [
        *((11.0, True, False), (10.0, True, False), (9.9, False, False), (3.34, False, False)),
        *((3.3, False, True), (0.0, False, True)),
    ],
)
def test_number_that_should_be_large(
    measured: float, is_met: bool, is_missed_grossly: bool
) -> None:
    target = Target("speed", measured, 10.0, at_least=True)
    assert (target.is_met, target.is_missed_grossly) == (is_met, is_missed_grossly)


@pytest.mark.parametrize(("lost", "is_met"), [(0.0, True), (1.0, False)])
def test_bound_of_nothing_is_met_by_nothing_alone(lost: float, is_met: bool) -> None:
    target = Target("lost", lost, 0.0)
    assert target.is_met is is_met
    assert target.is_missed_grossly is not is_met


def test_gross_names_number_and_bound_of_each_that_is_missed_grossly() -> None:
    found = [Target("a", 31.0, 10.0), Target("b", 29.0, 10.0), Target("c", 1.0, 10.0)]
    assert gross(found) == ["a: 31, and at most 10 was wanted"]
    assert gross([Target("d", 1.0, 5.0, at_least=True)]) == ["d: 1, and at least 5 was wanted"]


def test_number_with_a_unit_is_never_missed_grossly() -> None:
    """It depends on the machine."""
    target = Target("a", 31.0, 10.0, "µs")
    assert not target.is_met
    assert gross([target, Target("d", 1.0, 5000.0, "a second", at_least=True)]) == []


def test_page_gives_each_reason_of_a_miss_once() -> None:
    found = [
        Target("a", 31.0, 10.0, why="Both: because."),
        Target("b", 31.0, 10.0, why="Both: because."),
        Target("c", 1.0, 10.0, why="Met: never."),
        Target("d", 31.0, 10.0),
    ]
    table, *reasons = page.targets(found).split("\n\n")
    assert len(table.splitlines()) == 2 + len(found)
    assert reasons == ["Why some are missed:", "* Both: because."]
    assert page.targets(found[2:]).count("\n\n") == 0
