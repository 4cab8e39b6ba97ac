"""glance-notify dead: dead letters are shown, sent again with their ids, and dropped."""

import json
import os
import sys
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside.sending_again import SendingAgain
from glance_notify_middleware.delivery.dead_letters import append
from glance_notify_middleware.events import sequence
from glance_notify_middleware.events.notification import EventType, Message, Priority
from tests.cli.conftest import Run
from tests.cli.notification_lines import IMAGE, new_id, notification
from tests.cli.repaired_journal import RepairedJournal, Terminal, assert_wrong_use, ids, message
from tests.journal.power_cut import PowerCut
from tests.sequences import gaps

UNKNOWN = "6c9b0f2a-5d3e-4c0e-9d2c-4b5f0a1e7d11"


@pytest.fixture
def journal(tmp_path: Path) -> RepairedJournal:
    return RepairedJournal(tmp_path)


def test_list_shows_each_dead_letter(journal: RepairedJournal, run: Run) -> None:
    (sent,) = journal.add_dead("rabbit", notification())
    (deleted,) = journal.add_dead("qpid", notification(EventType.DELETE, IMAGE))
    text = notification(EventType.UPDATE, "update image x: 500", priority=Priority.ERROR)
    created = notification(EventType.CREATE, {"id": IMAGE})
    journal.add_dead("qpid", text, created)
    ended = run("dead", "list", journal.paste, "-f", "json")
    assert (ended.status, ended.err) == (0, "")
    rows = json.loads(ended.out)
    assert [list(row.values())[1:] for row in rows] == [
        ["rabbit", "image.send", "INFO", sent, IMAGE],
        ["qpid", "image.delete", "INFO", deleted, IMAGE],
        ["qpid", "image.update", "ERROR", text.message_id, None],
        ["qpid", "image.create", "INFO", created.message_id, IMAGE],
    ]
    assert list(rows[0]) == ["time", "target", "event type", "priority", "message id", "image"]
    only = run("dead", "list", journal.paste, "--target", "rabbit", "-f", "value", "-c", "image")
    assert only.out == f"{IMAGE}\n"


def test_list_counts_damaged_lines(journal: RepairedJournal, run: Run) -> None:
    journal.add_dead("rabbit", notification())
    (path,) = journal.directory.glob("dead-*")
    with path.open("a") as file:
        file.write('{"torn\n')
    ended = run("dead", "list", journal.paste)
    assert ended.status == 1
    assert ended.err == f"{path}: damaged lines, left as they are: 1\n"


def test_text_of_a_dead_letter_controls_no_terminal(journal: RepairedJournal, run: Run) -> None:
    journal.add_dead("rabbit", notification(payload={"image_id": "\x1b[31mred\x9b"}))
    for words in (["list"], ["list", "-f", "csv"], ["show"]):
        more = [journal.dead()[0][1]] if words == ["show"] else []
        ended = run("dead", *words, journal.paste, *more)
        assert ended.status == 0
        assert ended.out.replace("\n", "").isprintable()


def test_show_prints_the_notification(journal: RepairedJournal, run: Run) -> None:
    made = notification()
    journal.add_dead("rabbit", made)
    ended = run("dead", "show", journal.paste, made.message_id)
    assert ended.status == 0
    assert json.loads(ended.out) == json.loads(made.to_json())
    assert ended.out.splitlines()[1] == f'  "message_id": "{made.message_id}",'


def test_show_of_no_dead_letter_is_an_error(journal: RepairedJournal, run: Run) -> None:
    ended = run("dead", "show", journal.paste, UNKNOWN)
    assert ended.status == 3
    assert ended.err == f"glance-notify: there is no dead letter {UNKNOWN}\n"


def test_paste_file_before_ids_can_be_left_out(
    journal: RepairedJournal, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = notification()
    journal.add_dead("rabbit", made)
    monkeypatch.setattr(
        "glance_notify_middleware.cli.paste_file.CONF", journal.folder / "glance-api.conf"
    )
    Path(journal.paste).rename(journal.folder / "glance-api-paste.ini")
    for words in (["show"], ["drop", "--yes"]):
        assert run("dead", *words, made.message_id).status == 0
    assert journal.dead() == []


def test_retried_letters_are_delivered_with_their_ids(journal: RepairedJournal, run: Run) -> None:
    warning = notification(priority=Priority.WARN, payload="refused \x7f é")
    to_rabbit = journal.add_dead("rabbit", notification(), warning)
    to_qpid = journal.add_dead("qpid", notification())
    ended = run("dead", "retry", journal.paste, "--all")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "qpid: dead letters that are sent again: 1",
        "rabbit: dead letters that are sent again: 2",
    ]
    assert ended.err == (
        "no relay runs now: they are sent when Glance, or glance-notify relay, runs\n"
    )
    assert journal.dead() == []
    delivered = journal.deliver()
    assert sorted(ids(delivered["rabbit"])) == sorted(to_rabbit)
    assert ids(delivered["qpid"]) == to_qpid
    bodies = {each.message_id: each.body for each in delivered["rabbit"]}
    assert bodies[warning.message_id] == warning.to_json()


