"""glance-notify usage: sums of downloads and uploads, each notification once."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.cli.audit.distinct import DistinctIds
from glance_notify_middleware.cli.command import ERRORS, RIGHT, WARNINGS, WRONG_USE
from glance_notify_middleware.events.notification import EventType, Priority
from tests.cli.conftest import Run
from tests.cli.notification_lines import IMAGE, OWNER, RECEIVER, line, new_id, sent
from tests.cli.test_who import written

UPLOADED = {"id": IMAGE, "owner": OWNER, "size": 50}
REFUSED = sent(0, owner_id=None, receiver_tenant_id="stranger")
LINES = [
    line(EventType.SEND, sent(1000), after=1),
    line(EventType.SEND, sent(2000, receiver_tenant_id=None), after=86400),
    line(EventType.SEND, sent(30, receiver_tenant_id="other"), priority=Priority.ERROR, after=2),
    line(EventType.SEND, sent(None), priority=Priority.ERROR, after=2),
    line(EventType.SEND, REFUSED, priority=Priority.WARN, after=3),
    line(EventType.UPLOAD, UPLOADED, after=4),
    line(EventType.UPLOAD, {"id": IMAGE, "owner": OWNER, "size": None}, after=5),
    line(EventType.UPLOAD, f"upload data of image {IMAGE}: 413", priority=Priority.ERROR),
    line(EventType.PREPARE, UPLOADED),
    line(EventType.CREATE, UPLOADED),
    line(EventType.DELETE, IMAGE),
]


def rows(run: Run, *words: str, status: int = RIGHT) -> list[dict[str, Any]]:
    ended = run("usage", *words, "-f", "json")
    assert ended.status == status, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def numbers(row: dict[str, Any]) -> list[Any]:
    return [value for key, value in row.items() if key not in ("first", "last")]


def test_without_by_there_is_one_row_of_all(run: Run, tmp_path: Path) -> None:
    assert rows(run, written(tmp_path / "log", *LINES)) == [
        {
            "downloads": 2,
            "cut": 2,
            "refused": 1,
            "bytes sent": 3030,
            "uploads": 2,
            "bytes uploaded": 50,
            "first": "2026-11-01 00:00:01.000000",
            "last": "2026-11-02 00:00:00.000000",
        }
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (
            "receiver",
            [
                [None, 1, 0, 0, 2000, 0, 0],
                [RECEIVER, 1, 1, 0, 1000, 2, 50],
                ["other", 0, 1, 0, 30, 0, 0],
                ["stranger", 0, 0, 1, 0, 0, 0],
            ],
        ),
        ("owner", [[OWNER, 2, 2, 0, 3030, 2, 50], [None, 0, 0, 1, 0, 0, 0]]),
        ("image", [[IMAGE, 2, 2, 1, 3030, 2, 50]]),
        ("day", [["2026-11-01", 1, 2, 1, 1030, 2, 50], ["2026-11-02", 1, 0, 0, 2000, 0, 0]]),
    ],
)
def test_by_makes_a_row_of_each_group(
    by: str, expected: list[list[Any]], run: Run, tmp_path: Path
) -> None:
    found = rows(run, "--by", by, written(tmp_path / "log", *LINES))
    assert [numbers(row) for row in found] == expected
    assert {next(iter(row)) for row in found} == {by}


def test_repeat_is_counted_once_wherever_it_stands(run: Run, tmp_path: Path) -> None:
    one = written(tmp_path / "log", *LINES)
    two = written(tmp_path / "log.1", *reversed(LINES))
    assert rows(run, one, two, one) == rows(run, one)


def test_period_bounds_the_sum(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "log", *LINES)
    (row,) = rows(run, path, "--since", "2026-11-02", "--until", "2026-12-01")
    assert numbers(row) == [1, 0, 0, 2000, 0, 0]


def test_sum_of_nothing_is_zero(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "log")
    (row,) = rows(run, path)
    assert list(row.values()) == [0, 0, 0, 0, 0, 0, None, None]
    assert rows(run, path, "--by", "day") == []


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (sent(-1), "its bytes_sent is no number of bytes"),
        (sent(True), "its bytes_sent is no number of bytes"),
        (sent(None, bytes_sent="12"), "its bytes_sent is no number of bytes"),
        (sent(1, receiver_tenant_id=7), "its receiver_tenant_id is no text"),
        ("text", "its payload is a text"),
    ],
)
def test_payload_that_cannot_be_summed_is_a_damaged_line(
    payload: Any, why: str, run: Run, tmp_path: Path
) -> None:
    path = written(tmp_path / "log", line(EventType.SEND, payload), LINES[0])
    ended = run("usage", path, "-f", "value", "-c", "bytes sent")
    assert ended == (WARNINGS, "1000\n", f"{path}:1: a damaged line, left out: {why}\n")


def test_event_type_that_begins_like_a_download_is_none(run: Run, tmp_path: Path) -> None:
    other = line().replace(b'"image.send"', b'"image.send.aborted"')
    (row,) = rows(run, written(tmp_path / "log", other))
    assert row["bytes sent"] == 0


def test_unreadable_file_is_named_and_the_others_are_summed(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path / "node1" / "log", LINES[0])
    ended = run("usage", str(tmp_path), path, "-f", "value", "-c", "bytes sent")
    assert ended == (ERRORS, "1000\n", f"{tmp_path}: cannot be read: Is a directory\n")


def test_ids_of_many_hours_are_distinct_in_any_order() -> None:
    ids = DistinctIds()
    seen = [(f"2026-11-{day:02} {hour:02}:00:00", new_id()) for day in (1, 2) for hour in range(24)]
    assert all(ids.add(*each) for each in seen)
    assert not any(ids.add(*each) for each in reversed(seen))
    assert not any(ids.add(*each) for each in seen)
    assert all(ids.add(timestamp, new_id()) for timestamp, _ in seen)
    assert ids.repeats == 2 * len(seen)


def test_page_is_written_in_one_step_with_the_permissions_of_new_files(
    run: Run, tmp_path: Path
) -> None:
    path = written(tmp_path / "log", *LINES)
    page = tmp_path / "usage.html"
    page.write_text("old")
    old = page.open()
    plain = tmp_path / "plain"
    plain.touch()
    assert len(rows(run, path, "--html", str(page))) == 1
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert old.read() == "old"
    old.close()
    assert stat.S_IMODE(page.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log", "plain", "usage.html"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ([], "the following arguments are required: FILE"),
        (["missing"], "missing: there is no such file"),
        (["log", "--by", "moon"], "argument --by: invalid choice: 'moon' (choose from 'receiver'"),
        (["log", "--until", "soon"], "argument --until: 'soon' is no time; expected 7d"),
        (["log", "-c", "bytes"], "--column: no such column; expected some of: downloads, cut"),
        (["log", "--html", "no/where.html"], "--html no/where.html: expected a file in a dir"),
    ],
)
def test_wrong_use_is_one_line(
    words: Sequence[str], wrong: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "log", line())
    ended = run("usage", *words)
    assert wrong in ended.one_line(WRONG_USE)


def test_page_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    ended = run("usage", written(tmp_path / "log", line()), "--html", str(tmp_path))
    assert (ended.status, ended.out) == (ERRORS, "")
    assert ended.err == f"glance-notify: {tmp_path}: Is a directory\n"
    assert [each.name for each in tmp_path.iterdir()] == ["log"]
