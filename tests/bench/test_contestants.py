"""The contestants that are code of the benchmark."""

from pathlib import Path

import pytest

from bench.contestants import CONTESTANTS, EXTERNAL, FLOOR, Place
from bench.stand_in import REQUESTS, play, stand_in


@pytest.mark.parametrize(("request_name", "events"), [("create", 1), ("list", 0), ("show", 0)])
def test_floor_writes_as_many_bytes_as_the_filter(
    request_name: str, events: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The journal has the time of an intent as digits, which are not always as many.
    monkeypatch.setattr("glance_notify_middleware.wsgi.emitting.time.time", lambda: 1795000000.5)
    (tmp_path / "filter").mkdir()
    filtered = CONTESTANTS[EXTERNAL](Place(tmp_path / "filter"))(stand_in())
    floor = CONTESTANTS[FLOOR](Place(tmp_path))(stand_in())
    play(filtered, REQUESTS["create"]())
    (segment,) = (tmp_path / "filter" / "journal").glob("*.seg")
    before = segment.stat().st_size
    for app in (filtered, floor):
        play(app, REQUESTS[request_name]())
    written = (tmp_path / "floor").stat().st_size
    assert written == segment.stat().st_size - before
    assert bool(written) == bool(events)