def test_retry_of_an_id_leaves_the_others(journal: RepairedJournal, run: Run) -> None:
    added = journal.add_dead("rabbit", *(notification() for _ in range(3)))
    ended = run("dead", "retry", journal.paste, added[1], "--target", "rabbit", UNKNOWN)
    assert ended.status == 1
    assert f"there is no dead letter {UNKNOWN}" in ended.err
    assert journal.dead() == [("rabbit", added[0]), ("rabbit", added[2])]
    assert ids(journal.deliver()["rabbit"]) == [added[1]]


def test_retry_of_one_target_leaves_the_other(journal: RepairedJournal, run: Run) -> None:
    made = notification()
    journal.add_dead("rabbit", made)
    journal.add_dead("qpid", made)
    assert run("dead", "retry", journal.paste, made.message_id, "--target", "qpid").status == 0
    assert journal.dead() == [("rabbit", made.message_id)]
    delivered = journal.deliver()
    assert ids(delivered["qpid"]) == [made.message_id]
    assert not delivered["rabbit"]


def test_letter_that_stands_twice_is_sent_once(journal: RepairedJournal, run: Run) -> None:
    made = notification()
    journal.add_dead("rabbit", made, made)
    assert "again: 1" in run("dead", "retry", journal.paste, "--all").out
    assert journal.dead() == []
    assert ids(journal.deliver()["rabbit"]) == [made.message_id]


