"""The options of the qpid strategy."""

import dataclasses
from typing import Any

import pytest

from glance_notify_middleware.config.brokers import Broker
from tests.config.reading import (
    DEFAULTS,
    Lines,
    assert_all_are_set,
    assert_refused,
    assert_sets,
    error_of,
    settings_of,
    shown,
)

TLS = {"qpid_protocol": "ssl"}
CERTIFICATE = TLS | {"qpid_ssl_cert_file": "/cert", "qpid_ssl_key_file": "/key"}
LOGIN = {"qpid_username": "u", "qpid_password": "pa55"}

VALID: tuple[tuple[Lines, dict[str, Any]], ...] = (
    ({"qpid_hostname": "a"}, {"hosts": (Broker("a", 5672, "", ""),)}),
    ({"qpid_host": "a"}, {"hosts": (Broker("a", 5672, "", ""),)}),
    ({"qpid_hosts": "a:1"}, {"hosts": (Broker("a", 1, "", ""),)}),
    ({"qpid_port": "1"}, {"hosts": (Broker("localhost", 1, "", ""),)}),
    (
        LOGIN,
        {"hosts": (Broker("localhost", 5672, "u", "pa55"),), "sasl_mechanisms": ("PLAIN",)},
    ),
    (
        {"qpid_username": "u", "qpid_password_file": "/pw"},
        {
            "hosts": (Broker("localhost", 5672, "u", ""),),
            "password_file": "/pw",
            "sasl_mechanisms": ("PLAIN",),
        },
    ),
    ({"qpid_sasl_mechanisms": "anonymous"}, {"sasl_mechanisms": ("ANONYMOUS",)}),
    ({"qpid_allow_plain_without_tls": "yes"}, {"allow_plain_without_tls": True}),
    ({"qpid_protocol": "SSL"}, {"protocol": "ssl"}),
    (TLS | {"qpid_ssl_ca_file": "/ca"}, {"protocol": "ssl", "ssl_ca_file": "/ca"}),
    (
        CERTIFICATE,
        {
            "protocol": "ssl",
            "ssl_cert_file": "/cert",
            "ssl_key_file": "/key",
            "sasl_mechanisms": ("EXTERNAL",),
        },
    ),
    (TLS | {"qpid_ssl_verify": "false"}, {"protocol": "ssl", "ssl_verify": False}),
    ({"qpid_notification_exchange": "amq.topic"}, {"notification_exchange": "amq.topic"}),
    ({"qpid_notification_topic": "n.glance"}, {"notification_topic": "n.glance"}),
    ({"qpid_target": "/exchange/{exchange}"}, {"target": "/exchange/{exchange}"}),
    ({"qpid_create_node": "true"}, {"create_node": True}),
    ({"qpid_heartbeat": "0"}, {"heartbeat": 0.0}),
    ({"qpid_heartbeat": "5s"}, {"heartbeat": 5.0}),
    ({"qpid_reconnect_interval_min": "0"}, {"reconnect_interval_min": 0.2}),
    ({"qpid_reconnect_interval_min": "2"}, {"reconnect_interval_min": 2.0}),
    ({"qpid_reconnect_interval_max": "0"}, {"reconnect_interval_max": 30.0}),
    ({"qpid_reconnect_interval_max": "5m"}, {"reconnect_interval_max": 300.0}),
)


@pytest.mark.parametrize(("lines", "changed"), VALID, ids=shown)
def test_line_sets_its_option_and_no_other(lines: Lines, changed: dict[str, Any]) -> None:
    assert_sets("qpid", lines, changed)


