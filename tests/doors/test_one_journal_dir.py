"""Filters that share a journal_dir have one destination: one of them delivers what all record."""

import os
import threading
import time
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import OPTIONS, OptionError
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import DESTINATIONS
from glance_notify_middleware.strategies.loading import makers
from tests.journal.processes import call_in_process, eventually, living_writer, running

Lines = dict[str, str]

RABBIT: Lines = {"notifier_strategy": "rabbit", "rabbit_userid": "u", "rabbit_password": "pa55"}
QPID: Lines = {"notifier_strategy": "qpid", "qpid_username": "u", "qpid_password": "pa55"}
WEBHOOK: Lines = {"notifier_strategy": "webhook", "webhook_url": "https://u:pa55@a/pa55"}
TLS: Lines = RABBIT | {"rabbit_use_ssl": "true"}
DURABLE: Lines = RABBIT | {"rabbit_durable_queues": "true"}

AS_EACH_RECORDS = {
    "default_publisher_id",
    "disabled_notifications",
    "event_types",
    "image_delete_payload",
    "trusted_proxies",
    "follow_limit",
    "follow_max",
    "owner_cache_time",
    "log_file",
    "journal_dir",
    "journal_when_full",
}
"""What these options decide is decided before a message is in the journal, as long as no target has
lines of its own."""

AS_LANES_CHOOSE = {"projects"}
"""Compared where they are set."""

OF_A_JOURNAL = {"journal_max_size", "journal_sync", "relay"}

AS_EACH_SENDS = {
    "rabbit_password_file",
    "rabbit_ssl_ca_file",
    "rabbit_ssl_cert_file",
    "rabbit_ssl_key_file",
    "rabbit_retry_backoff",
    "rabbit_retry_max_backoff",
    "qpid_password_file",
    "qpid_allow_plain_without_tls",
    "qpid_ssl_ca_file",
    "qpid_ssl_cert_file",
    "qpid_ssl_key_file",
    "qpid_heartbeat",
    "qpid_reconnect_interval_min",
    "qpid_reconnect_interval_max",
    "webhook_secrets_file",
    "webhook_token_file",
    "webhook_ssl_ca_file",
    "webhook_ssl_cert_file",
    "webhook_ssl_key_file",
    "webhook_proxy",
    "webhook_connect_timeout",
    "webhook_answer_timeout",
    "webhook_timeout",
    "webhook_retry_backoff",
    "webhook_retry_max_backoff",
}
"""Secrets, where files lie (two containers may differ), when something is tried again."""

JOINED = {
    "rabbit_host",
    "rabbit_port",
    "rabbit_userid",
    "rabbit_password",
    "transport_url",
    "qpid_hostname",
    "qpid_host",
    "qpid_port",
    "qpid_username",
    "qpid_password",
}
"""What is compared as a part of rabbit_hosts, rabbit_virtual_host and qpid_hosts; not passwords."""


def load(directory: Path, lines: Lines) -> None:
    """What the load of a filter does about other filters."""
    settings = config.read({"journal_dir": str(directory), **lines}, "this-host")
    assembly.prepare(settings, makers(settings), hosting.host())


def live(directory: Path, lines: Lines) -> None:
    """A process that has loaded a filter, and has not recorded anything."""
    load(directory, lines)
    (directory / "loaded").touch()
    time.sleep(60)


def test_option_is_compared_or_decides_nothing_for_others() -> None:
    all_of_them = ["rabbit", "qpid", "webhook"]
    lines = WEBHOOK | {"notifier_strategy": ", ".join(all_of_them)}
    compared = assembly.destinations(config.read(lines, "this-host"), all_of_them).keys()
    others = AS_EACH_RECORDS | AS_LANES_CHOOSE | OF_A_JOURNAL | AS_EACH_SENDS | JOINED
    assert compared | others == {option.name for option in OPTIONS}
    assert not compared & others


