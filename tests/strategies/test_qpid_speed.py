"""How fast the qpid strategy is, and what memory it takes: printed; asserted in `make faults`."""

import json
import os
import subprocess
import sys

import pytest

IS_LONG = os.environ.get("FAULTS") == "1"


def test_it_is_as_fast_as_it_must_be_and_memory_does_not_grow(
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = (20_000, 50_000, 1_000) if IS_LONG else (2_000, 5_000, 100)
    command = [sys.executable, "-m", "tests.strategies.qpid_speed", *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert not done.returncode, done.stderr
    told = json.loads(done.stdout)
    relay, bare = told["speeds"]["relay"], told["speeds"]["bare"]
    sends, connects = told["growths"]["sends"], told["growths"]["connects"]
    with capsys.disabled():
        print(
            f"\nqpid, {numbers[0]} messages: {relay:.0f}/s through journal and relay, "
            f"{bare:.0f}/s by a bare loop ({relay / bare:.0%}); private memory: {sends:+.1f} MiB "
            f"over {numbers[1]} sends, {connects:+.1f} MiB over {numbers[2]} connects"
        )
    assert sends < 5
    assert connects < 5
    if IS_LONG:
        assert relay >= 3000
        assert relay >= 0.6 * bare
