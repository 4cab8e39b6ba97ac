"""glance-notify replay: notifications of log files are sent again, each once, with their ids."""

import gzip
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import EventType, Notification, Priority
from tests.cli.conftest import Run
from tests.cli.notification_lines import notification
from tests.cli.repaired_journal import RepairedJournal, assert_wrong_use, ids
from tests.delivery.file_broker import AppendingStrategy, FileBroker, running_relay
from tests.journal.processes import eventually, running
from tests.this_thread import here

NOBODY = 65534
NOTHING_LEFT_OUT = "left out: nothing"


@pytest.fixture
def journal(tmp_path: Path) -> RepairedJournal:
    return RepairedJournal(tmp_path)


def log_file(
    journal: RepairedJournal, made: Sequence[Notification], name: str = "notifications.log"
) -> str:
    """A log_file with these notifications."""
    path = journal.folder / name
    data = b"".join(each.to_json() + b"\n" for each in made)
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return str(path)


def test_notifications_are_delivered_to_each_target(journal: RepairedJournal, run: Run) -> None:
    made = [notification(priority=priority) for priority in (*Priority, *Priority)]
    path = log_file(journal, made)
    ended = run("replay", "--paste", journal.paste, path)
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "qpid: notifications that are sent again: 6",
        "rabbit: notifications that are sent again: 6",
        NOTHING_LEFT_OUT,
    ]
    assert ended.err.startswith("no relay runs now: they are sent when")
    for delivered in journal.deliver().values():
        assert sorted(ids(delivered)) == sorted(each.message_id for each in made)
        assert {each.body for each in delivered} == {each.to_json() for each in made}


def test_rotations_of_several_nodes_are_read(journal: RepairedJournal, run: Run) -> None:
    made = [notification(after=n) for n in range(6)]
    paths = [
        log_file(journal, made[:2], "a.log.1.gz"),
        log_file(journal, made[2:4], "a.log"),
        log_file(journal, made[4:], "b.log"),
    ]
    assert run("replay", "--paste", journal.paste, "--target", "rabbit", *paths).status == 0
    delivered = journal.deliver()
    assert ids(delivered["rabbit"]) == [each.message_id for each in made]
    assert not delivered["qpid"]


def test_only_what_is_asked_for_is_sent_and_the_rest_is_counted(
    journal: RepairedJournal, run: Run
) -> None:
    wanted = [
        notification(after=10),
        notification(EventType.MEMBER_CREATE, {}, after=11),
        notification(EventType.MEMBER_DELETE, {}, after=19),
    ]
    others = [
        notification(after=9),
        notification(after=20),
        notification(EventType.UPDATE, {}, after=10),
        wanted[0],
    ]
    path = log_file(journal, [*wanted, *others])
    with Path(path).open("ab") as file:
        file.write(b'{"torn\n{"message_id": 3}\n')
    words = ["--paste", journal.paste, "--since", "2026-11-01 00:00:10"]
    words += ["--until", "2026-11-01 00:00:20", "--type", "image.send", "--type", "Image.Member"]
    dry = run("replay", *words, "--dry-run", path)
    assert journal.aside_files() == []
    ended = run("replay", *words, path)
    assert dry.status == ended.status == 1
    left_out = "left out: of another time 2, of another type 1, repeats 1, damaged lines 2"
    assert ended.out.splitlines() == [
        "qpid: notifications that are sent again: 3",
        "rabbit: notifications that are sent again: 3",
        left_out,
    ]
    assert dry.out.splitlines() == [
        "qpid: notifications that would be sent again: 3",
        "rabbit: notifications that would be sent again: 3",
        left_out,
    ]
    assert f"{path}:8: a damaged line" in ended.err
    assert ids(journal.deliver()["rabbit"]) == [each.message_id for each in wanted]


def test_line_of_a_type_that_the_rules_do_not_know_is_damaged(
    journal: RepairedJournal, run: Run
) -> None:
    """Consumers match types by unanchored patterns: they would bill image.sent."""
    line = notification().to_json().replace(b"image.send", b"image.sent")
    path = journal.folder / "notifications.log"
    path.write_bytes(line + b"\n")
    ended = run("replay", "--paste", journal.paste, str(path))
    assert ended.status == 1
    assert "damaged lines 1" in ended.out
    assert journal.aside_files() == []