def test_letter_is_in_the_journal_on_the_disk_before_it_is_removed(
    journal: RepairedJournal, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = journal.add_dead("rabbit", notification(), notification(priority=Priority.WARN))
    power = PowerCut(journal.directory, monkeypatch)
    looks: list[bytes] = []
    pwrite = os.pwrite

    def look(fd: int, data: bytes, offset: int) -> int:
        looks.append(b"".join(power.left().values()))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", look)
    run("dead", "retry", journal.paste, "--all")
    assert len(looks) == 2
    assert all(each.encode() in left for each in added for left in looks)


def test_retry_without_room_is_an_error_and_removes_nothing_more(tmp_path: Path, run: Run) -> None:
    journal = RepairedJournal(tmp_path, more="journal_max_size = 1MiB\n")
    large = {"image_id": "x" * 20_000}
    added = journal.add_dead("rabbit", *(notification(payload=large) for _ in range(5)))
    ended = run("dead", "retry", journal.paste, "--all")
    assert ended.status == 3
    assert ended.err == (
        "glance-notify: rabbit: the journal has no room for more messages; sent again before: 3; "
        "try again when these are delivered\n"
    )
    assert [message_id for _, message_id in journal.dead()] == added[3:]
    delivered = ids(journal.deliver()["rabbit"])
    assert run("dead", "retry", journal.paste, "--all").status == 0
    assert delivered + ids(journal.deliver()["rabbit"]) == added


def test_letter_that_never_fits_is_an_error_with_the_way_out(tmp_path: Path, run: Run) -> None:
    journal = RepairedJournal(tmp_path, more="journal_max_size = 1MiB\n")
    (added,) = journal.add_dead("rabbit", notification(payload={"image_id": "x" * 80_000}))
    ended = run("dead", "retry", journal.paste, "--all")
    assert ended.status == 3
    assert f"rabbit: {added} takes " in ended.err
    assert "a larger journal_max_size makes room" in ended.err
    assert journal.dead() == [("rabbit", added)]


def test_letter_of_a_target_that_is_not_configured_stays(tmp_path: Path, run: Run) -> None:
    journal = RepairedJournal(tmp_path, strategy="rabbit")
    journal.add_dead("qpid", notification())
    ended = run("dead", "retry", journal.paste, "--all")
    assert ended.status == 1
    assert ended.err == "qpid is no target any more; its dead letters stay: 1\n"
    assert len(journal.dead()) == 1
    assert run("dead", "drop", journal.paste, "--all", "--target", "qpid", "--yes").status == 0
    assert journal.dead() == []


def test_letter_that_is_no_notification_stays(journal: RepairedJournal, run: Run) -> None:
    odd = notification()._replace(message_id="x")
    (path,) = (journal.directory / name for name in ["dead-2026-11.jsonl"])
    line = {"time": "t", "strategy": "rabbit", "notification": odd.as_dict()}
    path.write_text(json.dumps(line) + "\n")
    ended = run("dead", "retry", journal.paste, "--all")
    assert ended.status == 1
    assert ended.err == (
        f"a dead letter in {path} stays, as it cannot be sent: its message_id is no UUID\n"
    )
    assert len(journal.dead()) == 1


def test_list_of_nothing_says_so_beside_the_table(journal: RepairedJournal, run: Run) -> None:
    assert run("dead", "list", journal.paste) == (0, "", "there is no dead letter\n")


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_no_dead_letter_is_no_error(command: str, journal: RepairedJournal, run: Run) -> None:
    more = ["--yes"] if command == "drop" else []
    ended = run("dead", command, journal.paste, "--all", *more)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("there is no dead letter to ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["retry", UNKNOWN, "--all"], "name the ids of dead letters, or say --all"),
        (["retry"], "name the ids of dead letters, or say --all"),
        (["drop", "--yes"], "name the ids of dead letters, or say --all"),
        (["retry", "--all", "--target", "kafka"], "no such target; the targets are: qpid, rabbit"),
        (["list", "--target", "kafka"], "--target kafka: no such target"),
        (["show", "8adb451d"], "'8adb451d' is no message_id; expected one that dead list shows"),
        (["drop", "--all"], "standard input is no terminal, so nobody can be asked; say --yes"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], said: str, journal: RepairedJournal, run: Run
) -> None:
    journal.add_dead("rabbit", notification())
    assert_wrong_use(run, said, "dead", words[0], journal.paste, *words[1:])
    assert len(journal.dead()) == 1


def test_dropped_letters_are_gone(journal: RepairedJournal, run: Run) -> None:
    added = journal.add_dead("rabbit", *(notification() for _ in range(3)))
    ended = run("dead", "drop", journal.paste, added[0], added[2], "--yes")
    assert (ended.status, ended.out) == (0, "dead letters that are dropped: 2\n")
    assert journal.dead() == [("rabbit", added[1])]
    assert journal.aside_files() == []


@pytest.mark.parametrize(
    ("answer", "drops"),
    [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False), ("", False)],
)
def test_drop_asks_at_a_terminal(
    answer: str,
    drops: bool,
    journal: RepairedJournal,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal.add_dead("rabbit", notification(), notification())
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ended = run("dead", "drop", journal.paste, "--all")
    assert ended.err.startswith("Drop 2 dead letters (2 of rabbit)? This cannot be undone. [y/N] ")
    assert ended.status == (0 if drops else 1)
    assert bool(journal.dead()) != drops


def test_logging_alone_keeps_no_message(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "paste.ini"
    factory = "paste.filter_factory = glance_notify_middleware:filter_factory"
    missing = f"journal_dir = {tmp_path}/missing"
    path.write_text(f"[filter:notify]\n{factory}\nnotifier_strategy = logging\n{missing}\n")
    ended = run("dead", "list", str(path))
    assert (ended.status, ended.out) == (3, "")
    assert "there is no journal: notifier_strategy = logging sends to no broker" in ended.err


def test_missing_journal_dir_is_an_error(journal: RepairedJournal, run: Run) -> None:
    journal.directory.rmdir()
    ended = run("dead", "list", journal.paste)
    assert "option journal_dir" in ended.one_line(3)
    assert not journal.directory.exists()


def test_ids_of_other_letters_are_untouched_while_many_are_retried(
    journal: RepairedJournal, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letters go in several batches, while the leader appends more."""
    monkeypatch.setattr("glance_notify_middleware.cli.repair.journal._BATCH", 10)
    added = journal.add_dead("rabbit", *(notification() for _ in range(35)))
    sync = SendingAgain.sync
    late: list[str] = []

    def append_more(sending: SendingAgain) -> None:
        sync(sending)
        if len(late) < 2:
            late.extend(journal.add_dead("rabbit", notification(message_id=new_id())))

    monkeypatch.setattr(SendingAgain, "sync", append_more)
    assert run("dead", "retry", journal.paste, "--all").status == 0
    left = [message_id for _, message_id in journal.dead()]
    sent = ids(journal.deliver()["rabbit"])
    assert len(late) == 2
    assert sorted(sent + left) == sorted(added + late)
    assert sent[:35] == added


def with_place(each: Message, number: int, after: int | None) -> Message:
    return each._replace(body=sequence.put_into(each.body, "a" * 16, number, after))


def test_letters_of_one_id_with_two_places_are_both_sent(tmp_path: Path, run: Run) -> None:
    """An outcome that is not known can be recorded twice. And what was replayed from a log has no
    place: where it is rejected, too, the letter with the place is sent as well."""
    journal = RepairedJournal(tmp_path, strategy="rabbit")
    unknown, replayed, last = (message(notification()) for _ in range(3))
    for letter in (
        with_place(unknown, 0, None),
        with_place(unknown, 1, 0),
        with_place(replayed, 2, 1),
        replayed,
        with_place(replayed, 2, 1),  # a command was killed before it removed the first one
    ):
        append(journal.directory, "rabbit", letter)
    ended = run("dead", "retry", journal.paste, "--all")
    assert ended.out.startswith("rabbit: dead letters that are sent again: 4\n")
    assert journal.dead() == []
    sent = [json.loads(each.body) for each in journal.deliver()["rabbit"]]
    assert gaps([*sent, json.loads(with_place(last, 3, 2).body)]) == []
