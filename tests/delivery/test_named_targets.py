"""One process with four targets: each gets what its lines say, in the form that they say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.delivery.leader_watch import LeaderWatch
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import CURSORS, DESTINATIONS
from glance_notify_middleware.strategies import Outcome
from tests.delivery.state_reading import read_node_state
from tests.delivery.target_story import STORY, process, told
from tests.journal.processes import eventually
from tests.wsgi.doubles import IMAGE, RECORD

Lines = dict[str, str]

NAMED: Lines = {
    "notifier_strategy": "ceilometer, all, members, refusals",
    "ceilometer.strategy": "rabbit",
    "ceilometer.message_format": "oslo",
    "ceilometer.image_delete_payload": "metadata",
    "ceilometer.priorities": "info, error",
    "all.strategy": "rabbit",
    "all.rabbit_virtual_host": "all",
    "members.strategy": "logging",
    "members.event_types": "image.member",
    "refusals.strategy": "logging",
    "refusals.priorities": "warn",
    "refusals.disabled_notifications": "image.update",
}


class Kept:
    """A strategy that takes every message, and keeps it."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.is_down = False

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        if self.is_down:
            return [Outcome.REFUSED] * len(batch)
        self.bodies += [json.loads(message.body) for message in batch]
        return [Outcome.TAKEN] * len(batch)

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        pass

    @property
    def events(self) -> list[str]:
        """Type and priority of each plain message."""
        return [f"{body['event_type']} {body['priority']}" for body in self.bodies]


@pytest.fixture(autouse=True)
def no_leader_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaderWatch, "check", lambda watch: None)


def logged(path: Path) -> list[str]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [f"{each['event_type']} {each['priority']}" for each in found]


def settled(settings: config.Settings, count: int) -> bool:
    """Whether nothing is pending, and the counts make up the `count` that were recorded."""
    state = read_node_state(settings)
    return sum(state.recorded.values()) == count and all(
        each.pending == 0 and each.delivered + each.skipped == count
        for each in state.targets.values()
    )


def test_each_target_gets_exactly_what_its_lines_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = {name: tmp_path / name for name in ("members", "refusals")}
    lines = NAMED | {f"{name}.log_file": str(path) for name, path in logs.items()}
    ceilometer, everything = Kept(), Kept()
    makers = {"ceilometer": lambda: ceilometer, "all": lambda: everything}
    with process(lines, tmp_path, monkeypatch, makers) as settings:
        glance = told(settings)
        assert len([each for each in glance.lookups if "file" not in each["PATH_INFO"]]) == 2
        eventually(lambda: len(everything.bodies) == len(STORY))
        eventually(lambda: len(ceilometer.bodies) == 3)
        eventually(lambda: settled(settings, len(STORY)))
        state = read_node_state(settings)
        assert {name: each.skipped for name, each in state.targets.items()} == {
            "ceilometer": 2,
            "all": 0,
        }
    assert everything.events == list(STORY)
    assert everything.bodies[-1]["payload"] == IMAGE
    oslo = [json.loads(body["oslo.message"]) for body in ceilometer.bodies]
    assert [each["event_type"] for each in oslo] == [
        "image.send",
        "image.member.create",
        "image.delete",
    ]
    assert oslo[-1]["payload"]["owner"] == RECORD["owner"]
    assert [each["message_id"] for each in oslo] == [
        everything.bodies[at]["message_id"] for at in (0, 2, 4)
    ]
    assert logged(logs["members"]) == ["image.member.create INFO"]
    assert logged(logs["refusals"]) == ["image.send WARN"]
    cursors = checksummed.load(tmp_path / "journal" / CURSORS)
    assert cursors is not None
    assert cursors.keys() == {"ceilometer", "all"}


