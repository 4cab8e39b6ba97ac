"""The options of the rabbit strategy, but for transport_url."""

from typing import Any

import pytest

from glance_notify_middleware.config.brokers import Broker
from tests.config.reading import (
    Lines,
    assert_all_are_set,
    assert_refused,
    assert_sets,
    error_of,
    settings_of,
    shown,
)

TLS = {"rabbit_use_ssl": "true"}

VALID: tuple[tuple[Lines, dict[str, Any]], ...] = (
    ({"create_queues": "never"}, {"create_queues": "never"}),
    ({"queue_max_bytes": "1GiB"}, {"queue_max_bytes": 1024**3}),
    ({"queue_max_bytes": "0"}, {}),
    ({"rabbit_host": "a"}, {"hosts": (Broker("a", 5672, "guest", "guest"),)}),
    ({"rabbit_hosts": "a:1"}, {"hosts": (Broker("a", 1, "guest", "guest"),)}),
    ({"rabbit_port": "1"}, {"hosts": (Broker("localhost", 1, "guest", "guest"),)}),
    ({"rabbit_userid": "u"}, {"hosts": (Broker("localhost", 5672, "u", "guest"),)}),
    ({"rabbit_password": "pa55#;"}, {"hosts": (Broker("localhost", 5672, "guest", "pa55#;"),)}),
    (
        {"rabbit_password_file": "/etc/pw"},
        {"password_file": "/etc/pw", "hosts": (Broker("localhost", 5672, "guest", ""),)},
    ),
    ({"rabbit_password_file": ""}, {}),
    ({"rabbit_virtual_host": "images"}, {"virtual_host": "images"}),
    ({"rabbit_virtual_host": ""}, {}),
    (
        {"transport_url": "rabbit://u:p@a/v"},
        {"hosts": (Broker("a", 5672, "u", "p"),), "virtual_host": "v"},
    ),
    ({"rabbit_use_ssl": "True"}, {"use_ssl": True}),
    ({"rabbit_use_ssl": "off"}, {}),
    ({"rabbit_use_ssl": "1"}, {"use_ssl": True}),
    ({"rabbit_use_ssl": "0"}, {}),
    (TLS | {"rabbit_ssl_ca_file": "/ca"}, {"use_ssl": True, "ssl_ca_file": "/ca"}),
    (
        TLS | {"rabbit_ssl_cert_file": "/cert", "rabbit_ssl_key_file": "/key"},
        {"use_ssl": True, "ssl_cert_file": "/cert", "ssl_key_file": "/key"},
    ),
    (TLS | {"rabbit_ssl_verify": "false"}, {"use_ssl": True, "ssl_verify": False}),
    ({"rabbit_notification_exchange": "nova"}, {"notification_exchange": "nova"}),
    ({"rabbit_notification_topic": "n.glance"}, {"notification_topic": "n.glance"}),
    ({"rabbit_durable_queues": "no"}, {"durable_queues": False}),
    ({"rabbit_queue_type": "quorum"}, {"queue_type": "quorum"}),
    ({"rabbit_retry_backoff": "1.5"}, {"retry_backoff": 1.5}),
    ({"rabbit_retry_backoff": "5s"}, {"retry_backoff": 5.0}),
    ({"rabbit_retry_max_backoff": "5m"}, {"retry_max_backoff": 300.0}),
    ({"rabbit_retry_max_backoff": "24H"}, {"retry_max_backoff": 86400.0}),
    ({"rabbit_retry_max_backoff": "7d"}, {"retry_max_backoff": 604800.0}),
)


@pytest.mark.parametrize(("lines", "changed"), VALID, ids=shown)
def test_line_sets_its_option_and_no_other(lines: Lines, changed: dict[str, Any]) -> None:
    assert_sets("rabbit", lines, changed)


def test_every_option_and_every_setting_has_a_test_that_sets_it() -> None:
    assert_all_are_set("rabbit", VALID)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("queue_max_bytes", "many", "0, or a size"),
        ("rabbit_host", "", "a host name"),
        ("rabbit_host", "a b", "a host name"),
        ("rabbit_host", "rabbit:5672", "a host name"),
        ("rabbit_hosts", "a,b:0", "host:port"),
        ("rabbit_hosts", "a:65536", "host:port"),
        ("rabbit_hosts", "a;b", "host:port"),
        ("rabbit_hosts", "[::x]:1", "[::1]:5672"),
        ("rabbit_hosts", "[::1]:x", "[::1]:5672"),
        ("rabbit_hosts", "1:2:3", "[::1]:5672"),
        ("rabbit_hosts", "a://b", "host:port"),
        ("rabbit_port", "amqp", "a port"),
        ("rabbit_userid", "", "not empty"),
        ("rabbit_use_ssl", "maybe", "true or false"),
        ("rabbit_notification_topic", "", "a name"),
        ("rabbit_notification_exchange", "x" * 201, "a name"),
        ("rabbit_retry_backoff", "0", "more than 0"),
        ("rabbit_retry_backoff", "1w", "7d"),
    ],
)
def test_wrong_value_is_refused_with_the_option_the_value_and_what_was_expected(
    name: str, text: str, expected: str
) -> None:
    assert_refused(name, text, expected)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({}, [("localhost", 5672)]),
        ({"rabbit_host": "rabbit-1.example"}, [("rabbit-1.example", 5672)]),
        ({"rabbit_host": "::1", "rabbit_port": "5671"}, [("::1", 5671)]),
        ({"rabbit_host": "[::1]"}, [("::1", 5672)]),
        ({"rabbit_hosts": "a:1, b,", "rabbit_port": "5671"}, [("a", 1), ("b", 5671)]),
        (
            {"rabbit_hosts": "[::1]:1,[fe80::2],10.0.0.1:3"},
            [("::1", 1), ("fe80::2", 5672), ("10.0.0.1", 3)],
        ),
    ],
    ids=shown,
)
def test_hosts_are_one_or_a_list_and_a_host_without_a_port_gets_the_common_port(
    lines: Lines, expected: list[tuple[str, int]]
) -> None:
    rabbit = settings_of(lines).rabbit
    assert [(broker.host, broker.port) for broker in rabbit.hosts] == expected
    assert rabbit.virtual_host == "/"