@pytest.mark.parametrize(
    ("there", "here", "option"),
    [
        (RABBIT, {"rabbit_hosts": "a"}, "rabbit_hosts (or transport_url)"),
        (RABBIT, {"rabbit_port": "5671"}, "rabbit_hosts (or transport_url)"),
        (RABBIT, {"rabbit_userid": "v"}, "rabbit_hosts (or transport_url)"),
        (RABBIT, {"rabbit_virtual_host": "v"}, "rabbit_virtual_host (or transport_url)"),
        (RABBIT, {"rabbit_use_ssl": "true"}, "rabbit_use_ssl (or transport_url)"),
        (TLS, {"rabbit_ssl_verify": "false"}, "rabbit_ssl_verify"),
        (RABBIT, {"rabbit_notification_exchange": "n"}, "rabbit_notification_exchange"),
        (RABBIT, {"rabbit_notification_topic": "n"}, "rabbit_notification_topic"),
        (RABBIT, {"create_queues": "never"}, "create_queues"),
        (RABBIT, {"queue_max_bytes": "1GiB"}, "queue_max_bytes"),
        (DURABLE, {"rabbit_durable_queues": "false"}, "rabbit_durable_queues"),
        (DURABLE, {"rabbit_queue_type": "quorum"}, "rabbit_queue_type"),
        (RABBIT, {"priorities": "info"}, "priorities"),
        (RABBIT, {"message_format": "oslo"}, "message_format"),
        (RABBIT, {"projects": "p"}, "projects"),
        (RABBIT, {"notifier_strategy": "rabbit, qpid"}, "notifier_strategy"),
        (QPID, {"qpid_hosts": "a"}, "qpid_hosts"),
        (QPID, {"qpid_username": "v"}, "qpid_hosts"),
        (QPID, {"qpid_sasl_mechanisms": "anonymous"}, "qpid_sasl_mechanisms"),
        (QPID, {"qpid_protocol": "ssl"}, "qpid_protocol"),
        (QPID | {"qpid_protocol": "ssl"}, {"qpid_ssl_verify": "false"}, "qpid_ssl_verify"),
        (QPID, {"qpid_notification_exchange": "n"}, "qpid_notification_exchange"),
        (QPID, {"qpid_notification_topic": "n"}, "qpid_notification_topic"),
        (QPID, {"qpid_target": "t"}, "qpid_target"),
        (QPID, {"qpid_create_node": "true"}, "qpid_create_node"),
        (WEBHOOK, {"webhook_url": "https://b/"}, "webhook_url"),
        (WEBHOOK, {"webhook_url": "https://a:8443/"}, "webhook_url"),
        (WEBHOOK, {"webhook_url": "http://localhost/"}, "webhook_url"),
        (WEBHOOK, {"webhook_batch": "2"}, "webhook_batch"),
        (WEBHOOK, {"webhook_ssl_verify": "false"}, "webhook_ssl_verify"),
    ],
)
def test_filter_with_another_destination_is_an_error_that_names_the_option(
    there: Lines, here: Lines, option: str, tmp_path: Path
) -> None:
    """In another process, from its load on, and in the same process."""
    directory = tmp_path / "other"
    with running(live, directory, there):
        eventually((directory / "loaded").exists)
        with pytest.raises(OptionError) as raised:
            load(directory, {**there, **here})
        error = str(raised.value)
        assert error.startswith(f"option {option} of the notify filter: ")
        assert f" in a process that runs with the same journal_dir, {directory}; stop all" in error
        assert "pa55" not in error
    load(directory, {**there, **here})  # no process lives there now
    load(tmp_path / "own", there)
    with pytest.raises(OptionError) as raised:
        load(tmp_path / "own", {**there, **here})
    error = str(raised.value)
    assert error.startswith(f"option {option} of the notify filter: ")
    assert " in another filter of this process with the same journal_dir, " in error
    assert "pa55" not in error


