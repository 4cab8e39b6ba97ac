"""What memory the qpid strategy takes; how fast it is, `make bench` tells."""

import json
import subprocess
import sys

PROGRAM = "import json; from bench import qpid; print(json.dumps(qpid.growths(5_000, 100)))"


def test_memory_grows_neither_with_what_is_sent_nor_with_connections() -> None:
    """In a process of its own, in which nothing else takes any."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False
    )
    assert not done.returncode, done.stderr
    sends, connects = json.loads(done.stdout)
    assert sends < 5
    assert connects < 5
