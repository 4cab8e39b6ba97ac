"""One process sends to two virtual hosts of a real RabbitMQ, to each what its lines say."""

import json
import uuid
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from glance_notify_middleware.delivery.leader_watch import LeaderWatch
from tests.delivery.state_reading import read_node_state
from tests.delivery.target_story import STORY, process, told
from tests.journal.processes import eventually


def test_each_virtual_host_has_exactly_what_its_target_gets(
    rabbit: Rabbit, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LeaderWatch, "check", lambda watch: None)
    other = f"test-{uuid.uuid4().hex}"
    rabbit.add_vhost(other)
    lines = {
        "notifier_strategy": "billing, audit",
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
        "billing.strategy": "rabbit",
        "billing.transport_url": rabbit.url(vhost),
        "billing.message_format": "oslo",
        "billing.event_types": "image.send, image.delete",
        "billing.priorities": "info",
        "billing.image_delete_payload": "metadata",
        "audit.strategy": "rabbit",
        "audit.rabbit_hosts": f"127.0.0.1:{rabbit.port}",
        "audit.rabbit_virtual_host": other,
        "audit.rabbit_notification_topic": "audit",
    }
    try:
        with process(lines, tmp_path, monkeypatch) as settings:
            told(settings)

            def is_settled() -> bool:
                targets = read_node_state(settings).targets
                return {name: (each.delivered, each.skipped) for name, each in targets.items()} == {
                    "billing": (2, 3),
                    "audit": (len(STORY), 0),
                }

            eventually(is_settled)
        billing = [
            json.loads(json.loads(each.body)["oslo.message"])
            for each in rabbit.drain("notifications.info", vhost)
        ]
        audit = [
            json.loads(each.body)
            for priority in ("info", "warn", "error")
            for each in rabbit.drain(f"audit.{priority}", other)
        ]
        assert [each["event_type"] for each in billing] == ["image.send", "image.delete"]
        assert billing[-1]["payload"]["owner"] == "the-owner"
        found = [f"{each['event_type']} {each['priority']}" for each in audit]
        assert sorted(found) == sorted(STORY)
        deleted = next(each for each in audit if each["event_type"] == "image.delete")
        assert deleted["message_id"] == billing[-1]["message_id"]
        assert isinstance(deleted["payload"], str)
        assert rabbit.drain("notifications.warn", vhost) == []
    finally:
        rabbit.delete_vhost(other)
