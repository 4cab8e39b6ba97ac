"""The filter's work at the end of a process comes after Glance has ended its background work."""

import subprocess
import sys

PROGRAM = """
import atexit
import glance.common.wsgi_app  # its init_app begins with what follows
atexit.register(print, "Glance has ended its imports")
from glance_notify_middleware.runtime.shutdown import at_process_end
at_process_end(lambda: print("the relay stops"))
at_process_end(lambda: print("the last look"))
"""


def test_work_at_the_end_is_done_after_that_of_glance_and_the_latest_first() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "Glance has ended its imports",
        "the last look",
        "the relay stops",
    ]
    assert done.stderr == ""
