"""A broker with a wrong certificate or without the vhost, and messages that it never takes."""

import json
import shutil
import time
import uuid
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults.arrivals import QUEUES
from tests.faults.client_load import LIFE, Load, ask
from tests.faults.deployment import Deployment
from tests.faults.fault_run import FaultRun
from tests.faults.tested_strategies import for_each_broker
from tests.long_runs import takes_long

pytestmark = takes_long

_LONGEST = 10_000  # bytes of a message that the broker takes


@for_each_broker
@pytest.mark.parametrize("ca", ["of another authority", "a file that is missing"])
def test_messages_arrive_once_the_ca_file_has_the_right_authority(
    fault_run: FaultRun, ca: str
) -> None:
    ca_file = fault_run.folder / "ca.pem"
    if ca == "of another authority":
        shutil.copy(fault_run.rabbit.certificates.other_ca, ca_file)
    with _over_tls(fault_run, "127.0.0.1", ca_file) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
        _assert_nothing_has_arrived(fault_run)
        shutil.copy(fault_run.rabbit.certificates.ca, ca_file)
        fault_run.check(29, ledger, more=f"CA {ca}", is_quick=True)
        assert deployment.log_text().count(f"{fault_run.strategy.name} cannot be used") == 1


@for_each_broker
def test_messages_arrive_once_the_host_is_that_of_the_certificate(fault_run: FaultRun) -> None:
    """127.1 is another spelling of 127.0.0.1, which the certificate does not have."""
    authority = fault_run.rabbit.certificates.ca
    with _over_tls(fault_run, "127.1", authority) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
        _assert_nothing_has_arrived(fault_run)
        assert deployment.log_text().count(f"{fault_run.strategy.name} cannot be used") == 1
    with _over_tls(fault_run, "127.0.0.1", authority):
        fault_run.check(29, ledger, more="of another host", is_quick=True)


def test_messages_arrive_once_the_virtual_host_exists(fault_run: FaultRun, rabbit: Rabbit) -> None:
    vhost = f"{fault_run.vhost}-later"
    with fault_run.deployment(rabbit_virtual_host=vhost) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
        assert deployment.log_text().count("rabbit cannot be used") == 1
        rabbit.add_vhost(vhost)
        fault_run.vhost = vhost
        fault_run.check(29, ledger, more="another vhost", is_quick=True)
    rabbit.delete_vhost(vhost)


def _over_tls(fault_run: FaultRun, host: str, ca: Path) -> Deployment:
    return fault_run.deployment(
        hosts=f"{host}:{fault_run.rabbit.tls_port}",
        **{name: form.format(ca=ca) for name, form in fault_run.strategy.tls.items()},
    )


def _assert_nothing_has_arrived(fault_run: FaultRun) -> None:
    assert not any(fault_run.rabbit.drain(queue, fault_run.vhost) for queue in QUEUES)


@for_each_broker
def test_message_that_is_too_long_becomes_a_dead_letter_and_the_rest_is_delivered(
    fault_run: FaultRun,
) -> None:
    limit = fault_run.rabbit.ctl(
        "eval", "application:get_env(rabbit, max_message_size, 134217728)."
    )
    _set_limit(fault_run, _LONGEST)
    try:
        with fault_run.deployment() as deployment:
            with Load(deployment.port) as ledger:
                poison = {f"poison/{number}" for number in range(5)}
                for request_id in poison:
                    time.sleep(0.5)
                    ask(
                        deployment.port,
                        request_id,
                        str(uuid.uuid4()),
                        LIFE[0],
                        **{"X-Long": "20000"},
                    )
            deployment.wait_until(lambda: _dead_letters(deployment).keys() == poison)
            places = set(_dead_letters(deployment).values())
            fault_run.check(31, ledger, is_quick=True, may_lack=places)
    finally:
        _set_limit(fault_run, int(limit))


def _set_limit(fault_run: FaultRun, size: int) -> None:
    fault_run.rabbit.ctl("eval", f"application:set_env(rabbit, max_message_size, {size}).")


def _dead_letters(deployment: Deployment) -> dict[str, tuple[str, int]]:
    """The dead letters: journal and number of each, by its request id."""
    notifications = [
        json.loads(line)["notification"]
        for path in deployment.journal.glob("dead-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return {
        each["_context_request_id"]: (each["_sequence"]["journal"], each["_sequence"]["number"])
        for each in notifications
    }
