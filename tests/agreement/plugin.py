"""A plugin of pytest, for the packages whose tests compare: they all write to one page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agreement.page import DELETE_PAYLOADS, Agreement
from tests.long_runs import LONG

_PAGE = Path(__file__).parents[2] / "docs" / "measured" / "agreement.md"


@pytest.fixture(scope="session")
def agreement() -> Iterator[Agreement]:
    """What is found in this run. With LONG=1 it is written, unless only a part was run."""
    agreement = Agreement()
    yield agreement
    is_whole = agreement.followed and all(each in agreement.findings for each in DELETE_PAYLOADS)
    if LONG and is_whole:
        _PAGE.write_text(agreement.page())
