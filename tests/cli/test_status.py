"""glance-notify status: lines and a table for people, one object for programs, a plugin's line."""

import json
import os
import re
from pathlib import Path

import pytest

from glance_notify_middleware.cli.node import status
from glance_notify_middleware.delivery.node.state import Link, NodeState, TargetState
from glance_notify_middleware.events.notification import Priority
from tests.cli.conftest import Run
from tests.cli.node_states import NOW, PASSWORD, Seen, out_of_reach, paste_file, state, target

RIGHT, WARNINGS, ERRORS = 0, 1, 3

UNUSABLE = target(link=Link.UNUSABLE, since=NOW - 90000, why="it refused the password", pending=2)
DROPPED = {"dropped": {"full": 7}, "last_drop": NOW - 3000}
FULL = {"journal_bytes": 2**30}

TROUBLES: list[tuple[NodeState, int, str]] = [
    (state(), RIGHT, ""),
    (state(out_of_reach()), WARNINGS, "rabbit is out of reach for 1m 1s: 127.0.0.1:5672: "),
    (state(UNUSABLE), ERRORS, "rabbit cannot be used for 1d 1h: it refused the password; 2 not"),
    (state(target(link=Link.UNKNOWN)), RIGHT, ""),
    (state(target(link=Link.UNKNOWN), is_led=False), RIGHT, ""),
    (state(target(pending=5), is_led=False), WARNINGS, "no leader runs: nothing is delivered, and"),
    (state(target(pending=5)), RIGHT, ""),
    (
        state(target(set_aside={Priority.WARN: 4}, troubles={Priority.WARN: "no queue"})),
        WARNINGS,
        "rabbit has set aside 4 WARN (no queue)",
    ),
    (state(target(set_aside={Priority.WARN: 0})), RIGHT, ""),
    (state(target(dead=1)), WARNINGS, "rabbit has 1 dead letter, which"),
    (state(target(dead_letters=1)), RIGHT, ""),
    (state(**DROPPED), ERRORS, "7 notifications were dropped, the last one 50m ago: the journal w"),
    (state(dropped={"disk": 1}), ERRORS, "1 notification was dropped: the journal could not be"),
    (state(**DROPPED | {"last_drop": NOW - 90000}), RIGHT, ""),
    (state(journal_bytes=int(0.81 * 2**30)), WARNINGS, "the journal is nearly full: 829.4 MiB of"),
    (state(journal_bytes=int(0.79 * 2**30)), RIGHT, ""),
    (state(**FULL), ERRORS, "the journal is full: 1.0 GiB of 1.0 GiB"),
    (state(UNUSABLE, out_of_reach(), **FULL), ERRORS, "the journal is full"),
]


