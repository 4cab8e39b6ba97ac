"""Commands in processes of their own: as root at another user's journal, and in a relay."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from demo.ports import free_port
from glance_notify_middleware import cli
from glance_notify_middleware.cli import paste_file as paste_files
from glance_notify_middleware.events.intent import Intent, encode
from glance_notify_middleware.events.notification import EventType
from glance_notify_middleware.journal.writer import Journal
from tests.cli.node_states import paste_file
from tests.delivery.state_reading import read_node_state
from tests.journal.fake_leader import write_dead_process
from tests.journal.processes import eventually

NOBODY = 65534
PROGRAM = f"import sys; from {cli.__name__} import main; sys.exit(main())"


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *words]


def test_root_reads_the_journal_of_another_user_and_writes_as_root(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can become another user")
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    path = paste_file(tmp_path, more=f"journal_dir = {tmp_path / 'journal'}\nrabbit_port = 1")
    journal = tmp_path / "journal"
    write_dead_process(journal, "a" * 16)
    for each in (journal, *journal.iterdir()):
        os.chown(each, NOBODY, NOBODY)
    before = {each: each.stat() for each in journal.iterdir()}
    private = tmp_path / "private"
    private.mkdir(mode=0o700)

    done = subprocess.run(command("status", path), capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 1  # no leader runs
    output = str(private / "x.prom")
    subprocess.run(command("metrics", path, "--output", output), check=True)
    assert "glance_notify_pending" in Path(output).read_text()
    assert Path(output).stat().st_uid == 0
    after = {each: each.stat() for each in journal.iterdir()}
    assert after.keys() == before.keys()
    for each, found in after.items():
        assert (found.st_uid, found.st_mtime_ns) == (NOBODY, before[each].st_mtime_ns)


@contextmanager
def relaying(path: str, port: int) -> Iterator[subprocess.Popen[str]]:
    words = command("relay", path, "--metrics-listen", f"127.0.0.1:{port}")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as relay:
        try:
            yield relay
        except BaseException:
            relay.kill()
            print(relay.communicate()[1])  # why, for the report of a test that fails
            raise
        finally:
            relay.kill()


def metrics_of(port: int) -> str:
    """What the relay serves; empty: nothing yet."""
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/") as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_relay_that_serves_its_metrics_keeps_its_own_locks(tmp_path: Path) -> None:
    """It has recorded an unknown outcome itself, so its own live file is among those that it reads:
    to close a descriptor of that file would drop its lock."""
    path = paste_file(tmp_path, more=f"journal_dir = {tmp_path / 'journal'}\nrabbit_port = 1")
    dead = Journal(tmp_path / "journal", max_size=2**20)
    dead.begin(bytes(16), encode(Intent(bytes(16), 1.0, "glance-1", EventType.CREATE, *["x"] * 6)))
    dead.close()
    settings = paste_files.settings_of(Path(path), None)
    port = free_port()
    with relaying(path, port) as relay:
        eventually(lambda: "glance_notify_outcome_unknown_total 1.0" in metrics_of(port))
        for _ in range(5):
            found = metrics_of(port)
            state = read_node_state(settings)
            assert state.is_led
            assert state.processes == 1
            assert 'glance_notify_pending{target="rabbit"} 1.0' in found
            assert "glance_notify_leader 1.0" in found
        begun = time.monotonic()
        relay.send_signal(signal.SIGTERM)
        relay.communicate(timeout=30)
        assert relay.returncode == 0
        assert time.monotonic() - begun < 10.0
