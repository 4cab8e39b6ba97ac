"""The fixtures of the tests of wsgi."""

import pytest

from tests.wsgi.following_stage import Stage


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)
