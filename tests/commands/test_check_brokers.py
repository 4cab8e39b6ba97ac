"""glance-notify check at a real RabbitMQ: each wrong set-up is found, and its line mends it."""

import getpass
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from glance_notify_middleware.journal import fitness
from tests.cli.conftest import Run, run  # noqa: F401
from tests.commands.broker_setups import AT_BROKERS, BrokerSetUp, WrongAtBroker
from tests.commands.target_broker_setups import TARGETS_AT_BROKERS
from tests.commands.wrong_setups import CANARY
from tests.strategies.inspecting import consumers


@pytest.fixture
def at(tmp_path: Path, rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokerSetUp]:
    """A right set-up, whose queues are read."""
    monkeypatch.setattr(fitness, "file_system", lambda _: "ext4")
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    name = f"test-{uuid.uuid4().hex}"
    rabbit.add_vhost(name)
    at = BrokerSetUp(tmp_path, user, node=rabbit, vhost=name)
    try:
        at.lay_out()
        with consumers(rabbit, name, *at.queues):
            yield at
    finally:
        rabbit.delete_vhost(name)
        rabbit.api("DELETE", f"users/{name}")


def found(at: BrokerSetUp, run: Run) -> dict[str, str]:  # noqa: F811
    """The mending lines of the findings, by their names."""
    return {finding["name"]: finding["mend"] for finding in checked(at, run)}


def checked(at: BrokerSetUp, run: Run) -> list[dict[str, str]]:  # noqa: F811
    """The findings. No password is printed, in any form."""
    for ended in (run(*at.arguments), run(*at.arguments, "-f", "json")):
        assert CANARY not in ended.out + ended.err
    findings: list[dict[str, str]] = json.loads(ended.out)
    return findings


def test_right_set_up_has_no_finding(at: BrokerSetUp, run: Run) -> None:  # noqa: F811
    assert found(at, run) == {}


@pytest.mark.parametrize("row", AT_BROKERS + TARGETS_AT_BROKERS, ids=lambda row: row.what)
def test_wrong_set_up_is_found_and_its_mend_mends_it(
    row: WrongAtBroker,
    at: BrokerSetUp,
    run: Run,  # noqa: F811
) -> None:
    row.make(at)
    try:
        findings = {finding["name"]: finding for finding in checked(at, run)}
        assert set(findings) == {row.name, *row.also}
        finding = findings[row.name]
        assert row.says.format(port=at.node.port) in f"{finding['what']}; {finding['mend']}"
        at.apply(finding["mend"])
        assert row.name not in found(at, run)
    finally:
        if row.name == "broker-blocked":
            at.node.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
