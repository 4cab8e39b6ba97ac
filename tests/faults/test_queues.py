"""The broker is there, and does not take what it is given: it waits, and the rest goes on."""

import time
import uuid
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.faults.load import Load
from tests.faults.tally import QUEUES, Consumer
from tests.faults.trial import Trial
from tests.faults.ways import by_each
from tests.long_runs import takes_long

pytestmark = takes_long


def test_what_no_queue_is_bound_for_arrives_when_there_is_one(trial: Trial) -> None:
    trial.declare("")
    with trial.stage(create_queues="never") as stage:
        with Load(stage.port) as ledger:
            time.sleep(4)
            for queue in QUEUES:
                trial.declare(queue)
            ledger.stay_calm()
        trial.judge(10, ledger, in_order=False, is_quick=True)
        assert stage.log_text().count("rabbit has no queue for") == len(QUEUES)
        assert not list(stage.journal.glob("aside.*"))


def test_one_priority_without_a_queue_does_not_hold_up_the_others(trial: Trial) -> None:
    trial.declare("notifications.info")
    with trial.stage(create_queues="never") as stage:
        with Load(stage.port) as ledger:
            time.sleep(4)
        info = {each for each in ledger.owed if each[1].endswith(" INFO")}
        with Consumer(trial.rabbit, trial.vhost) as consumer:
            consumer.wait(lambda: consumer.has(info), 20)
            assert consumer.has(info)
        for queue in QUEUES:
            trial.declare(queue)
        tally = trial.judge(43, ledger, before=consumer.arrivals, in_order=False, is_quick=True)
        assert tally.repeated == 0


def test_what_a_full_queue_refuses_arrives_when_it_has_been_emptied(trial: Trial) -> None:
    for queue in QUEUES:
        trial.declare(queue, x_max_length=50, x_overflow="reject-publish")
    with trial.stage() as stage:
        with Consumer(trial.rabbit, trial.vhost) as consumer:
            with Load(stage.port) as ledger:
                time.sleep(4)
                with consumer.consuming():
                    time.sleep(2)
                    ledger.stay_calm()
            consumer.wait(lambda: consumer.has(ledger.owed), 20)
        before = consumer.arrivals
        trial.judge(11, ledger, before=before, in_order=False, is_quick=True)
        assert "rabbit refuses messages" in stage.log_text()


@pytest.mark.parametrize(
    ("more", "before", "after"),
    [
        ("a fanout, before us", {"type": "fanout", "durable": True}, None),
        ("not durable, before us", {"type": "topic", "durable": False}, None),
        ("a fanout, after us", None, {"type": "fanout", "durable": True}),
    ],
)
def test_an_exchange_that_others_declare_otherwise_is_used_as_it_is(
    trial: Trial, more: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    exchange = f"exchanges/{quote(trial.vhost, safe='')}/glance"
    if before is not None:
        trial.rabbit.api("PUT", exchange, before)
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            time.sleep(2)
            if after is not None:
                with pytest.raises(requests.HTTPError, match="inequivalent arg"):
                    trial.rabbit.api("PUT", exchange, after)
            time.sleep(2)
        trial.judge(28, ledger, more=more, in_order=before is None, is_quick=True)
        said = stage.log_text().count("exchange glance exists and is")
        assert said == (before is not None)


@by_each
def test_another_password_for_a_while_loses_nothing(trial: Trial) -> None:
    user = f"user-{uuid.uuid4().hex}"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    trial.rabbit.api("PUT", f"users/{user}", {"password": "before", "tags": ""})
    trial.rabbit.api("PUT", f"permissions/{quote(trial.vhost, safe='')}/{user}", everything)
    with trial.stage(user=user, password="before") as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            trial.rabbit.api("PUT", f"users/{user}", {"password": "changed", "tags": ""})
            trial.way.close_connections(trial.rabbit, trial.vhost)
            time.sleep(5)
        trial.rabbit.api("PUT", f"users/{user}", {"password": "before", "tags": ""})
        trial.judge(12, ledger, is_quick=True)
        assert stage.log_text().count(f"{trial.way.name} cannot be used") == 1
    trial.rabbit.api("DELETE", f"users/{user}")
