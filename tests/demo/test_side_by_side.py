"""The demo with four targets: what it finds wrong, and how it is called."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from demo import __main__ as command
from demo import many
from demo.inbox import Inbox, rows_of
from demo.side_by_side import line, totals
from demo.story import Step, StoryState, life
from demo.targets import Came, Target, four

IMAGE = "the-image"
STATE = cast(StoryState, SimpleNamespace(image=IMAGE, bytes_read=0))
BILLING, EVERYTHING, SIEM, MEMBERS = four("https://localhost/", Path("ca"), Path("s"), Path("log"))


def step(action: str) -> Step:
    (found,) = [each for each in life() if each.action == action]
    return found


def came(event: str, message_id: str = "1", payload: Any = None, form: str = "plain") -> Came:
    return Came(form, event, message_id, {} if payload is None else payload, b"")


def faults(target: Target, steps: list[Step], *messages: Came) -> list[str]:
    """What is wrong where these messages come to a target in these steps."""
    inbox = Inbox(target, iter([messages, ()]).__next__)
    for number, each in enumerate(steps, 1):
        inbox.expect(rows_of(number, each))
    return inbox.receive(STATE, 0.0)[0]


CREATE, DELETE, TAG = step("creates an image"), step("deletes it"), step("tags it")
REFUSED, SHARE = step("uploads again"), step("shares it with bob")


def test_what_its_lines_say_is_no_fault() -> None:
    deleted = came("image.delete INFO", "2", {"id": IMAGE}, "oslo")
    steps = [CREATE, REFUSED, DELETE]
    assert faults(BILLING, steps, came("image.create INFO", form="oslo"), deleted) == []
    assert faults(MEMBERS, [CREATE, SHARE], came("image.member.create INFO")) == []
    refused = came("image.upload WARN", payload="a text")
    deleted = came("image.delete INFO", "2", IMAGE)
    assert faults(EVERYTHING, [REFUSED, DELETE], refused, deleted) == []


@pytest.mark.parametrize(
    ("target", "steps", "messages", "fault"),
    [
        (EVERYTHING, [CREATE], [], "step 1: everything: image.create INFO: it did not come"),
        (
            MEMBERS,
            [CREATE],
            [came("image.create INFO")],
            "members got image.create INFO, which it must not get",
        ),
        (
            BILLING,
            [REFUSED],
            [came("image.upload WARN", form="oslo")],
            "billing got image.upload WARN, which it must not get",
        ),
        (
            EVERYTHING,
            [CREATE],
            [came("image.create INFO"), came("image.create INFO", "2")],
            "everything got image.create INFO, which it must not get",
        ),
        (
            EVERYTHING,
            [CREATE, TAG],
            [came("image.update INFO"), came("image.create INFO", "2")],
            "everything got these in another order: image.update INFO, image.create INFO",
        ),
        (
            SIEM,
            [CREATE],
            [came("image.create INFO")],
            "step 1: siem: image.create INFO: its format is plain, not cloudevents",
        ),
        (
            BILLING,
            [DELETE],
            [came("image.delete INFO", payload=IMAGE, form="oslo")],
            "step 1: billing: image.delete INFO: its payload is the id, not the metadata",
        ),
        (
            EVERYTHING,
            [DELETE],
            [came("image.delete INFO", payload={"id": IMAGE})],
            "step 1: everything: image.delete INFO: its payload is the metadata, not the id",
        ),
        (
            EVERYTHING,
            [DELETE],
            [came("image.delete INFO", payload="another")],
            "step 1: everything: image.delete INFO: it is about another, not the-image",
        ),
    ],
)
def test_fault_is_named(
    target: Target, steps: list[Step], messages: list[Came], fault: str
) -> None:
    assert faults(target, steps, *messages) == [fault]


def test_what_is_due_is_waited_for_behind_what_must_not_come() -> None:
    refused, created = (
        came("image.upload WARN", form="oslo"),
        came("image.create INFO", "2", form="oslo"),
    )
    inbox = Inbox(BILLING, iter([[refused], [], [created]]).__next__)
    inbox.expect(rows_of(1, CREATE))
    assert inbox.receive(STATE)[0] == ["billing got image.upload WARN, which it must not get"]


def test_wrong_count_of_bytes_is_named() -> None:
    steps = [step("downloads bytes 1000 to 1999")]
    sent = {"bytes_sent": 999, "receiver_user_id": "carol"}
    assert faults(EVERYTHING, steps, came("image.send INFO", payload=sent)) == [
        "step 1: everything: image.send INFO: bytes_sent is 999, the client read 0",
        "step 1: everything: image.send INFO: receiver_user_id is not alice's",
    ]


def test_another_id_than_that_of_the_other_targets_is_named() -> None:
    rows = rows_of(1, SHARE)
    found = []
    for target, message_id in ((EVERYTHING, "1"), (MEMBERS, "2")):
        message = came("image.member.create INFO", message_id)
        inbox = Inbox(target, iter([[message]]).__next__)
        inbox.expect(rows)
        found += inbox.receive(STATE, 0.0)[0]
    what = "its id is not that which the other targets got"
    assert found == [f"step 1: members: image.member.create INFO: {what}"]


def test_repeat_is_counted_and_is_no_fault() -> None:
    messages = [came("image.create INFO"), came("image.create INFO")]
    inbox = Inbox(EVERYTHING, iter([messages]).__next__)
    inbox.expect(rows_of(1, CREATE))
    assert inbox.receive(STATE, 0.0)[0] == []
    assert inbox.repeated == 1
    rows = [each.split() for each in totals(["image.create INFO"], [inbox]).splitlines()]
    assert rows[1:] == [
        ["image.create", "INFO", "1", "1"],
        ["all", "1", "1"],
        ["came", "a", "second", "time", "1"],
    ]


def test_row_shows_what_is_missing_and_what_waits() -> None:
    (row,) = rows_of(1, CREATE)
    row.cells["siem"] = came("image.create INFO", form="cloudevents")
    shown = line(row, (BILLING, EVERYTHING, SIEM, MEMBERS), waiting=[BILLING])
    assert shown.split() == ["image.create", "INFO", "waits", "MISSING", "cloudevents", "-"]


def test_faults_are_shown_and_make_the_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @contextlib.contextmanager
    def no_peers(folder: Path) -> Iterator[None]:
        yield

    monkeypatch.setattr(many, "peers_in", no_peers)
    monkeypatch.setattr(many, "told", lambda peers, folder: ["this is wrong", "that, too"])
    assert many.play_many(tmp_path) == 1
    assert capsys.readouterr().out == "this is wrong\nthat, too\n"


@pytest.mark.parametrize("status", [0, 1])
def test_command_plays_with_many_targets_and_ends_with_its_status(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(command, "missing", lambda: None)
    monkeypatch.setattr(command, "play_many", lambda folder: status)
    assert command.main(["--targets=many"]) == status


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--targets=few"], "TARGETS must be many, or not be given, but is 'few'"),
        (["--targets=many", "--targets=few"], "but is 'many few'"),
        (["rabbit", "--targets=many"], "it is given without BROKER"),
        (["serve", "--targets=many"], "TARGETS is for the demo"),
    ],
)
def test_wrong_use_of_targets_is_named(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 2
    assert problem in capsys.readouterr().out
