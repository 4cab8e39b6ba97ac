"""The memory that the qpid strategy takes. (`make bench` measures how fast it is.)"""

import json
import subprocess
import sys

PROGRAM = "import json; from bench import qpid; print(json.dumps(qpid.growths(5_000, 100)))"


def test_memory_grows_neither_with_messages_nor_with_connections() -> None:
    """Measured in a process of its own, where nothing else takes memory."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False
    )
    assert not done.returncode, done.stderr
    sends, connects = json.loads(done.stdout)
    assert sends < 5
    assert connects < 5
