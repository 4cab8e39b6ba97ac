"""make serve: its arguments, and the queues that it consumes."""

import json
from collections.abc import Iterator
from pathlib import Path

import amqp  # type: ignore[import-untyped]
import pytest

from demo.__main__ import main
from demo.log_follower import Notification
from demo.queue_consumer import QueueConsumer
from demo.rabbit import Rabbit
from demo.serve import served_folder


@pytest.mark.parametrize("words", [["kafka"], ["serve", "kafka"], ["serve", "rabbit", "qpid"]])
def test_other_broker_is_wrong_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "BROKER must be rabbit or qpid" in capsys.readouterr().out


def test_second_serve_ends_and_leaves_the_folder_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.serve.FOLDER", tmp_path / "serve")
    with served_folder() as folder:
        (folder / "kept").touch()
        with pytest.raises(SystemExit, match="another `make serve` runs"), served_folder():
            pass
        assert (folder / "kept").exists()


@pytest.fixture
def consumer(rabbit: Rabbit, vhost: str) -> Iterator[QueueConsumer]:
    found = QueueConsumer(rabbit, vhost)
    yield found
    found.close()


def send(rabbit: Rabbit, vhost: str, message_id: str, priority: str = "info") -> None:
    with rabbit.connected(vhost, confirm_publish=True) as connection:
        message = amqp.Message(json.dumps({"message_id": message_id}))
        connection.channel().basic_publish(message, "glance", f"notifications.{priority}")


def received(consumer: QueueConsumer, count: int) -> list[str]:
    found: list[Notification] = []
    while len(found) < count:
        found += consumer.new(0.05)
    return sorted(each["message_id"] for each in found)


def test_consumer_has_each_notification_of_every_priority_once(
    rabbit: Rabbit, vhost: str, consumer: QueueConsumer
) -> None:
    for message_id, priority in (("a", "info"), ("b", "warn"), ("a", "info"), ("c", "error")):
        send(rabbit, vhost, message_id, priority)
    assert received(consumer, 3) == ["a", "b", "c"]


def test_consumer_connects_again_after_the_broker_closed_its_connection(
    rabbit: Rabbit, vhost: str, consumer: QueueConsumer
) -> None:
    rabbit.ctl("close_all_connections", "--vhost", vhost, "a test")
    send(rabbit, vhost, "a")
    assert received(consumer, 1) == ["a"]
