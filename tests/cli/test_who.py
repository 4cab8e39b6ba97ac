"""glance-notify who: what happened to an image, and who did it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.cli.audit.who import ACTIONS
from glance_notify_middleware.cli.command import ERRORS, RIGHT, WARNINGS, WRONG_USE
from glance_notify_middleware.events.failure import TRIED
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from tests.cli.conftest import Run
from tests.cli.notification_lines import IMAGE, RECEIVER, USER, line, new_id, notification, sent

OTHER_IMAGE = "00000000-0000-0000-0000-00000000000f"
METADATA = {"id": IMAGE, "owner": RECEIVER, "size": 7, "name": "debian"}
MEMBER = {"image_id": IMAGE, "member_id": "friend", "status": "pending"}


def written(path: Path, *lines: bytes | Notification) -> str:
    path.parent.mkdir(exist_ok=True)
    encoded = (each if isinstance(each, bytes) else each.to_json() for each in lines)
    path.write_bytes(b"".join(each + b"\n" for each in encoded))
    return str(path)


def rows(run: Run, *words: str, status: int = RIGHT) -> list[dict[str, Any]]:
    ended = run("who", *words, "-f", "json")
    assert ended.status == status, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def story(path: Path) -> str:
    """The file of an image that is made, sent, shared and deleted."""
    return written(
        path,
        notification(EventType.DELETE, IMAGE, after=9),
        notification(EventType.CREATE, METADATA, after=1),
        notification(EventType.PREPARE, METADATA, after=2),
        notification(EventType.UPLOAD, METADATA, after=3),
        notification(EventType.ACTIVATE, METADATA, after=4),
        notification(EventType.SEND, sent(10), priority=Priority.ERROR, after=5),
        notification(EventType.UPDATE, f"update image {IMAGE}: 409", priority=Priority.WARN),
        notification(EventType.MEMBER_CREATE, MEMBER, after=6),
        notification(EventType.MEMBER_UPDATE, MEMBER, after=7),
        notification(EventType.MEMBER_DELETE, MEMBER, after=8),
        notification(EventType.SEND, sent(10, image_id=OTHER_IMAGE)),
    )


def test_row_has_when_what_who_from_where_and_how_it_ended(run: Run, tmp_path: Path) -> None:
    made = notification(after=3.25)
    (row,) = rows(run, IMAGE, "--long", written(tmp_path / "log", made))
    assert row == {
        "when": "2026-11-01 00:00:03.250000",
        "action": "download",
        "ended": "done",
        "user": USER,
        "project": RECEIVER,
        "from": "192.0.2.7",
        "bytes": 1000,
        "request id": "req-1",
        "publisher": "glance-1",
        "detail": None,
        "message id": made.message_id,
    }


@pytest.mark.parametrize(
    ("word", "actions"),
    [
        ("downloaded", ["download"]),
        ("changed", ["update", "create", "begin upload", "upload", "activate"]),
        ("deleted", ["delete"]),
        ("shared", ["share", "change sharing", "end sharing"]),
    ],
)
def test_word_chooses_actions_which_are_in_the_order_of_time(
    word: str, actions: Sequence[str], run: Run, tmp_path: Path
) -> None:
    path = story(tmp_path / "log")
    assert [row["action"] for row in rows(run, word, IMAGE, path)] == actions


def test_without_a_word_all_actions_are_shown(run: Run, tmp_path: Path) -> None:
    path = story(tmp_path / "log")
    everything = rows(run, IMAGE, path)
    assert len(everything) == 10
    assert everything == rows(run, IMAGE, path, path)
    assert [row["bytes"] for row in everything] == [None] * 3 + [7, None, 10] + [None] * 4


def test_every_type_of_event_has_an_action() -> None:
    assert {each for actions in ACTIONS.values() for each in actions} == set(EventType)


UNKNOWN = f"update image {IMAGE}: the outcome is unknown: the process that served it died"


@pytest.mark.parametrize(
    ("event_type", "priority", "payload", "ended"),
    [
        (EventType.SEND, Priority.INFO, sent(1), "done"),
        (EventType.SEND, Priority.WARN, sent(0), "refused"),
        (EventType.SEND, Priority.ERROR, sent(1), "cut"),
        (EventType.UPDATE, Priority.WARN, f"update image {IMAGE}: 403 Forbidden", "refused"),
        (EventType.UPDATE, Priority.ERROR, f"update image {IMAGE}: 500 Oh", "failed"),
        (EventType.UPDATE, Priority.ERROR, UNKNOWN, "unknown"),
    ],
)
def test_row_has_how_it_ended(
    event_type: EventType,
    priority: Priority,
    payload: Any,
    ended: str,
    run: Run,
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "log", notification(event_type, payload, priority=priority))
    (row,) = rows(run, IMAGE, path, "--long")
    assert row["ended"] == ended
    assert row["detail"] == (payload if isinstance(payload, str) else None)


@pytest.mark.parametrize("tried", sorted(set(TRIED.values())))
def test_refused_operation_is_about_the_image_that_its_text_names(
    tried: str, run: Run, tmp_path: Path
) -> None:
    texts = [
        f"{tried} {IMAGE}: 409 Conflict",
        f"{tried} {OTHER_IMAGE}: 409 Conflict: not {IMAGE}: sorry",
        f"{tried}: 409 Conflict",
    ]
    lines = [line(EventType.UPDATE, text, priority=Priority.WARN) for text in texts]
    (row,) = rows(run, IMAGE, written(tmp_path / "log", *lines), "--long")
    assert row["detail"] == texts[0]


def test_detail_of_a_sharing_has_the_member(run: Run, tmp_path: Path) -> None:
    path = story(tmp_path / "log")
    assert rows(run, "shared", IMAGE, path, "--long")[0]["detail"] == "with friend, pending"


def test_repeat_is_shown_once_and_a_second_download_twice(run: Run, tmp_path: Path) -> None:
    first = line(message_id=new_id())
    one = written(tmp_path / "node1" / "log", first, line(message_id=new_id()))
    two = written(tmp_path / "node2" / "log", first)
    assert len(rows(run, "downloaded", IMAGE, one, two)) == 2


def test_period_and_options_may_stand_between_image_and_files(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "log", *(line(after=86400 * day) for day in range(4)))
    words = ["downloaded", IMAGE, "--since", "2026-11-02", "--until", "2026-11-04", path]
    assert [row["when"][:10] for row in rows(run, *words)] == ["2026-11-02", "2026-11-03"]


def test_what_a_row_lacks_is_a_dash_in_the_table(run: Run, tmp_path: Path) -> None:
    ended = run("who", "deleted", IMAGE, story(tmp_path / "log"), "-c", "action", "-c", "from")
    assert "| delete | -    |" in ended.out


def test_where_nothing_is_found_a_line_says_so(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "log", line())
    said = f"nothing is found about image {OTHER_IMAGE}"
    assert run("who", OTHER_IMAGE, path) == (RIGHT, "", f"{said}\n")
    foreign = written(tmp_path / "glance.log", b"a line of another logger", b"")
    ended = run("who", OTHER_IMAGE, foreign)
    assert ended == (RIGHT, "", f"{said}: no notification at all was read\n")


def test_text_of_a_notification_cannot_control_the_terminal(run: Run, tmp_path: Path) -> None:
    made = notification(payload=sent(1, destination_ip="\x1b[2J\u202e"), request_id="r\n\x9b")
    ended = run("who", IMAGE, written(tmp_path / "log", made))
    assert r"\u001b[2J\u202e" in ended.out
    assert "r\\u000a\\u009b" in ended.out
    assert "\x1b" not in ended.out


def test_damaged_line_is_a_warning_and_an_unreadable_file_an_error(
    run: Run, tmp_path: Path
) -> None:
    good = written(tmp_path / "log", line())
    damaged = written(tmp_path / "log.1", b'{"message_id":')
    ended = run("who", IMAGE, good, damaged)
    assert (ended.status, IMAGE in ended.out) == (WARNINGS, False)
    assert ended.err == f"{damaged}:1: a damaged line, left out: no JSON, or torn\n"
    ended = run("who", IMAGE, str(tmp_path), good)
    assert ended.status == ERRORS
    assert ended.err == f"{tmp_path}: cannot be read: Is a directory\n"
    assert "192.0.2.7" in ended.out


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["downloaded", IMAGE], "a FILE is missing; expected who downloaded IMAGE FILE"),
        (["downloadet", IMAGE, "log"], "'downloadet' is no action; expected downloaded, changed"),
        ([IMAGE], "the following arguments are required: FILE"),
        ([IMAGE, "missing.log"], "missing.log: there is no such file"),
        ([IMAGE, "log", "--since", "7y"], "argument --since: '7y' is no time; expected 7d, 24h"),
        ([IMAGE, "log", "--since", "1h", "--until", "2h"], "--since must be before --until"),
        ([IMAGE, "log", "--whence"], "unrecognized arguments: --whence"),
    ],
)
def test_wrong_use_is_one_line(
    words: Sequence[str], wrong: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "log", line())
    ended = run("who", *words)
    assert wrong in ended.one_line(WRONG_USE)
