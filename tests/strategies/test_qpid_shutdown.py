"""A relay that is terminated ends in time, whatever its broker does, and keeps what it has."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journal.fake_leader import journal_file_names, write_dead_process
from tests.journal.processes import eventually
from tests.strategies import amqp10_peer
from tests.strategies.frozen import freeze

PROMISED = 5.0  # seconds
SLACK = 3.0  # seconds, for a busy machine; the strategy itself would wait for ten

RELAY = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"
PASTE_FILE = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = qpid
journal_dir = {journal_dir}
qpid_hosts = 127.0.0.1:{port}
"""


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path


def segments(journal_dir: Path) -> set[str]:
    return {name for name in journal_file_names(journal_dir) if name.endswith(".seg")}


@pytest.mark.parametrize("is_busy", [False, True], ids=["idle", "waiting for outcomes"])
def test_relay_ends_in_time_beside_a_frozen_qpid_broker(
    journal_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_busy: bool
) -> None:
    paste_file = tmp_path / "paste.ini"
    with amqp10_peer.in_a_process() as (port, broker):
        paste_file.write_text(PASTE_FILE.format(journal_dir=journal_dir, port=port))
        write_dead_process(journal_dir, "a" * 16)
        with subprocess.Popen([sys.executable, "-c", RELAY, "relay", str(paste_file)]) as relay:
            try:
                eventually(lambda: not segments(journal_dir), 30)  # it is connected
                freeze(broker)
                if is_busy:
                    write_dead_process(journal_dir, "b" * 16)
                    time.sleep(1.5)  # it looks once a second
                left = segments(journal_dir)
                began = time.monotonic()
                relay.terminate()
                assert relay.wait(30) == 0
                took = time.monotonic() - began
            finally:
                relay.kill()
        broker.send_signal(signal.SIGCONT)
    what = "waits for outcomes" if is_busy else "is idle"
    with capsys.disabled():
        print(f"\nqpid: a relay that {what} beside a frozen broker ends in {took:.2f} s")
    assert took < PROMISED + SLACK
    assert bool(left) is is_busy
    assert segments(journal_dir) == left
