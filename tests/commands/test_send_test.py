"""glance-notify send-test at a real RabbitMQ, in both of its protocols."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.rabbit import Rabbit
from tests.commands.documented import assert_documented
from tests.commands.running import glance_notify
from tests.commands.sections import AUTO, CANARY, WRONG, at, paste_file, wrong
from tests.strategies.inspecting import apply
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.rabbit_place import RabbitPlace


def sent(path: Path, *words: str, status: int) -> dict[str, Any]:
    """The rows that the command prints, by target."""
    ended = glance_notify("send-test", path, *words, "-f", "json")
    assert ended.returncode == status, ended.stderr
    assert CANARY not in ended.stdout + ended.stderr
    return {row["target"]: row for row in json.loads(ended.stdout)}


@pytest.fixture
def qpid(rabbit: Rabbit) -> Iterator[QpidPlace]:
    with QpidPlace(rabbit) as place:
        yield place


def three(rabbit: Rabbit, vhost: str, qpid: QpidPlace, log: Path) -> Mapping[str, str]:
    log.touch()
    more = {"notifier_strategy": "rabbit, qpid, logging", "log_file": str(log)}
    return at(rabbit, vhost, **AUTO) | qpid.options | more


def test_each_target_takes_one_and_the_page_shows_it(
    rabbit: Rabbit, vhost: str, qpid: QpidPlace, tmp_path: Path
) -> None:
    log = tmp_path / "notifications.log"
    path = paste_file(tmp_path, three(rabbit, vhost, qpid, log))
    ended = glance_notify("send-test", path)
    assert ended.returncode == 0, ended.stderr
    bodies = [
        *(message.body for message in rabbit.drain("notifications.info", vhost)),
        *(body for _, body in qpid.received()),
        *log.read_bytes().splitlines(),
    ]
    ids = {json.loads(body)["message_id"] for body in bodies}
    assert len(bodies) == 3
    assert len(ids) == 1
    assert ids.pop() in ended.stderr
    command = "glance-notify send-test /etc/glance/glance-api-paste.ini"
    assert_documented("checking.md", command, ended.stdout)


def test_one_target_is_chosen_with_its_priority(
    rabbit: Rabbit, vhost: str, qpid: QpidPlace, tmp_path: Path
) -> None:
    path = paste_file(tmp_path, three(rabbit, vhost, qpid, tmp_path / "log"))
    rows = sent(path, "--target", "qpid", "--priority", "warn", status=0)
    assert list(rows) == ["qpid"]
    assert 0 < rows["qpid"]["milliseconds"] < 5000
    assert (tmp_path / "log").read_bytes() == b""


def test_notification_without_a_queue_is_unroutable_and_its_mend_works(
    rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    row = sent(paste_file(tmp_path, at(rabbit, vhost)), status=1)["rabbit"]
    assert (row["result"], row["why"]) == ("unroutable", "no queue is bound for it")
    assert "set create_queues = auto" in row["mend"]
    assert sent(paste_file(tmp_path, at(rabbit, vhost, **AUTO)), status=0)


def test_routing_key_that_is_denied_has_the_command_that_mends_it(
    rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    place.queue("notifications.info")
    topic = {"exchange": "glance", "write": "^other$", "read": ".*"}
    rabbit.api("PUT", f"topic-permissions/{vhost}/guest", topic)
    path = paste_file(tmp_path, at(rabbit, vhost))
    row = sent(path, status=1)["rabbit"]
    assert row["result"] == "denied"
    assert row["why"].startswith("ACCESS_REFUSED - access to topic 'notifications.info'")
    assert row["mend"].startswith(f"rabbitmqctl set_topic_permissions -p {vhost} guest glance")


def test_full_queue_refuses_it(rabbit: Rabbit, vhost: str, tmp_path: Path) -> None:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    place.queue("notifications.info", full)
    row = sent(paste_file(tmp_path, at(rabbit, vhost)), status=1)["rabbit"]
    assert row["result"] == "refused"
    assert row["mend"]


def test_missing_permission_has_the_command_that_mends_it(
    rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    place.queue("notifications.info")
    rabbit.api("PUT", f"users/{vhost}", {"password": CANARY, "tags": ""})
    nothing = {"configure": "", "write": "", "read": ""}
    rabbit.api("PUT", f"permissions/{vhost}/{vhost}", nothing)
    user = {"rabbit_userid": vhost, "rabbit_password": CANARY}
    path = paste_file(tmp_path, at(rabbit, vhost, **user))
    try:
        row = sent(path, status=1)["rabbit"]
        assert row["result"] == "no connection"
        assert "access to exchange 'glance'" in row["why"]
        apply(rabbit, row["mend"])
        assert sent(path, status=0)
    finally:
        rabbit.api("DELETE", f"users/{vhost}")


@pytest.mark.parametrize("what", WRONG)
def test_whatever_fails_no_password_is_printed(
    what: str, rabbit: Rabbit, vhost: str, tmp_path: Path
) -> None:
    path = paste_file(tmp_path, wrong(what, rabbit, vhost))
    ended = glance_notify("send-test", path)
    assert CANARY not in ended.stdout + ended.stderr
    if what == "line":
        assert (ended.returncode, len(ended.stderr.splitlines())) == (3, 1)
    else:
        assert ended.returncode == 1
        assert "no connection" in ended.stdout


def test_qpid_that_is_refused_has_what_mends_it(
    rabbit: Rabbit, qpid: QpidPlace, tmp_path: Path
) -> None:
    more = {"notifier_strategy": "qpid", "qpid_notification_exchange": "missing"}
    row = sent(paste_file(tmp_path, qpid.options | more), status=1)["qpid"]
    assert row["result"] == "no connection"
    assert "/exchange/missing" in row["mend"]
