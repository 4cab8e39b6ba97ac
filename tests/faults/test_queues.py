"""The broker is up and does not take some messages: they wait, and the rest is delivered."""

import time
import uuid
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.faults.arrivals import QUEUES, Consumer
from tests.faults.client_load import Load
from tests.faults.fault_run import FaultRun
from tests.faults.tested_strategies import for_each_broker
from tests.long_runs import takes_long

pytestmark = takes_long


def test_messages_without_a_queue_arrive_once_there_is_one(fault_run: FaultRun) -> None:
    fault_run.declare("")
    with fault_run.deployment(create_queues="never") as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(4)
            for queue in QUEUES:
                fault_run.declare(queue)
            ledger.measure_without_fault()
        fault_run.check(10, ledger, in_order=False, is_quick=True)
        assert deployment.log_text().count("rabbit has no queue for") == len(QUEUES)
        assert not list(deployment.journal.glob("aside.*"))


def test_priority_without_a_queue_holds_up_no_other_priority(fault_run: FaultRun) -> None:
    fault_run.declare("notifications.info")
    with fault_run.deployment(create_queues="never") as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(4)
        info = {(of, event) for of, event in ledger.expected if event.endswith(" INFO")}
        with Consumer(fault_run.rabbit, fault_run.vhost) as consumer:
            consumer.wait(lambda: consumer.has(info), 20)
            assert consumer.has(info)
        for queue in QUEUES:
            fault_run.declare(queue)
        tally = fault_run.check(43, ledger, before=consumer.arrivals, in_order=False, is_quick=True)
        assert tally.repeated == 0


def test_messages_that_a_full_queue_refuses_arrive_once_it_is_emptied(fault_run: FaultRun) -> None:
    for queue in QUEUES:
        fault_run.declare(queue, x_max_length=50, x_overflow="reject-publish")
    with fault_run.deployment() as deployment:
        with Consumer(fault_run.rabbit, fault_run.vhost) as consumer:
            with Load(deployment.port) as ledger:
                time.sleep(4)
                with consumer.consuming():
                    time.sleep(2)
                    ledger.measure_without_fault()
            consumer.wait(lambda: consumer.has(ledger.expected), 20)
        before = consumer.arrivals
        fault_run.check(11, ledger, before=before, in_order=False, is_quick=True)
        assert "rabbit refuses messages" in deployment.log_text()


@pytest.mark.parametrize(
    ("more", "before", "after"),
    [
        ("a fanout, before the filter", {"type": "fanout", "durable": True}, None),
        ("not durable, before the filter", {"type": "topic", "durable": False}, None),
        ("a fanout, after the filter", None, {"type": "fanout", "durable": True}),
    ],
)
def test_exchange_that_another_service_declares_is_used_as_it_is(
    fault_run: FaultRun, more: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    exchange = f"exchanges/{quote(fault_run.vhost, safe='')}/glance"
    if before is not None:
        fault_run.rabbit.api("PUT", exchange, before)
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2)
            if after is not None:
                with pytest.raises(requests.HTTPError, match="inequivalent arg"):
                    fault_run.rabbit.api("PUT", exchange, after)
            time.sleep(2)
        fault_run.check(28, ledger, more=more, in_order=before is None, is_quick=True)
        count = deployment.log_text().count("exchange glance exists and is")
        assert count == (before is not None)


@for_each_broker
def test_password_that_is_wrong_for_a_while_loses_nothing(fault_run: FaultRun) -> None:
    user = f"user-{uuid.uuid4().hex}"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    fault_run.rabbit.api("PUT", f"users/{user}", {"password": "before", "tags": ""})
    fault_run.rabbit.api("PUT", f"permissions/{quote(fault_run.vhost, safe='')}/{user}", everything)
    with fault_run.deployment(user=user, password="before") as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            fault_run.rabbit.api("PUT", f"users/{user}", {"password": "changed", "tags": ""})
            fault_run.close_connections()
            time.sleep(5)
        fault_run.rabbit.api("PUT", f"users/{user}", {"password": "before", "tags": ""})
        fault_run.check(12, ledger, is_quick=True)
        assert deployment.log_text().count(f"{fault_run.strategy.name} cannot be used") == 1
    fault_run.rabbit.api("DELETE", f"users/{user}")
