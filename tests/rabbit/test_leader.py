"""What the leader finds at start, before there is any event; what an operator does for queues."""

import logging
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.ports import free_port
from demo.rabbit import Rabbit as Node
from glance_notify_middleware import assembly, config
from glance_notify_middleware.makers import makers
from glance_notify_middleware.notification import Priority
from glance_notify_middleware.relay import Relay
from glance_notify_middleware.strategies import Outcome
from tests.journal.processes import eventually
from tests.strategies.places import RabbitPlace, messages

README = (Path(__file__).parents[2] / "README.md").read_text()
WRONG = "wrong-pa55word"

Start = Callable[..., None]


@pytest.fixture
def lead(
    rabbit: Node, vhost: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Start]:
    """Starts a leader whose journal is empty, with these lines of the section."""
    caplog.set_level(logging.INFO)
    relays: list[Relay] = []

    def start(**lines: str) -> None:
        settings = config.read(
            {
                "notifier_strategy": "rabbit",
                "rabbit_hosts": f"127.0.0.1:{rabbit.port}",
                "rabbit_virtual_host": vhost,
                "journal_dir": str(tmp_path / "journal"),
            }
            | lines,
            "this-host",
        )
        assembly.prepare(settings, ["rabbit"])
        relays.append(assembly.relay(settings, makers(settings)))
        threading.Thread(target=relays[-1].run, daemon=True).start()

    yield start
    for each in relays:
        each.stop(20)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """All but that it leads."""
    found = [f"{each.levelname} {each.getMessage()}" for each in caplog.records]
    return [each for each in found if "this process relays" not in each]


def entities(node: Node, vhost: str) -> set[str]:
    """The names of what was declared."""
    found = [node.api("GET", f"{kind}/{quote(vhost, safe='')}") for kind in ("exchanges", "queues")]
    names = {each["name"] for each in (*found[0], *found[1])}
    return {each for each in names if each and not each.startswith("amq.")}


def test_the_leader_says_that_it_has_connected_and_creates_nothing_by_that(
    rabbit: Node, vhost: str, lead: Start, caplog: pytest.LogCaptureFixture
) -> None:
    lead(create_queues="auto", rabbit_durable_queues="true")
    eventually(lambda: said(caplog) == ["INFO rabbit is connected"])
    time.sleep(2.5)
    assert said(caplog) == ["INFO rabbit is connected"]
    assert entities(rabbit, vhost) == set()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            {"rabbit_password": WRONG},
            "ERROR rabbit cannot be used: {host}: user guest: ACCESS_REFU",
        ),
        (
            {"rabbit_virtual_host": "nowhere"},
            "ERROR rabbit cannot be used: {host}: user guest: NOT",
        ),
        (
            {"rabbit_hosts": "127.0.0.1:{port}"},
            "WARNING rabbit is out of reach: 127.0.0.1:{port}: ",
        ),
        ({}, "ERROR rabbit cannot be used: {host}: NOT_FOUND - no exchange 'glance'"),
    ],
    ids=["password", "vhost", "host", "exchange"],
)
def test_the_leader_says_once_what_is_wrong_before_there_is_any_event(
    rabbit: Node,
    vhost: str,
    lead: Start,
    caplog: pytest.LogCaptureFixture,
    lines: dict[str, str],
    told: str,
) -> None:
    names = {"nobody": f"127.0.0.1:{free_port()}", "node": f"127.0.0.1:{rabbit.port}"}
    lead(**{name: line.format(**names) for name, line in lines.items()})
    eventually(lambda: bool(said(caplog)))
    time.sleep(2.5)
    (line,) = said(caplog)
    assert line.startswith(told.format(**names))
    assert WRONG not in caplog.text
    assert entities(rabbit, vhost) == set()


def test_the_policy_of_the_readme_bounds_a_queue_that_nobody_reads(
    rabbit: Node, vhost: str
) -> None:
    """The command as it stands there, but for the vhost and the number of bytes."""
    (command,) = re.findall(r"^    rabbitmqctl (set_policy .*\\\n .*)$", README, re.MULTILINE)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["set_policy", "-p", "/", "bound"]
    bounded = [each.replace("104857600", "5000") for each in words]
    bounded[2] = vhost
    rabbit.ctl(*bounded)
    place = RabbitPlace(rabbit, vhost)
    strategy = place.strategy()
    batches = {priority: messages(40, priority) for priority in Priority}
    for batch in batches.values():
        padded = [each._replace(body=b'"%s"' % (b"x" * 500)) for each in batch]
        assert list(strategy.send(padded)) == [Outcome.TAKEN] * 40
    strategy.close()
    for priority, batch in batches.items():
        sent = [each.message_id for each in batch]
        kept = [each for each, _ in place.received(priority=priority)]
        if priority is Priority.INFO:
            assert kept == sent
        else:
            assert 0 < len(kept) <= 5000 // 500
            assert kept == sent[-len(kept) :], "the oldest are dropped"
