"""A broker that is not believed, or has no such place, and messages that it never takes."""

import json
import shutil
import time
import uuid
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults.load import LIFE, Load, ask
from tests.faults.stage import Stage
from tests.faults.tally import QUEUES
from tests.faults.trial import Trial
from tests.faults.ways import by_each
from tests.long_runs import takes_long

pytestmark = takes_long

_LONGEST = 10_000  # bytes of a message that the broker takes


@by_each
@pytest.mark.parametrize("ca", ["of another authority", "a file that is missing"])
def test_what_waits_for_the_right_authority_arrives_with_it(trial: Trial, ca: str) -> None:
    believed = trial.folder / "ca.pem"
    if ca == "of another authority":
        shutil.copy(trial.rabbit.certificates.other_ca, believed)
    with _by_tls(trial, "127.0.0.1", believed) as stage:
        with Load(stage.port) as ledger:
            time.sleep(3)
        _nothing_has_arrived(trial)
        shutil.copy(trial.rabbit.certificates.ca, believed)
        trial.judge(29, ledger, more=f"CA {ca}", is_quick=True)
        assert stage.log_text().count(f"{trial.way.name} cannot be used") == 1


@by_each
def test_what_waits_for_the_right_host_arrives_when_it_is_named(trial: Trial) -> None:
    """127.1 is another way to write 127.0.0.1, which the certificate does not have."""
    authority = trial.rabbit.certificates.ca
    with _by_tls(trial, "127.1", authority) as stage:
        with Load(stage.port) as ledger:
            time.sleep(3)
        _nothing_has_arrived(trial)
        assert stage.log_text().count(f"{trial.way.name} cannot be used") == 1
    with _by_tls(trial, "127.0.0.1", authority):
        trial.judge(29, ledger, more="of another host", is_quick=True)


def test_what_waits_for_a_virtual_host_arrives_when_it_is_there(
    trial: Trial, rabbit: Rabbit
) -> None:
    vhost = f"{trial.vhost}-later"
    with trial.stage(rabbit_virtual_host=vhost) as stage:
        with Load(stage.port) as ledger:
            time.sleep(3)
        assert stage.log_text().count("rabbit cannot be used") == 1
        rabbit.add_vhost(vhost)
        trial.vhost = vhost
        trial.judge(29, ledger, more="another vhost", is_quick=True)
    rabbit.delete_vhost(vhost)


def _by_tls(trial: Trial, host: str, ca: Path) -> Stage:
    return trial.stage(
        hosts=f"{host}:{trial.rabbit.tls_port}",
        **{name: form.format(ca=ca) for name, form in trial.way.tls.items()},
    )


def _nothing_has_arrived(trial: Trial) -> None:
    assert not any(trial.rabbit.drain(queue, trial.vhost) for queue in QUEUES)


@by_each
def test_what_is_too_long_for_the_broker_is_buried_and_the_rest_goes_on(trial: Trial) -> None:
    limit = trial.rabbit.ctl("eval", "application:get_env(rabbit, max_message_size, 134217728).")
    _set_limit(trial, _LONGEST)
    try:
        with trial.stage() as stage:
            with Load(stage.port) as ledger:
                poison = {f"poison/{number}" for number in range(5)}
                for each in poison:
                    time.sleep(0.5)
                    ask(stage.port, each, str(uuid.uuid4()), LIFE[0], **{"X-Long": "20000"})
            trial.judge(31, ledger, is_quick=True)
            stage.wait_until(lambda: _buried(stage) == poison)
    finally:
        _set_limit(trial, int(limit))


def _set_limit(trial: Trial, size: int) -> None:
    trial.rabbit.ctl("eval", f"application:set_env(rabbit, max_message_size, {size}).")


def _buried(stage: Stage) -> set[str]:
    """The request ids of the dead letters."""
    lines = [
        line
        for path in stage.journal.glob("dead-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return {json.loads(line)["notification"]["_context_request_id"] for line in lines}
