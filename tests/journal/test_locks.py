"""The lock of a live file shows whether its process lives."""

import os
from pathlib import Path

from glance_notify_middleware.journal import layout, locks
from tests.journal.processes import living_writer


def test_live_file_can_be_locked_when_its_process_has_died(tmp_path: Path) -> None:
    with living_writer(tmp_path) as writer:
        live = layout.live_path(tmp_path, writer.identity)
        assert locks.open_locked(live) is None
        writer.kill()
        fd = locks.open_locked(live)
        assert fd is not None
        os.close(fd)
    live.unlink()
    assert locks.open_locked(live) is None
