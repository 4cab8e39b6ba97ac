"""The options that belong to no strategy with brokers."""

import dataclasses
import ipaddress
from typing import Any

import pytest

from glance_notify_middleware.config import Settings, general_options
from glance_notify_middleware.events.notification import Priority
from tests.config.reading import DEFAULTS, assert_refused, settings_of

VALID: tuple[tuple[str, str, Any], ...] = (
    ("notifier_strategy", "logging", ("logging",)),
    ("notifier_strategy", " noop ", ("noop",)),
    ("notifier_strategy", "default", ("noop",)),
    ("notifier_strategy", "Rabbit", ("rabbit",)),
    ("notifier_strategy", "QPID", ("qpid",)),
    ("notifier_strategy", "rabbit, Logging,qpid", ("rabbit", "logging", "qpid")),
    ("notifier_strategy", "Kafka_2-ours", ("Kafka_2-ours",)),
    ("default_publisher_id", "image.localhost", "image.localhost"),
    ("default_publisher_id", "  ", "glance-1"),
    ("disabled_notifications", "image.update", ("image.update",)),
    ("disabled_notifications", "image.member, image.send,", ("image.member", "image.send")),
    ("disabled_notifications", "image", ("image",)),
    ("event_types", "image.send, Image.Member", ("image.send", "image.member")),
    ("projects", "3f1c, a-b_c", frozenset({"3f1c", "a-b_c"})),
    ("priorities", "error", (Priority.ERROR,)),
    ("priorities", "WARN,Error", (Priority.WARN, Priority.ERROR)),
    ("message_format", "OSLO", "oslo"),
    ("message_format", "CloudEvents", "cloudevents"),
    ("message_format", "cadf", "cadf"),
    ("image_delete_payload", "metadata", "metadata"),
    (
        "trusted_proxies",
        "10.0.0.0/8, ::1",
        (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")),
    ),
    ("trusted_proxies", "UNIX, unix:", ("unix", "unix")),
    (
        "trusted_proxies",
        "::ffff:10.0.0.1, ::FFFF:10.0.0.0/104, ::ffff:0:0/96, ::/0",
        (
            ipaddress.ip_network("10.0.0.1/32"),
            ipaddress.ip_network("10.0.0.0/8"),
            ipaddress.ip_network("0.0.0.0/0"),
            ipaddress.ip_network("::/0"),
        ),
    ),
    ("follow_limit", "7d", 604800.0),
    ("follow_max", "1", 1),
    ("owner_cache_time", "24h", 86400.0),
    ("log_file", "/var/log/glance/notifications.log", "/var/log/glance/notifications.log"),
    ("journal_dir", "/srv/journal", "/srv/journal"),
    ("journal_max_size", "1048576", 1024**2),
    ("journal_max_size", "1024KiB", 1024**2),
    ("journal_max_size", "64 mib", 64 * 1024**2),
    ("journal_when_full", "refuse", "refuse"),
    ("journal_sync", "full", "full"),
    ("relay", "external", "external"),
)


@pytest.mark.parametrize(("name", "text", "value"), VALID)
def test_line_sets_its_option_and_no_other(name: str, text: str, value: Any) -> None:
    changed: dict[str, Any] = {name: value, "journal_dir_is_set": name == "journal_dir"}
    assert dataclasses.replace(settings_of({name: text}), targets={}) == dataclasses.replace(
        DEFAULTS, **changed
    )


def test_every_option_has_a_setting_and_a_test_that_sets_it() -> None:
    names = {option.name for option in general_options.OPTIONS}
    assert names == {name for name, _, _ in VALID}
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert fields == names | {
        "rabbit",
        "qpid",
        "webhook",
        "journal_dir_is_set",
        "historic",
        "targets",
        "own_options",
    }


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("notifier_strategy", "", "noop alone, or a list, separated by commas, each once"),
        ("projects", "one two", "ids of projects"),
        ("notifier_strategy", ",", "logging, rabbit, qpid, webhook, names of targets"),
        ("notifier_strategy", "rabbit qpid", "separated by commas"),
        ("notifier_strategy", "rabbit, qpid, Rabbit", "each once"),
        ("notifier_strategy", "noop, noop", "each once"),
        ("notifier_strategy", "noop, logging", "noop alone"),
        ("notifier_strategy", "rabbit, default", "noop alone"),
        ("notifier_strategy", "../pigeon", "names of strategies that are installed"),
        ("notifier_strategy", "p" * 65, "names of strategies that are installed"),
        ("disabled_notifications", "image.up", "image.member.create"),
        ("disabled_notifications", "image.update image.send", "separated by commas"),
        ("priorities", "debug", "info, warn, error"),
        ("priorities", ",", "info, warn, error"),
        ("image_delete_payload", "both", "id or metadata"),
        ("trusted_proxies", "10.0.0.0/33", "10.0.0.0/8"),
        ("trusted_proxies", "10.0.0.1/8", "10.0.0.0/8"),
        ("trusted_proxies", "::ffff:10.0.0.1/104", "10.0.0.0/8"),
        ("trusted_proxies", "proxy.example", "10.0.0.0/8"),
        ("follow_max", "0", "a number"),
        ("follow_max", "many", "a number"),
        ("follow_max", "1000001", "a number"),
        ("follow_limit", "0", "more than 0"),
        ("owner_cache_time", "86401", "of 24h at most"),
        ("owner_cache_time", "-1", "0, or seconds"),
        ("log_file", "notifications.log", "an absolute path"),
        ("message_format", "json", "plain, oslo, cloudevents or cadf"),
        ("journal_dir", "", "an absolute path"),
        ("journal_dir", "/srv/journal # here", "an absolute path"),
        ("journal_max_size", "2GB", "2GiB"),
        ("journal_max_size", "0", "a size"),
        ("journal_max_size", "1023KiB", "a size of 1MiB or more"),
        ("journal_max_size", "-1", "a size"),
        ("journal_max_size", "1.5GiB", "a size"),
    ],
)
def test_wrong_value_is_refused_with_the_option_the_value_and_what_was_expected(
    name: str, text: str, expected: str
) -> None:
    assert_refused(name, text, expected)
