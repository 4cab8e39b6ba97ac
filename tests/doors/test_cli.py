"""The command glance-notify relay: its errors, and a relay in a process of its own."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.ports import free_port
from glance_notify_middleware import cli
from glance_notify_middleware.cli import journal_owner
from glance_notify_middleware.cli.command import ERRORS, WRONG_USE
from glance_notify_middleware.events.intent import Intent, encode
from glance_notify_middleware.events.notification import EventType
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import listing
from glance_notify_middleware.journal.writer import Journal
from tests.journal.fake_leader import write_dead_process
from tests.journal.processes import eventually

NOBODY = 65534
PASTE_FILE = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = {strategy}
journal_dir = {journal_dir}
rabbit_host = 127.0.0.1
rabbit_port = {port}
{more}
"""


def paste_file(directory: Path, *, strategy: str = "rabbit", more: str = "") -> Path:
    path = directory / "api-paste.ini"
    journal_dir = directory / "journal"
    path.write_text(
        PASTE_FILE.format(strategy=strategy, journal_dir=journal_dir, port=free_port(), more=more)
    )
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = ERRORS) -> str:
    """The one line that the command prints when it ends with this status."""
    assert cli.main(["relay", *arguments]) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line


def test_missing_paste_file_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing.ini"
    assert refused(capsys, str(path), status=WRONG_USE) == (
        f"glance-notify: {path} is no file; expected the paste file of Glance"
    )


def test_missing_section_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = paste_file(tmp_path)
    assert refused(capsys, str(path), "--filter", "tell", status=WRONG_USE) == (
        f"glance-notify: {path} has no section [filter:tell]; say --filter NAME for another name"
    )