@pytest.mark.parametrize(
    "wanted", [{"log.image_delete_payload": "metadata"}, {"log.projects": str(RECORD["owner"])}]
)
@pytest.mark.parametrize(
    "lines", [{}, {"rabbit.strategy": "rabbit"}, {"rabbit.projects": str(RECORD["owner"])}]
)
def test_delete_has_the_id_alone_though_a_log_needs_the_record(
    wanted: Lines, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, feed = tmp_path / "log", Kept()
    of_log = {"log.strategy": "logging", "log.log_file": str(log)}
    section = lines | wanted | of_log | {"notifier_strategy": "rabbit, log"}
    with process(section, tmp_path, monkeypatch, {"rabbit": lambda: feed}) as settings:
        told(settings)
        eventually(lambda: "image.delete INFO" in feed.events)
    assert feed.bodies[-1]["payload"] == IMAGE
    logged_payload = json.loads(log.read_text().splitlines()[-1])["payload"]
    assert (logged_payload == IMAGE) == ("log.projects" in wanted)


def test_event_that_only_a_log_wants_is_not_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, feed = tmp_path / "log", Kept()
    lines = {
        "notifier_strategy": "rabbit, logging",
        "log_file": str(log),
        "rabbit.event_types": "image.send",
        "rabbit.priorities": "error",
    }
    with process(lines, tmp_path, monkeypatch, {"rabbit": lambda: feed}) as settings:
        assert told(settings).lookups  # the owner of the download, which the log has
        assert sum(read_node_state(settings).recorded.values()) == 0
    assert logged(log) == list(STORY)
    assert feed.bodies == []


def test_look_up_that_no_target_needs_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target that wants the metadata of deleted images wants no deletes."""
    lines = {
        "notifier_strategy": "one, two",
        "one.strategy": "rabbit",
        "one.image_delete_payload": "metadata",
        "one.event_types": "image.member",
        "two.strategy": "rabbit",
        "two.event_types": "image.delete",
    }
    one, two = Kept(), Kept()
    with process(lines, tmp_path, monkeypatch, {"one": lambda: one, "two": lambda: two}) as chosen:
        assert told(chosen).lookups == []
        eventually(lambda: one.events == ["image.member.create INFO"])
        eventually(lambda: two.events == ["image.delete INFO"])
        assert two.bodies[0]["payload"] == IMAGE


def test_projects_of_a_target_are_those_of_owner_receiver_and_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, member, log = Kept(), Kept(), tmp_path / "log"
    lines = {
        "notifier_strategy": "owner, member, log",
        "owner.strategy": "rabbit",
        "owner.projects": str(RECORD["owner"]),
        "member.strategy": "rabbit",
        "member.projects": "the-member",
        "log.strategy": "logging",
        "log.projects": f"{RECORD['owner']}, the-member",
        "log.log_file": str(log),
    }
    makers = {"owner": lambda: owner, "member": lambda: member}
    with process(lines, tmp_path, monkeypatch, makers) as settings:
        told(settings)
        eventually(lambda: settled(settings, len(STORY)))
    assert owner.events == ["image.send INFO", "image.delete INFO"]
    assert owner.bodies[-1]["payload"] == IMAGE
    assert member.events == ["image.member.create INFO"]
    assert logged(log) == ["image.send INFO", "image.member.create INFO", "image.delete INFO"]


def test_target_that_is_down_holds_up_no_other_and_what_is_not_for_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down, up = Kept(), Kept()
    down.is_down = True
    lines = {
        "notifier_strategy": "down, up",
        "down.strategy": "rabbit",
        "down.event_types": "image.delete",
        "down.rabbit_retry_backoff": "0.1",
        "down.rabbit_retry_max_backoff": "0.1",
        "up.strategy": "rabbit",
    }
    with process(lines, tmp_path, monkeypatch, {"down": lambda: down, "up": lambda: up}) as chosen:
        told(chosen)
        eventually(lambda: up.events == list(STORY))

        def is_held() -> bool:
            state = read_node_state(chosen).targets["down"]
            return (state.skipped, state.pending, state.delivered) == (4, 1, 0)

        eventually(is_held)
        down.is_down = False
        eventually(lambda: settled(chosen, len(STORY)))
        assert down.events == ["image.delete INFO"]


def test_targets_without_lines_of_their_own_are_sent_what_each_process_has_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before there were lines of targets: the options of the leader choose nothing."""
    rabbit, qpid = Kept(), Kept()
    lines = {"notifier_strategy": "rabbit, qpid", "disabled_notifications": "image"}
    makers = {"rabbit": lambda: rabbit, "qpid": lambda: qpid}
    with process(lines, tmp_path, monkeypatch, makers) as settings:
        told(
            config.read(
                {**lines, "disabled_notifications": "", "relay": "external"}
                | {"journal_dir": settings.journal_dir},
                "this-host",
            )
        )
        eventually(lambda: rabbit.events == qpid.events == list(STORY))


@pytest.mark.parametrize(
    ("line", "sent"),
    [({}, STORY[1:]), ({"rabbit.strategy": "rabbit"}, ("image.send WARN", "image.update WARN"))],
)
def test_target_that_is_left_chooses_of_what_waits_if_it_has_a_line_of_its_own(
    line: Lines, sent: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another target, which got more, was taken out."""
    rabbit, siem = Kept(), Kept()
    rabbit.is_down = True
    left = {"notifier_strategy": "rabbit", "priorities": "warn"}
    lines = left | {
        "notifier_strategy": "rabbit, siem",
        "siem.strategy": "webhook",
        "siem.webhook_url": "https://siem.example/",
        "siem.priorities": "info, warn, error",
    }
    makers = {"rabbit": lambda: rabbit, "siem": lambda: siem}
    with process(lines, tmp_path, monkeypatch, makers) as settings:
        told(settings)
        eventually(lambda: siem.events == list(STORY))
    rabbit.is_down = False
    with process(left | line, tmp_path, monkeypatch, {"rabbit": lambda: rabbit}) as settings:
        eventually(lambda: settled(settings, len(STORY)))
    # What stands before all that waits may have been passed over before.
    assert [event for event in rabbit.events if event != STORY[0]] == list(sent)


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ({"all.rabbit_virtual_host": "else"}, "all.rabbit_virtual_host (or transport_url)"),
        ({"all.event_types": "image.send"}, "all.event_types"),
        ({"all.disabled_notifications": "image.send"}, "all.disabled_notifications"),
        ({"all.priorities": "info"}, "all.priorities"),
        ({"all.projects": "p"}, "all.projects"),
        ({"ceilometer.image_delete_payload": "id"}, "ceilometer.image_delete_payload"),
        ({"ceilometer.message_format": "plain"}, "ceilometer.message_format"),
        ({"all.strategy": "qpid"}, "all.strategy"),
        ({"notifier_strategy": "ceilometer, all, rabbit"}, "notifier_strategy"),
    ],
)
def test_processes_agree_on_targets_and_on_what_each_gets(
    line: Lines, option: str, tmp_path: Path
) -> None:
    host = Host()
    lines = {"journal_dir": str(tmp_path), "notifier_strategy": "ceilometer, all"}
    lines |= {name: text for name, text in NAMED.items() if name[:3] in ("cei", "all")}
    settings = config.read(lines | {"all.rabbit_password": "pa55"}, "h")
    assembly.prepare(settings, ["ceilometer", "all"], host)
    agreed = checksummed.load(tmp_path / DESTINATIONS)
    assert agreed is not None
    assert agreed["all.rabbit_virtual_host"] == "all"
    assert "pa55" not in repr(agreed)
    lines |= line
    if line.get("all.strategy"):
        del lines["all.rabbit_virtual_host"]
    names = list(config.read(lines, "h").targets)
    with pytest.raises(OptionError) as raised:
        assembly.prepare(config.read(lines, "h"), names, host)
    assert str(raised.value).startswith(f"option {option} of the notify filter: ")


@pytest.mark.parametrize("line", [{"all.rabbit_password": "x"}, {"disabled_notifications": ""}])
def test_what_decides_nothing_for_others_may_differ(line: Lines, tmp_path: Path) -> None:
    host = Host()
    lines = {"journal_dir": str(tmp_path), "notifier_strategy": "all", "all.strategy": "rabbit"}
    assembly.prepare(config.read(lines, "h"), ["all"], host)
    assembly.prepare(config.read(lines | line, "h"), ["all"], host)
