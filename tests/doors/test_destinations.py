"""The destination that a filter agrees on at load with the other users of its journal_dir."""

import subprocess
import sys
from pathlib import Path

import pytest

from glance_notify_middleware import config, filter_factory
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.destinations import Destinations
from glance_notify_middleware.journal.layout import DESTINATIONS
from glance_notify_middleware.strategies.loading import makers
from glance_notify_middleware.strategies.registry import describe
from tests.journal.fake_leader import write_dead_process
from tests.journal.processes import call_in_process


def test_filter_that_differs_from_a_living_process_is_an_error_with_the_way_out(
    tmp_path: Path,
) -> None:
    Destinations().agree(
        tmp_path, {"notifier_strategy": "rabbit", "message_format": "oslo"}, lambda: None
    )
    living = (
        "import sys, time; from pathlib import Path\n"
        "from glance_notify_middleware.journal.writer import Journal\n"
        "Journal(Path(sys.argv[1]), max_size=2**30).open(); print(); time.sleep(60)"
    )
    command = [sys.executable, "-c", living, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with pytest.raises(OptionError, match="stop all processes that use it, then start"):
                filter_factory({}, notifier_strategy="rabbit", journal_dir=str(tmp_path))
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("lines", "hosts", "destinations"),
    [
        (
            {"notifier_strategy": "rabbit", "rabbit_hosts": "a,b:1"},
            "a:5672, b:1",
            {
                "notifier_strategy": "rabbit",
                "message_format": "plain",
                "priorities": "ERROR, INFO, WARN",
                "rabbit_hosts": "guest@a:5672, guest@b:1",
                "rabbit_virtual_host": "/",
                "rabbit_use_ssl": False,
                "rabbit_ssl_verify": True,
                "rabbit_notification_exchange": "glance",
                "rabbit_notification_topic": "notifications",
                "create_queues": "wait",
                "queue_max_bytes": 0,
                "rabbit_durable_queues": None,
                "rabbit_queue_type": "classic",
            },
        ),
        (
            {"notifier_strategy": "qpid", "qpid_host": "c", "qpid_target": "/exchange/{exchange}"},
            "c:5672",
            {
                "notifier_strategy": "qpid",
                "message_format": "plain",
                "priorities": "ERROR, INFO, WARN",
                "qpid_hosts": "@c:5672",
                "qpid_sasl_mechanisms": "ANONYMOUS",
                "qpid_protocol": "tcp",
                "qpid_ssl_verify": True,
                "qpid_notification_exchange": "glance",
                "qpid_notification_topic": "notifications",
                "qpid_target": "/exchange/{exchange}",
                "qpid_create_node": False,
            },
        ),
        (
            {"notifier_strategy": "webhook", "webhook_url": "https://token@siem.example/token"},
            "siem.example:443",
            {
                "notifier_strategy": "webhook",
                "message_format": "plain",
                "priorities": "ERROR, INFO, WARN",
                "webhook_url": "https://siem.example",
                "webhook_batch": 1,
                "webhook_ssl_verify": True,
            },
        ),
    ],
)
def test_chosen_strategy_is_the_one_that_is_described_agreed_on_and_made(
    tmp_path: Path, lines: dict[str, str], hosts: str, destinations: dict[str, object]
) -> None:
    settings = config.read(lines | {"journal_dir": str(tmp_path / "journal")}, "this-host")
    (strategy,) = settings.notifier_strategy
    assert ", ".join(map(str, describe(settings.targets[strategy]).brokers)) == hosts
    made = makers(settings)
    assembly.prepare(settings, made, Host())
    assert checksummed.load(tmp_path / "journal" / DESTINATIONS) == destinations
    one = made[strategy]()
    assert type(one).__name__.lower() == strategy
    one.close()
    assembly.relay(settings, made, Host())


def test_destinations_of_several_strategies_do_not_depend_on_their_order(
    tmp_path: Path,
) -> None:
    expected = {
        "notifier_strategy": "qpid, rabbit",
        "qpid_notification_exchange": "glance",
        "qpid_notification_topic": "notifications",
        "qpid_target": "{exchange}",
        "rabbit_notification_exchange": "glance",
        "rabbit_notification_topic": "notifications",
        "message_format": "plain",
    }
    found = []
    for line in ("logging, rabbit, qpid", "qpid, rabbit"):
        lines = {"notifier_strategy": line, "journal_dir": str(tmp_path / "journal")}
        settings = config.read(lines, "this-host")
        made = makers(settings)
        assert set(made) == {"rabbit", "qpid"}
        assembly.prepare(settings, made, Host())
        found.append(checksummed.load(tmp_path / "journal" / DESTINATIONS) or {})
        assert found[-1].items() > expected.items()
    assert found[0] == found[1]


def prepare(settings: config.Settings, strategies: list[str]) -> None:
    """What a process of its own does."""
    assembly.prepare(settings, strategies, Host())


def test_added_strategy_begins_with_what_is_recorded_after_its_load(
    tmp_path: Path,
) -> None:
    lines = {"journal_dir": str(tmp_path), "notifier_strategy": "rabbit, qpid"}
    settings = config.read(lines, "this-host")
    call_in_process(prepare, settings, ["rabbit"])
    CursorFile(tmp_path, ["rabbit"]).save()
    write_dead_process(tmp_path, "a" * 16, 3)
    call_in_process(prepare, settings, ["rabbit", "qpid"])
    write_dead_process(tmp_path, "b" * 16, 3)
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    assert file.of("rabbit").positions == {}
    assert file.of("qpid").positions.keys() == {"a" * 16}
