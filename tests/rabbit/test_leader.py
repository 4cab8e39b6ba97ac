"""What the leader logs at start, before there is any event; and the policy that bounds a queue."""

import contextlib
import re
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.ports import free_port
from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome
from tests.rabbit.program import Program
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import messages

PAGE = (Path(__file__).parents[2] / "docs" / "rabbitmq.md").read_text()
WRONG = "wrong-pa55word"

COMMAND = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"

SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = rabbit
"""

Start = Callable[..., Program]


@pytest.fixture
def lead(rabbit: Node, vhost: str, tmp_path: Path) -> Iterator[Start]:
    """Starts the relay as a service, with an empty journal and further lines of the section."""
    with contextlib.ExitStack() as to_end:

        def start(**lines: str) -> Program:
            (tmp_path / "journal").mkdir(mode=0o700)  # as Glance's processes have made it
            where = {
                "rabbit_hosts": f"127.0.0.1:{rabbit.port}",
                "rabbit_virtual_host": vhost,
                "journal_dir": str(tmp_path / "journal"),
            }
            section = "".join(f"{name} = {value}\n" for name, value in (where | lines).items())
            paste_file = tmp_path / "paste.ini"
            paste_file.write_text(SECTION + section)
            program = Program("-c", COMMAND, "relay", str(paste_file))
            to_end.callback(program.end)
            to_end.callback(program.terminate)
            return program

        yield start


def logged(program: Program) -> list[str]:
    """Level and text of each line about RabbitMQ."""
    found = (re.search(r"[A-Z]+ (there is no queue|rabbit ).*", line) for line in program.errors)
    return [line[0] for line in found if line]


def entities(node: Node, vhost: str) -> set[str]:
    """The names of the exchanges and queues that were declared."""
    found = [node.api("GET", f"{kind}/{quote(vhost, safe='')}") for kind in ("exchanges", "queues")]
    names = {entity["name"] for entity in (*found[0], *found[1])}
    return {name for name in names if name and not name.startswith("amq.")}


def test_leader_logs_that_it_has_connected_and_creates_nothing(
    rabbit: Node, vhost: str, lead: Start
) -> None:
    program = lead(create_queues="auto", rabbit_durable_queues="true")
    program.wait(lambda: bool(logged(program)))
    time.sleep(2.5)
    assert logged(program) == ["INFO rabbit is connected"]
    assert entities(rabbit, vhost) == set()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({"rabbit_password": WRONG}, "ERROR rabbit cannot be used: {node}: user guest: ACCESS_"),
        ({"rabbit_virtual_host": "none"}, "ERROR rabbit cannot be used: {node}: user guest: NOT_"),
        ({"rabbit_hosts": "{nobody}"}, "WARNING rabbit is out of reach: {nobody}: "),
        ({}, "ERROR rabbit cannot be used: {node}: NOT_FOUND - no exchange 'glance'"),
    ],
    ids=["password", "vhost", "host", "exchange"],
)
def test_leader_logs_once_what_is_wrong_before_there_is_any_event(
    rabbit: Node, vhost: str, lead: Start, lines: dict[str, str], expected: str
) -> None:
    names = {"nobody": f"127.0.0.1:{free_port()}", "node": f"127.0.0.1:{rabbit.port}"}
    program = lead(**{name: line.format(**names) for name, line in lines.items()})
    program.wait(lambda: bool(logged(program)))
    time.sleep(2.5)
    (line,) = logged(program)
    assert line.startswith(expected.format(**names))
    assert WRONG not in "".join(program.errors)
    assert entities(rabbit, vhost) == set()


def test_leader_logs_which_queues_are_missing(rabbit: Node, vhost: str, lead: Start) -> None:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    place.queue("notifications.info")
    program = lead()
    program.wait(lambda: len(logged(program)) > 1)
    missing, connected = logged(program)
    assert missing.startswith(
        "WARNING there is no queue notifications.warn or notifications.error in RabbitMQ: "
    )
    assert connected == "INFO rabbit is connected"
    assert entities(rabbit, vhost) == {"glance", "notifications.info"}


def test_policy_of_the_page_bounds_a_queue_that_nobody_reads(rabbit: Node, vhost: str) -> None:
    """The command is the page's, except for the vhost and the number of bytes."""
    (command,) = re.findall(r"^    rabbitmqctl (set_policy .*\\\n .*)$", PAGE, re.MULTILINE)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["set_policy", "-p", "/", "bound"]
    bounded = [word.replace("104857600", "5000") for word in words]
    bounded[2] = vhost
    rabbit.ctl(*bounded)
    place = RabbitPlace(rabbit, vhost)
    strategy = place.strategy()
    batches = {priority: messages(40, priority) for priority in Priority}
    for batch in batches.values():
        padded = [message._replace(body=b'"%s"' % (b"x" * 500)) for message in batch]
        assert list(strategy.send(padded)) == [Outcome.TAKEN] * 40
    strategy.close()
    for priority, batch in batches.items():
        sent = [message.message_id for message in batch]
        kept = [message_id for message_id, _ in place.received(priority=priority)]
        if priority is Priority.INFO:
            assert kept == sent
        else:
            assert 0 < len(kept) <= 5000 // 500
            assert kept == sent[-len(kept) :], "the oldest are dropped"
