"""glance-notify listen at a real RabbitMQ."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp  # type: ignore[import-untyped]
import pytest

from demo.rabbit import Rabbit
from tests.commands.documented import assert_documented
from tests.commands.running import PROGRAM, glance_notify
from tests.commands.sections import CANARY, WRONG, at, paste_file, wrong
from tests.strategies.inspecting import apply
from tests.strategies.rabbit_place import RabbitPlace

SEND: dict[str, Any] = {
    "event_type": "image.send",
    "priority": "INFO",
    "timestamp": "2026-11-29 20:15:01.123456",
    "payload": {
        "image_id": "1ecfd8b1-4d4c-4d9b-9f9e-0d6a5f0c3c11",
        "owner_id": "b542c59f3e1a4e4e9a7bb5b4e8a2b5a0",
        "receiver_tenant_id": "c0a5b6a7d8e94f1f8c1b2a3d4e5f6071",
        "receiver_user_id": "7d3f1c5e9b8a4c6d8e0f1a2b3c4d5e6f",
        "destination_ip": "192.0.2.7",
        "bytes_sent": 67108864,
    },
}
UPDATE = SEND | {
    "event_type": "image.update",
    "payload": {"id": SEND["payload"]["image_id"], "name": "jammy", "status": "active", "size": 3},
    "_context_project_id": "b542c59f3e1a4e4e9a7bb5b4e8a2b5a0",
    "_context_user_id": "7d3f1c5e9b8a4c6d8e0f1a2b3c4d5e6f",
}
DELETE = SEND | {
    "event_type": "image.delete",
    "priority": "WARN",
    "payload": f"delete image {SEND['payload']['image_id']}: 403 Forbidden",
}


@pytest.fixture
def place(rabbit: Rabbit, vhost: str) -> RabbitPlace:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    return place


@contextmanager
def listening(path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, which has begun to listen."""
    with subprocess.Popen(
        [PROGRAM, "listen", str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert "listening at exchange glance of" in process.stderr.readline()
            yield process
        finally:
            process.kill()


def publish(place: RabbitPlace, *bodies: dict[str, Any]) -> None:
    """Send as the strategy does, without a queue that must be there."""
    with place.node.connected(place.vhost) as connection:
        channel = connection.channel()
        for body in bodies:
            inner = json.loads(body["oslo.message"]) if "oslo.message" in body else body
            key = f"notifications.{inner['priority'].lower()}"
            channel.basic_publish(amqp.Message(json.dumps(body)), "glance", key)
        channel.close()


def test_notifications_are_shown_as_on_the_page(place: RabbitPlace, tmp_path: Path) -> None:
    path = paste_file(tmp_path, at(place.node, place.vhost))
    enveloped = {"oslo.version": "2.0", "oslo.message": json.dumps(UPDATE)}
    with listening(path, "--count", "3") as process:
        publish(place, SEND, enveloped, DELETE)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert_documented("checking.md", "glance-notify listen --count 3", out)


def test_filters_and_json(place: RabbitPlace, tmp_path: Path) -> None:
    path = paste_file(tmp_path, at(place.node, place.vhost))
    words = ["--type", "image.update", "--priority", "info", "--json", "--count", "1"]
    with listening(path, *words) as process:
        publish(place, SEND, DELETE, UPDATE)
        out, _ = process.communicate(timeout=30)
    assert json.loads(out) == UPDATE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_its_queue_is_its_own_bounded_and_gone_when_a_signal_ends_it(
    number: signal.Signals, place: RabbitPlace, tmp_path: Path
) -> None:
    path = paste_file(tmp_path, at(place.node, place.vhost))
    with listening(path) as process:
        ((name, queue),) = place.declared("queues").items()
        assert name.startswith("glance_notify.listen.")
        assert (queue["exclusive"], queue["auto_delete"], queue["durable"]) == (True, True, False)
        assert queue["arguments"] == {"x-max-length": 1000, "x-overflow": "drop-head"}
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert place.declared("queues") == {}


def test_lost_connection_is_a_line_and_it_listens_again(place: RabbitPlace, tmp_path: Path) -> None:
    path = paste_file(tmp_path, at(place.node, place.vhost))
    with listening(path, "--count", "1") as process:
        place.close_connections(1, 0)
        assert process.stderr is not None
        assert "what is sent now is not shown; trying again" in process.stderr.readline()
        assert "listening again at exchange glance" in process.stderr.readline()
        publish(place, SEND)
        out, _ = process.communicate(timeout=30)
    assert "image.send" in out
    assert process.returncode == 0


def test_missing_exchange_is_a_line_with_what_mends_it(
    rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    ended = glance_notify("listen", paste_file(tmp_path, at(rabbit, vhost)))
    assert (ended.returncode, ended.stdout) == (3, "")
    (line,) = ended.stderr.splitlines()
    assert "no exchange 'glance'" in line
    assert "create_queues = auto" in line
    assert RabbitPlace(rabbit, vhost).declared("exchanges") == {}


def test_missing_permission_is_a_line_with_the_command_that_mends_it(
    place: RabbitPlace, tmp_path: Path
) -> None:
    user, node = place.vhost, place.node
    place.queue("notifications.info")
    node.api("PUT", f"users/{user}", {"password": CANARY, "tags": ""})
    nothing = {"configure": "", "write": "^glance$", "read": ""}
    node.api("PUT", f"permissions/{place.vhost}/{user}", nothing)
    options = at(node, place.vhost, rabbit_userid=user, rabbit_password=CANARY)
    path = paste_file(tmp_path, options)
    try:
        ended = glance_notify("listen", path)
        assert (ended.returncode, ended.stdout) == (3, "")
        (line,) = ended.stderr.splitlines()
        assert CANARY not in line
        apply(node, line.partition("mend it with ")[2].partition(", or listen")[0])
        with listening(path, "--count", "1", "--type", "glance_notify.test") as process:
            assert glance_notify("send-test", path).returncode == 0
            out, _ = process.communicate(timeout=30)
        assert "glance_notify.test" in out
    finally:
        node.api("DELETE", f"users/{user}")


@pytest.mark.parametrize("what", WRONG)
def test_whatever_fails_is_one_line_without_a_password(
    what: str, rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    ended = glance_notify("listen", paste_file(tmp_path, wrong(what, rabbit, vhost)))
    assert (ended.returncode, ended.stdout) == (3, "")
    (line,) = ended.stderr.splitlines()
    assert CANARY not in line