def test_option_that_decides_nothing_for_others_may_differ(tmp_path: Path) -> None:
    url = "rabbit://u:changed@b:5672,u:changed@a:5672/"
    with running(live, tmp_path, RABBIT | {"rabbit_hosts": "a,b"}):
        eventually((tmp_path / "loaded").exists)
        for lines in (
            RABBIT | {"rabbit_hosts": "b,a", "rabbit_password": "changed"},
            {"notifier_strategy": "logging, rabbit", "transport_url": url},
            RABBIT
            | {
                "rabbit_hosts": "a,b",
                "priorities": "error, warn, info",
                "disabled_notifications": "image.send",
                "image_delete_payload": "metadata",
                "default_publisher_id": "another",
                "rabbit_retry_backoff": "5",
                "journal_when_full": "refuse",
            },
        ):
            load(tmp_path, lines)
        assert "pa55" not in (tmp_path / DESTINATIONS).read_text()
        more = {"relay": "external", "journal_max_size": "1GiB", "journal_sync": "full"}
        call_in_process(load, tmp_path, RABBIT | {"rabbit_hosts": "a,b"} | more)


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ({"relay": "external"}, "option relay of the notify filter: 'external' here, but 'thread'"),
        ({"journal_sync": "full"}, "option journal_sync of the notify filter: 'full' here, but 'n"),
        ({"journal_max_size": "1GiB"}, "option journal_max_size of the notify filter: 1073741824 "),
    ],
)
def test_filters_of_one_process_agree_on_the_options_of_their_journal(
    line: Lines, start: str, tmp_path: Path
) -> None:
    load(tmp_path / "a", RABBIT)
    load(tmp_path / "a", RABBIT)  # as several composites of a paste file do
    with pytest.raises(OptionError) as raised:
        load(tmp_path / "a", RABBIT | line)
    assert str(raised.value).startswith(start)
    load(tmp_path / "b", RABBIT | line)


def test_forked_child_must_agree_with_the_filters_of_its_parent(tmp_path: Path) -> None:
    load(tmp_path, RABBIT)
    if (pid := os.fork()) == 0:
        os._exit(0 if _loads(tmp_path, RABBIT | {"rabbit_virtual_host": "v"}) else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3


@pytest.mark.parametrize("number", range(5))
def test_processes_that_start_at_the_same_time_are_not_both_the_first(
    number: int, tmp_path: Path
) -> None:
    loaded: list[bool] = []

    def start(vhost: str) -> None:
        loaded.append(call_in_process(_loads, tmp_path, RABBIT | {"rabbit_virtual_host": vhost}))

    threads = [threading.Thread(target=start, args=(vhost,)) for vhost in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(loaded) == [False, True]


def _loads(directory: Path, lines: Lines) -> bool:
    try:
        load(directory, lines)
    except OptionError:
        return False
    time.sleep(1.0)  # the other process has tried by then
    return True


def test_agreement_of_an_older_version_is_completed(tmp_path: Path) -> None:
    """The older version may run beside this one. It knows fewer options."""
    old = {
        "notifier_strategy": "rabbit",
        "rabbit_notification_exchange": "glance",
        "rabbit_notification_topic": "notifications",
        "message_format": "plain",
    }
    checksummed.replace(tmp_path / DESTINATIONS, old)
    with living_writer(tmp_path):
        assert not call_in_process(_loads, tmp_path, RABBIT | {"message_format": "oslo"})
        assert call_in_process(_loads, tmp_path, RABBIT)
        stands = checksummed.load(tmp_path / DESTINATIONS)
        assert stands is not None
        assert stands.items() > old.items()
        assert stands["rabbit_hosts"] == "u@localhost:5672"
        assert not call_in_process(_loads, tmp_path, RABBIT | {"rabbit_virtual_host": "v"})


def test_refused_filter_prevents_no_other_filter(tmp_path: Path) -> None:
    with running(live, tmp_path, RABBIT | {"message_format": "oslo"}):
        eventually((tmp_path / "loaded").exists)
        with pytest.raises(OptionError):
            load(tmp_path, RABBIT)
    assert call_in_process(_loads, tmp_path, RABBIT | {"rabbit_virtual_host": "v"})