def test_replay_waits_for_room_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four times as much as fits is sent by a leader that runs meanwhile."""
    monkeypatch.setattr("glance_notify_middleware.delivery.lane._KEEP_ALIVE", 0.05)
    journal = RepairedJournal(tmp_path, strategy="rabbit", more="journal_max_size = 1MiB\n")
    made = [notification(payload={"image_id": "x" * 8000}) for _ in range(64)]
    path = log_file(journal, made)
    broker = FileBroker(tmp_path / "broker")
    status = tmp_path / "status"
    with running_relay(journal.directory, lambda: AppendingStrategy(broker.path)):
        words = ["replay", "--paste", journal.paste, path]
        with running(run_and_report, words, status) as process:
            process.join(40)
            assert process.exitcode == 0
        eventually(broker.has([each.message_id for each in made]))
    out = status.read_text()
    assert "rabbit: waits until the journal has room for more messages" in out
    assert "rabbit: notifications that are sent again: 64" in out
    assert broker.ids == [each.message_id for each in made]


def run_and_report(words: list[str], path: Path) -> None:
    """Run the command; what it prints goes to a file."""
    from glance_notify_middleware import cli

    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    status = cli.main(words)
    os._exit(status)


def test_without_a_leader_the_wait_is_explained_and_its_end_says_how_many_were_sent(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = RepairedJournal(tmp_path, strategy="rabbit", more="journal_max_size = 1MiB\n")
    path = log_file(journal, [notification(payload={"image_id": "x" * 50_000}) for _ in range(9)])

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", here(interrupt, time.sleep))
    ended = run("replay", "--paste", journal.paste, path)
    assert ended.status == 130
    assert ended.err.splitlines() == [
        "rabbit: waits until the journal has room for more messages",
        "no relay runs now: they are sent when Glance, or glance-notify relay, runs",
    ]
    assert ended.out.splitlines()[0] == "rabbit: notifications that are sent again: 2"


def test_message_that_never_fits_is_left_out(tmp_path: Path, run: Run) -> None:
    journal = RepairedJournal(tmp_path, strategy="rabbit", more="journal_max_size = 1MiB\n")
    large = notification(payload={"image_id": "x" * 200_000})
    made = [notification(), large, notification()]
    ended = run("replay", "--paste", journal.paste, log_file(journal, made))
    assert ended.status == 1
    assert f"rabbit: left out: {large.message_id} takes " in ended.err
    assert "too large 1" in ended.out
    sent = ids(journal.deliver()["rabbit"])
    assert sent == [made[0].message_id, made[2].message_id]


def test_logging_alone_is_an_error(tmp_path: Path, run: Run) -> None:
    journal = RepairedJournal(tmp_path, strategy="logging")
    path = log_file(journal, [notification()])
    for more in ([], ["--dry-run"]):
        ended = run("replay", "--paste", journal.paste, path, *more)
        assert "'logging' sends to no broker, so nothing can be sent again" in ended.one_line(3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "kafka"], "--target kafka: no such target; the targets are: qpid, rabbit"),
        (["--type", "image.sent"], "--type image.sent: no such type; expected the first words of"),
        (["--type", "image.s"], "--type image.s: no such type"),
        (["--since", "soon"], "argument --since: 'soon' is no time"),
        (["--since", "1d", "--until", "2d"], "--since must be before --until"),
        (["missing.log"], "missing.log: there is no such file"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], said: str, journal: RepairedJournal, run: Run
) -> None:
    path = log_file(journal, [notification()])
    assert_wrong_use(run, said, "replay", "--paste", journal.paste, path, *words)
    assert journal.aside_files() == []


def test_root_reads_files_that_the_owner_of_the_journal_cannot_read(
    tmp_path: Path, run: Run
) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can become another user")
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    journal = RepairedJournal(tmp_path)
    os.chown(journal.directory, NOBODY, NOBODY)
    path = log_file(journal, [notification(), notification()])
    Path(path).chmod(0o600)
    ended = run("replay", "--paste", journal.paste, path)
    assert ended.status == 0
    owners = {each.stat().st_uid for each in journal.directory.iterdir()}
    assert owners == {NOBODY}
    assert os.geteuid() == 0
