"""docs/audit.md: the output of who and usage, and what each number is."""

import glob
import gzip
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.cli.audit.sums import GROUPS, MEANINGS
from glance_notify_middleware.cli.audit.who import ACTIONS
from glance_notify_middleware.events.notification import EventType, Priority
from tests.cli.conftest import Run
from tests.cli.notification_lines import IMAGE, OWNER, RECEIVER, USER, line, new_id, sent

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
BLOCKS = re.findall(r"^```console\n\$ glance-notify (.*)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)

SIZE = 33554432
DAY = 86400.0
PARTNER = "7a1f0c9be2d94f5c8d3d2b6a90e4c111"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the examples: two nodes, with rotations, a repeat and a torn line."""
    monkeypatch.chdir(tmp_path)
    metadata = {"id": IMAGE, "owner": OWNER, "size": SIZE, "name": "debian-13"}
    owned: dict[str, Any] = {"receiver_tenant_id": OWNER}
    cut = line(
        payload=sent(8388608, receiver_tenant_id=PARTNER, destination_ip="198.51.100.4"),
        priority=Priority.ERROR,
        after=2 * DAY + 60.5,
        request_id="req-4",
        message_id=new_id(),
    )
    _write(
        "node1/notifications.log.2.gz",
        line(EventType.UPLOAD, metadata, after=8 * 3600.25, request_id="req-1"),
        line(payload=sent(SIZE), after=9 * 3600.5, request_id="req-2"),
    )
    _write("node1/notifications.log.1", cut)
    _write("node1/notifications.log", line(payload=sent(SIZE, **owned), after=3 * DAY + 5))
    refused = sent(0, owner_id=None, receiver_tenant_id=PARTNER, destination_ip="198.51.100.4")
    _write(
        "node2/notifications.log",
        line(EventType.MEMBER_CREATE, _shared_with(PARTNER), after=DAY, request_id="req-3"),
        cut,
        line(payload=refused, priority=Priority.WARN, after=4 * DAY + 1, request_id="req-6"),
        line()[:250],
        line(EventType.DELETE, IMAGE, after=4 * DAY, request_id="req-5"),
    )


def _shared_with(project: str) -> dict[str, str]:
    return {"image_id": IMAGE, "member_id": project, "status": "pending"}


def _write(name: str, *lines: bytes) -> None:
    data = b"".join(each + b"\n" for each in lines)
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def words_of(line: str) -> list[str]:
    """The words of a command line, with the names of files in the place of patterns."""
    return [name for word in shlex.split(line) for name in (sorted(glob.glob(word)) or [word])]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("line", "output"), BLOCKS, ids=[line for line, _ in BLOCKS])
def test_page_shows_what_the_command_prints(line: str, output: str, run: Run) -> None:
    ended = run(*words_of(line))
    assert ended.err + ended.out == output


def test_page_shows_both_commands() -> None:
    assert {line.split()[0] for line, _ in BLOCKS} == {"who", "usage"}


def test_page_says_what_each_number_is() -> None:
    rows = dict(re.findall(r"^\| ([\w ]+) \| (.*) \|$", PAGE, re.MULTILINE))
    assert {name: rows[name] for name in MEANINGS} == MEANINGS
    groups = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert {name: groups[name] for name in GROUPS} == GROUPS


def test_page_has_the_actions_of_each_word() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    for word, actions in ACTIONS.items():
        assert rows[word] == ", ".join(actions.values())


def test_examples_are_about_the_user_and_the_project_of_the_page() -> None:
    assert {IMAGE, RECEIVER, USER} <= set(re.findall(r"[0-9a-f-]{32,36}", PAGE))
