"""Who lives: the lock of a live file."""

import os
from pathlib import Path

from glance_notify_middleware.journal import layout, locks
from tests.journal.processes import living_writer


def test_who_lives_cannot_be_seized_and_who_has_died_can(tmp_path: Path) -> None:
    with living_writer(tmp_path) as writer:
        live = layout.live_path(tmp_path, writer.identity)
        assert locks.open_locked(live) is None
        writer.kill()
        fd = locks.open_locked(live)
        assert fd is not None
        os.close(fd)
    live.unlink()
    assert locks.open_locked(live) is None
