"""who and usage, over a month of three nodes: to the byte what the month sums up to."""

import pytest

from glance_notify_middleware.cli.command import WARNINGS
from tests.cli.conftest import Run
from tests.cli.played_month import Month, check_usage, check_who, play

LINES = 10_000


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    played = play(tmp_path_factory.mktemp("month"), LINES)
    assert min(played.lines, played.damaged, played.repeats, played.others, len(played.rows)) > 20
    return played


@pytest.mark.parametrize("by", [None, "receiver", "owner", "image", "day"])
def test_usage_is_what_the_month_sums_up_to(by: str | None, run: Run, month: Month) -> None:
    ended = run("usage", *(["--by", by] if by else []), *month.files, "-f", "json")
    assert ended.status == WARNINGS
    check_usage(ended.out, month, by)
    assert ended.err.splitlines()[-1] == f"{month.damaged} damaged lines in all"


def test_who_has_all_that_happened_to_an_image(run: Run, month: Month) -> None:
    ended = run("who", month.image, *month.files, "-f", "json")
    assert ended.status == WARNINGS
    check_who(ended.out, month)