def test_every_option_and_every_setting_has_a_test_that_sets_it() -> None:
    assert_all_are_set("qpid", VALID)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("qpid_hostname", "", "a host name"),
        ("qpid_host", "qpid:5672", "a host name"),
        ("qpid_port", "0", "a port"),
        ("qpid_sasl_mechanisms", "PLAIN GSSAPI", "EXTERNAL, PLAIN, ANONYMOUS"),
        ("qpid_protocol", "amqps", "tcp or ssl"),
        ("qpid_target", "", "a name"),
        ("qpid_heartbeat", "-1", "0, or seconds"),
        ("qpid_reconnect_interval_max", "never", "0, or seconds"),
    ],
)
def test_wrong_value_is_refused_with_the_option_the_value_and_what_was_expected(
    name: str, text: str, expected: str
) -> None:
    assert_refused(name, text, expected)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({"qpid_hostname": "a"}, [("a", 5672)]),
        ({"qpid_host": "a", "qpid_port": "5671"}, [("a", 5671)]),
        ({"qpid_hosts": "a:1, [::1]", "qpid_port": "2"}, [("a", 1), ("::1", 2)]),
    ],
    ids=shown,
)
def test_hosts_are_one_by_either_name_or_a_list(
    lines: Lines, expected: list[tuple[str, int]]
) -> None:
    assert [(broker.host, broker.port) for broker in settings_of(lines).qpid.hosts] == expected


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        ({}, ("ANONYMOUS",)),
        (LOGIN, ("PLAIN",)),
        (CERTIFICATE, ("EXTERNAL",)),
        (CERTIFICATE | LOGIN, ("EXTERNAL", "PLAIN")),
        (LOGIN | {"qpid_sasl_mechanisms": "anonymous plain"}, ("ANONYMOUS", "PLAIN")),
        (LOGIN | {"qpid_sasl_mechanisms": "Anonymous,"}, ("ANONYMOUS",)),
    ],
    ids=shown,
)
def test_sasl_mechanisms_follow_from_user_and_certificate_unless_they_are_chosen(
    lines: Lines, mechanisms: tuple[str, ...]
) -> None:
    assert settings_of(lines).qpid.sasl_mechanisms == mechanisms


def test_user_and_password_are_those_of_every_host() -> None:
    settings = settings_of(LOGIN | {"qpid_hosts": "a,b"})
    assert settings.qpid.hosts == tuple(Broker(host, 5672, "u", "pa55") for host in "ab")
    assert "pa55" not in repr(settings)


@pytest.mark.parametrize(
    ("lines", "first", "second"),
    [
        (
            {"qpid_reconnect_interval_min": "2", "qpid_reconnect_interval_max": "1"},
            "qpid_reconnect_interval_min",
            "qpid_reconnect_interval_max",
        ),
        ({"qpid_hostname": "h", "qpid_host": "h"}, "qpid_hostname", "qpid_host"),
        ({"qpid_hostname": "h", "qpid_hosts": "h"}, "qpid_hostname", "qpid_hosts"),
        ({"qpid_host": "h", "qpid_hosts": "h"}, "qpid_host", "qpid_hosts"),
        (LOGIN | {"qpid_password_file": "/p"}, "qpid_password", "qpid_password_file"),
        ({"qpid_password": "pa55"}, "qpid_password", "qpid_username"),
        ({"qpid_password_file": "/p"}, "qpid_password_file", "qpid_username"),
        ({"qpid_username": "u"}, "qpid_username", "qpid_password"),
        ({"qpid_ssl_ca_file": "/ca"}, "qpid_ssl_ca_file", "qpid_protocol"),
        ({"qpid_ssl_verify": "false"}, "qpid_ssl_verify", "qpid_protocol"),
        (TLS | {"qpid_ssl_cert_file": "/cert"}, "qpid_ssl_cert_file", "qpid_ssl_key_file"),
        (TLS | {"qpid_ssl_key_file": "/key"}, "qpid_ssl_key_file", "qpid_ssl_cert_file"),
        ({"qpid_sasl_mechanisms": "EXTERNAL"}, "qpid_sasl_mechanisms", "qpid_ssl_cert_file"),
        ({"qpid_sasl_mechanisms": "PLAIN"}, "qpid_sasl_mechanisms", "qpid_username"),
    ],
    ids=shown,
)
def test_options_that_contradict_each_other_are_both_named(
    lines: Lines, first: str, second: str
) -> None:
    error = str(error_of(lines))
    assert f"options {first} and {second} of the notify filter: " in error
    assert "pa55" not in error


def test_lines_of_old_paste_files_are_accepted() -> None:
    settings = settings_of(
        {
            "notifier_strategy": "qpid",
            "qpid_notification_exchange": "glance",
            "qpid_notification_topic": "notifications",
            "qpid_hostname": "localhost",
            "qpid_port": "5672",
            "qpid_username": "",
            "qpid_password": "",
            "qpid_sasl_mechanisms": "",
            "qpid_reconnect_timeout": "0",
            "qpid_reconnect_limit": "0",
            "qpid_reconnect_interval_min": "0",
            "qpid_reconnect_interval_max": "0",
            "qpid_reconnect_interval": "0",
            "qpid_heartbeat": "5",
            "qpid_protocol": "tcp",
            "qpid_tcp_nodelay": "True",
        }
    )
    assert settings.qpid == dataclasses.replace(DEFAULTS.qpid, heartbeat=5.0)
    expected = dataclasses.replace(
        DEFAULTS,
        notifier_strategy=("qpid",),
        qpid=settings.qpid,
        targets=settings.targets,
    )
    assert dataclasses.replace(settings, historic=()) == expected
