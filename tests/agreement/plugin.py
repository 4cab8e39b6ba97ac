"""A plugin of pytest for the folders that compare both notifiers: they all fill one page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agreement.page import DELETE_PAYLOADS, Agreement
from tests.long_runs import LONG

_PAGE = Path(__file__).parents[2] / "docs" / "measured" / "agreement.md"


@pytest.fixture(scope="session")
def agreement() -> Iterator[Agreement]:
    """What this run finds. `make long` writes the page, unless only a part of the tests was run."""
    agreement = Agreement()
    yield agreement
    is_whole = agreement.background and all(
        delete_payload in agreement.findings for delete_payload in DELETE_PAYLOADS
    )
    if LONG and is_whole:
        _PAGE.write_text(agreement.page())