def test_user_and_password_are_those_of_every_host() -> None:
    rabbit = settings_of(
        {"rabbit_hosts": "a,b", "rabbit_userid": "glance", "rabbit_password": "pa55#;"}
    ).rabbit
    assert rabbit.hosts == (
        Broker("a", 5672, "glance", "pa55#;"),
        Broker("b", 5672, "glance", "pa55#;"),
    )


URL = {"transport_url": "rabbit://u:pa55@h/v"}


@pytest.mark.parametrize(
    ("lines", "first", "second"),
    [
        (URL | {"rabbit_host": "h"}, "transport_url", "rabbit_host"),
        (URL | {"rabbit_hosts": "h"}, "transport_url", "rabbit_hosts"),
        (URL | {"rabbit_port": "5672"}, "transport_url", "rabbit_port"),
        (URL | {"rabbit_userid": "u"}, "transport_url", "rabbit_userid"),
        (URL | {"rabbit_password": "pa55"}, "transport_url", "rabbit_password"),
        (URL | {"rabbit_password_file": "/p"}, "transport_url", "rabbit_password_file"),
        (URL | {"rabbit_virtual_host": "v"}, "transport_url", "rabbit_virtual_host"),
        ({"rabbit_host": "h", "rabbit_hosts": "h"}, "rabbit_host", "rabbit_hosts"),
        (
            {"rabbit_password": "pa55", "rabbit_password_file": "/p"},
            "rabbit_password",
            "rabbit_password_file",
        ),
        ({"rabbit_ssl_ca_file": "/ca"}, "rabbit_ssl_ca_file", "rabbit_use_ssl"),
        (
            {"rabbit_ssl_verify": "false", "rabbit_use_ssl": "false"},
            "rabbit_ssl_verify",
            "rabbit_use_ssl",
        ),
        (
            TLS | {"rabbit_ssl_cert_file": "/cert"},
            "rabbit_ssl_cert_file",
            "rabbit_ssl_key_file",
        ),
        (TLS | {"rabbit_ssl_key_file": "/key"}, "rabbit_ssl_key_file", "rabbit_ssl_cert_file"),
        (
            {"rabbit_queue_type": "quorum", "rabbit_durable_queues": "false"},
            "rabbit_queue_type",
            "rabbit_durable_queues",
        ),
        ({"create_queues": "auto"}, "create_queues", "rabbit_durable_queues"),
        (
            {"create_queues": "auto", "rabbit_queue_type": "quorum"},
            "create_queues",
            "rabbit_durable_queues",
        ),
        ({"rabbit_retry_backoff": "31"}, "rabbit_retry_backoff", "rabbit_retry_max_backoff"),
    ],
    ids=shown,
)
def test_options_that_contradict_each_other_are_both_named(
    lines: Lines, first: str, second: str
) -> None:
    error = str(error_of(lines))
    assert f"options {first} and {second} of the notify filter: " in error
    assert "pa55" not in error


def test_error_about_queues_names_where_the_other_services_are_configured() -> None:
    error = str(error_of({"create_queues": "auto"}))
    for word in ("glance-api.conf", "amqp_durable_queues", "rabbit_quorum_queue"):
        assert word in error


@pytest.mark.parametrize(
    ("lines", "durable"),
    [
        ({"create_queues": "auto", "rabbit_durable_queues": "true"}, True),
        ({"create_queues": "auto", "rabbit_durable_queues": "false"}, False),
        ({"create_queues": "never", "rabbit_queue_type": "quorum"}, None),
    ],
    ids=shown,
)
def test_durable_queues_is_set_where_queues_are_created(lines: Lines, durable: bool | None) -> None:
    assert settings_of(lines).rabbit.durable_queues is durable


def test_empty_line_contradicts_nothing() -> None:
    rabbit = settings_of(
        {
            "rabbit_use_ssl": "true",
            "rabbit_ssl_ca_file": "/ca",
            "rabbit_ssl_cert_file": "/cert",
            "rabbit_ssl_key_file": "/key",
            "rabbit_ssl_verify": "false",
            "rabbit_hosts": "",
            "rabbit_host": "h",
            **dict.fromkeys(("transport_url", "rabbit_password_file"), ""),
        }
    ).rabbit
    assert rabbit.ssl_ca_file == "/ca"
    assert not rabbit.ssl_verify
