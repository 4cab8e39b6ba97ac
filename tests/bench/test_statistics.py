"""What the benchmark says of measured times."""

import pytest

from bench.statistics import added, bounds, percentile

BARE = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [100.0, 100.0]]
WRAPPED = [[5.0, 7.0], [8.0, 6.0], [9.0, 5.0], [0.0, 2.0]]


def test_added_cost_is_the_median_difference_of_the_blocks_of_a_pair() -> None:
    # 5, 5, 4, and -99 of a bare block that was disturbed
    assert added(BARE, WRAPPED).median == pytest.approx(4.5)


def test_best_is_the_difference_of_the_fastest_blocks() -> None:
    assert added(BARE[:3], WRAPPED[:3]).best == pytest.approx(6.0 - 1.0)


def test_spread_is_the_distance_of_the_quartiles() -> None:
    flat = [[0.0]] * 5
    assert added(flat, [[1.0], [2.0], [3.0], [4.0], [50.0]]).spread == pytest.approx(2.0)


def test_p99_is_the_difference_over_all_requests() -> None:
    bare, wrapped = [[1.0] * 100, [1.0] * 100], [[2.0] * 100, [2.0] * 97 + [30.0] * 3]
    assert added(bare, wrapped).p99 == pytest.approx(29.0)
    assert added(bare, wrapped).requests == 200


@pytest.mark.parametrize(
    ("part", "value"), [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_percentile_is_one_of_the_values(part: float, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], part) == value


def test_bounds_hold_the_mean_and_narrow_with_more_values() -> None:
    low, high = bounds([1.0, 2.0, 3.0])
    assert (low + high) / 2 == pytest.approx(2.0)
    assert high - low == pytest.approx(2 * 1.96 / 3**0.5)
    narrow_low, narrow_high = bounds([1.0, 2.0, 3.0] * 10)
    assert low < narrow_low < narrow_high < high