@pytest.mark.parametrize(("found", "expected", "text"), TROUBLES)
def test_status_ends_as_bad_as_what_it_has_found(
    found: NodeState, expected: int, text: str, run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(found)
    ended = run("status", paste_file(tmp_path))
    assert ended.status == expected, ended
    level = {RIGHT: "", WARNINGS: "WARNING: ", ERRORS: "ERROR: "}[expected]
    assert level + text in ended.out
    assert ("WARNING:" in ended.out or "ERROR:" in ended.out) == (expected != RIGHT)
    assert ended.err == ""


@pytest.mark.parametrize(("found", "expected", "text"), TROUBLES)
def test_plugin_ends_as_nagios_has_it(
    found: NodeState, expected: int, text: str, run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(found)
    ended = run("status", paste_file(tmp_path), "--nagios")
    assert ended.status == {RIGHT: 0, WARNINGS: 1, ERRORS: 2}[expected]
    word = {RIGHT: "OK", WARNINGS: "WARNING", ERRORS: "CRITICAL"}[expected]
    (line,) = ended.out.splitlines()
    assert line.startswith(f"GLANCE_NOTIFY {word} - ")
    assert text in line
    shown, _, data = line.partition(" | ")
    assert "|" not in shown
    for each in re.findall(r"(?:'[^']+'|\S+?)=\S+", data):
        assert re.fullmatch(r"('[\w ]+'|\w+)=\d+(s|B|c)?(;\d*){0,4}", each), each
    assert "'rabbit pending'=" in data
    assert "recorded=12c" in data


def test_worst_of_several_findings_stands_first(run: Run, seen: Seen, tmp_path: Path) -> None:
    seen(state(out_of_reach(), **FULL))
    lines = run("status", paste_file(tmp_path)).out.splitlines()
    found = [line.split(":")[0] for line in lines if re.match("ERROR|WARNING", line)]
    assert found == ["ERROR", "WARNING"]


def test_status_for_people_is_read_in_one_look(run: Run, seen: Seen, tmp_path: Path) -> None:
    seen(state(out_of_reach(dead=1), unknown=2, dropped={"full": 7}, last_drop=NOW - 60))
    ended = run("status", paste_file(tmp_path))
    assert ended.out.splitlines()[:7] == [
        "journal      /var/lib/glance/notifications: 3.0 MiB of 1.0 GiB (0%)",
        "processes    4 alive; a leader runs",
        "recorded     12; dropped 7 full",
        "unknown      2 operations with an unknown outcome",
        "look-ups     7 found",
        "images sent  1.0 MiB complete",
        "+--------+--------------+-------+------------------------------------------------+---------"
        "+--------+--------------+-----------+------+",
    ]
    (row,) = (line for line in ended.out.splitlines() if line.startswith("| rabbit"))
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("rabbit", "out of reach", "1m 1s", "127.0.0.1:5672: [Errno 111] Connection refused"),
        *("3", "1m", "5s", "0", "1"),
    ]


def test_json_has_one_object_for_the_node(run: Run, seen: Seen, tmp_path: Path) -> None:
    away = out_of_reach(set_aside={Priority.INFO: 1}, send_failures={"connection": 9})
    seen(state(away, followed=2, **DROPPED))
    ended = run("status", paste_file(tmp_path), "-f", "json")
    assert ended.status == ERRORS
    found = json.loads(ended.out)
    (finding, *_) = found.pop("findings")
    assert finding["level"] == "ERROR"
    assert finding["name"] == "dropped"
    assert found == {
        "journal_dir": "/var/lib/glance/notifications",
        "time": "2026-11-18T11:06:40Z",
        "journal_bytes": 3 * 2**20,
        "journal_max_bytes": 2**30,
        "processes": 4,
        "leader": True,
        "followed_operations": 2,
        "recorded": 12,
        "recorded_by_type": {"image.send": {"ERROR": 2, "INFO": 10}},
        "dropped": {"full": 7},
        "last_drop": "2026-11-18T10:16:40Z",
        "outcome_unknown": 0,
        "lookups": {"found": 7},
        "image_sent_bytes": {"complete": 2**20},
        "targets": [
            {
                "target": "rabbit",
                "state": "out of reach",
                "since": "2026-11-18T11:05:39Z",
                "why": "127.0.0.1:5672: [Errno 111] Connection refused",
                "pending": 3,
                "oldest": "2026-11-18T11:05:40Z",
                "last_confirm": "2026-11-18T11:06:35Z",
                "set_aside": {"INFO": 1},
                "dead": 0,
                "delivered": 12,
                "dead_letters": 0,
                "lost": {},
                "skipped": 0,
                "sent_again": 0,
                "send_failures": {"connection": 9},
            }
        ],
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-f", "value", "-c", "pending"], "3\n0\n"),
        (["-f", "value", "-c", "last_confirm"], "2026-11-18T11:06:35Z\n" * 2),
        (
            ["-f", "csv", "-c", "target", "-c", "Dead letters"],
            '"target","dead letters"\n"rabbit",0\n"qpid",0\n',
        ),
        (
            ["-f", "json", "--noindent", "-c", "pending", "-c", "target"],
            '[{"target": "rabbit", "pending": 3}, {"target": "qpid", "pending": 0}]',
        ),
        (["-f", "yaml", "-c", "target"], "targets:\n- target: rabbit\n- target: qpid\n"),
        (["-c", "target"], "| qpid   |\n"),
    ],
)
def test_columns_of_targets_can_be_chosen(
    words: list[str], expected: str, run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(state(out_of_reach(), target("qpid")))
    ended = run("status", paste_file(tmp_path), *words)
    assert ended.status == WARNINGS
    assert expected in ended.out.replace("\r\n", "\n")
    assert "Connection refused" not in ended.out.split('"findings"')[0].split("WARNING")[0]


@pytest.mark.parametrize("kind", ["table", "json"])
def test_unknown_column_is_wrong_use(kind: str, run: Run, seen: Seen, tmp_path: Path) -> None:
    seen(state())
    ended = run("status", paste_file(tmp_path), "-f", kind, "-c", "colour")
    line = ended.one_line(2)
    assert line.startswith(
        "glance-notify: --column: there is no 'colour'; expected some of: target,"
    )


def test_node_with_logging_alone_has_its_counts_and_no_target(
    run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(state(is_led=False, targets={}))
    path = paste_file(tmp_path, strategy="logging")
    ended = run("status", path)
    assert ended.status == RIGHT
    assert "processes    4 alive, which write notifications to the log at once" in ended.out
    assert "recorded     12" in ended.out
    assert "target |" not in ended.out
    assert json.loads(run("status", path, "-f", "json").out)["targets"] == []
    assert run("status", path, "--nagios").out.startswith("GLANCE_NOTIFY OK - 0 pending | journal")


@pytest.mark.parametrize("strategy", ["logging", "noop"])
@pytest.mark.parametrize("words", [[], ["--nagios"], ["-f", "json"], ["--watch"]])
def test_without_a_journal_there_is_nothing_to_see(
    words: list[str], strategy: str, run: Run, tmp_path: Path
) -> None:
    ended = run("status", paste_file(tmp_path, strategy=strategy, more=""), *words)
    assert ended.status == 0
    assert "there is nothing to see" in ended.out + ended.err
    if "json" in words:
        assert json.loads(ended.out) == {}


def test_watch_shows_the_state_again_until_ctrl_c(
    run: Run, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "INTERVAL", 0.0)
    seen(state(), state(out_of_reach()), KeyboardInterrupt())
    ended = run("status", paste_file(tmp_path), "--watch")
    assert ended.status == 0
    assert ended.out.count("processes    4 alive") == 2
    assert ended.out.count("out of reach |") == 1
    assert "\x1b" not in ended.out  # it is no terminal
    assert ended.err == ""


def test_watch_clears_a_terminal(
    run: Run, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "INTERVAL", 0.0)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    seen(state(), state(), KeyboardInterrupt())
    assert run("status", paste_file(tmp_path), "--watch").out.count("\x1b[H\x1b[2Jjournal") == 2


def test_watch_ends_when_the_state_cannot_be_read(
    run: Run, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "INTERVAL", 0.0)
    seen(state(), OSError(5, "Input/output error", "cursors.json"))
    ended = run("status", paste_file(tmp_path), "--watch")
    assert ended.status == ERRORS
    assert ended.err == "glance-notify: cursors.json: Input/output error\n"


def test_watch_and_nagios_are_not_asked_together(run: Run) -> None:
    ended = run("status", "--watch", "--nagios")
    assert "not allowed with" in ended.one_line(2)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (OSError(5, "Input/output error", "cursors.json"), "cursors.json: Input/output error"),
        (RuntimeError(PASSWORD), "a defect of this command: RuntimeError"),
    ],
)
def test_plugin_that_cannot_read_is_unknown(
    found: Exception, text: str, run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(found)
    ended = run("status", paste_file(tmp_path), "--nagios")
    assert ended.status == 3
    (line,) = ended.out.splitlines()
    assert line.startswith(f"GLANCE_NOTIFY UNKNOWN - {text}")
    assert PASSWORD not in ended.out + ended.err


def test_plugin_without_a_paste_file_is_unknown(run: Run, tmp_path: Path) -> None:
    ended = run("status", str(tmp_path / "missing.ini"), "--nagios")
    assert ended.status == 3
    assert ended.out.startswith("GLANCE_NOTIFY UNKNOWN - ")
    assert ended.out.count("\n") == 1


def test_text_of_a_broker_controls_no_terminal_and_no_plugin(
    run: Run, seen: Seen, tmp_path: Path
) -> None:
    evil: TargetState = out_of_reach()
    seen(state(target(link=Link.UNUSABLE, why="\x1b[2Jevil | x=1\nOK", since=evil.since)))
    for words in ([], ["--nagios"], ["-f", "json"], ["-f", "value"]):
        ended = run("status", paste_file(tmp_path), *words)
        assert "\x1b" not in ended.out
        assert "x=1\nOK" not in ended.out
        if "--nagios" in words:
            assert ended.out.count("|") == 1


def test_missing_directory_is_an_error_with_the_way_out(run: Run, tmp_path: Path) -> None:
    path = paste_file(tmp_path, more=f"journal_dir = {tmp_path / 'none'}")
    ended = run("status", path)
    line = ended.one_line(ERRORS)
    assert "No such file or directory; expected the directory that Glance" in line
    assert "start it first" in line


def test_directory_of_another_user_is_an_error_with_the_way_out(
    run: Run, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(state())
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    ended = run("status", paste_file(tmp_path))
    line = ended.one_line(ERRORS)
    assert "this command runs as user #4321; expected that user, or root: sudo -u " in line
    assert PASSWORD not in line