@pytest.mark.parametrize("strategy", ["noop", "logging"])
def test_strategy_that_needs_no_relay_is_a_one_line_error(
    strategy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = paste_file(tmp_path, strategy=strategy)
    assert refused(capsys, str(path)) == (
        f"glance-notify: option notifier_strategy of the notify filter: '{strategy}' has nothing "
        "to relay; expected rabbit, qpid, webhook, or another that sends to a broker"
    )


def test_wrong_option_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = paste_file(tmp_path, more="rabbit_retry_backof = 3")
    assert "rabbit_retry_backof" in refused(capsys, str(path))


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("rabbit_password = pa%55word", "option rabbit_password of [filter:notify] has a %"),
        ("rabbit_password pa55word", "line 8; expected"),
        ("rabbit_userid = a\nrabbit_userid = pa55word", "line 9; expected"),
    ],
)
def test_line_that_paste_cannot_read_is_a_one_line_error_without_its_text(
    line: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = paste_file(tmp_path, more=line)
    printed = refused(capsys, str(path))
    assert printed.startswith(f"glance-notify: {path} is no paste file: {place}")
    assert "55word" not in printed


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert not ended.value.code
    assert "relay" in capsys.readouterr().out


def test_missing_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "command" in capsys.readouterr().err


PROGRAM = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"


@contextmanager
def relay(
    path: Path, *arguments: str, program: str = PROGRAM, groups: Sequence[int] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Runs the command; `groups` are the supplementary groups with which it is started."""
    with subprocess.Popen(
        [sys.executable, "-c", program, "relay", str(path), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        extra_groups=groups,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("has_backlog", [False, True])
def test_relay_runs_until_it_is_terminated(has_backlog: bool, tmp_path: Path) -> None:
    path = paste_file(tmp_path)
    journal_dir = tmp_path / "journal"
    journal_dir.mkdir()
    if has_backlog:
        write_dead_process(journal_dir, "a" * 16)
    with relay(path) as process:
        eventually(lambda: _link(journal_dir) == "out of reach")
        assert process.poll() is None
        before = time.monotonic()
        process.terminate()
        _, log = process.communicate(timeout=30)
        assert time.monotonic() - before < 10.0
    assert process.returncode == 0
    assert f"this process relays the notifications of {journal_dir}" in log
    assert "rabbit is out of reach" in log  # it connects before there is a message
    assert (journal_dir / f"{'a' * 16}.0.seg").exists() == has_backlog


def test_relay_of_root_becomes_the_owner_of_the_journal(tmp_path: Path) -> None:
    path = paste_file_of_nobody(tmp_path)
    journal_dir = tmp_path / "journal"
    write_dead_process(journal_dir, "a" * 16)
    for each in journal_dir.iterdir():
        os.chown(each, NOBODY, NOBODY)
    with relay(path) as process:
        eventually((journal_dir / "relay.lock").exists)
        owners = Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}" in owners
    assert f"Gid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}" in owners
    assert {each.stat().st_uid for each in journal_dir.iterdir()} == {NOBODY}
    assert {each.stat().st_gid for each in journal_dir.iterdir()} == {NOBODY}
    assert (journal_dir / "destinations.json").exists()
    for code in (logging.__file__, journal_owner.__file__):
        assert (f"cannot read {code}" in log) != _may_read(Path(code), NOBODY)


def _may_read(path: Path, user: int) -> bool:
    script = 'test -r "$1"'
    return subprocess.run(["sh", "-c", script, "-", path], user=user, check=False).returncode == 0


def paste_file_of_nobody(tmp_path: Path) -> Path:
    """A paste file with a journal_dir that NOBODY owns, whom the relay of root must become."""
    if os.geteuid() != 0:
        pytest.fail("only root can become another user")
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    journal_dir = tmp_path / "journal"
    journal_dir.mkdir(mode=0o700)
    os.chown(journal_dir, NOBODY, NOBODY)
    return paste_file(tmp_path)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # The groups of the owner, as /etc/group has them.
        ("os.getgrouplist = lambda name, group: [4242, 4243] * (name == 'nobody')", {4242, 4243}),
        # A user without a name, as in a container.
        ("pwd.getpwuid = {}.__getitem__", set()),
    ],
)
def test_relay_of_root_has_the_groups_of_the_owner_and_none_of_root(
    found: str, expected: set[int], tmp_path: Path
) -> None:
    program = f"import os, pwd\n{found}\n{PROGRAM}"
    path = paste_file_of_nobody(tmp_path)
    with relay(path, program=program, groups=[0, 4, 4244]) as process:
        eventually((tmp_path / "journal" / "relay.lock").exists)
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
        process.communicate(timeout=30)
    (groups,) = (line.split()[1:] for line in status.splitlines() if line.startswith("Groups:"))
    assert set(map(int, groups)) == expected


def test_relay_of_root_makes_no_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not know who the owner should be."""
    path = paste_file(tmp_path)
    with relay(path) as process:
        _, log = process.communicate(timeout=30)
        assert process.returncode == ERRORS
    assert str(tmp_path / "journal") in log
    assert not (tmp_path / "journal").exists()


def test_relay_records_unknown_outcomes_in_a_journal_of_its_own(tmp_path: Path) -> None:
    path = paste_file(tmp_path)
    journal_dir = tmp_path / "journal"
    journal_dir.mkdir()
    dead = Journal(journal_dir, max_size=2**20)
    dead.begin(bytes(16), encode(Intent(bytes(16), 1.0, "glance-1", EventType.CREATE, *["x"] * 6)))
    dead.close()
    with relay(path) as process:
        eventually(lambda: b"the outcome is unknown" in _segments(journal_dir))
        eventually(lambda: dead.identity not in listing(journal_dir).live_files)
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert f"{dead.identity} has died in the middle of 1 operations" in log


def _link(directory: Path) -> str:
    """The link to the target rabbit, as the leader has written it; empty where it has not."""
    content = checksummed.load(directory / "state.json") or {}
    return str(content["targets"]["rabbit"]["link"]) if content else ""


def _segments(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.glob("*.seg"))
