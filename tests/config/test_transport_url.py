"""The option transport_url: how a URL is read, and the options that its queries stand for."""

import dataclasses
from typing import Any

import pytest

from glance_notify_middleware.config.brokers import Broker
from tests.config.reading import error_of, settings_of

GUEST = ("guest", "guest")


@pytest.mark.parametrize(
    ("url", "expected", "virtual_host"),
    [
        ("rabbit://h", [("h", 5672, *GUEST)], "/"),
        ("rabbit://h/", [("h", 5672, *GUEST)], "/"),
        ("rabbit://h//", [("h", 5672, *GUEST)], "/"),
        ("rabbit://h/%2F", [("h", 5672, *GUEST)], "/"),
        ("rabbit://h/a/b", [("h", 5672, *GUEST)], "a/b"),
        ("rabbit:///images", [("localhost", 5672, *GUEST)], "images"),
        ("rabbit://u:p@h:1/v", [("h", 1, "u", "p")], "v"),
        ("rabbit://u:p@a:1,u2:p2@b,/v", [("a", 1, "u", "p"), ("b", 5672, "u2", "p2")], "v"),
        ("rabbit://a,[::1]:1", [("a", 5672, *GUEST), ("::1", 1, *GUEST)], "/"),
        ("rabbit://me@site:p@h", [("h", 5672, "me@site", "p")], "/"),
        ("rabbit://u%40:p%2F%3Aa%25%2Cb@h/v%20w", [("h", 5672, "u@", "p/:a%,b")], "v w"),
        ("rabbit://u:a:b@h", [("h", 5672, "u", "a:b")], "/"),
        (
            "rabbit://u:p@a:1,u:p@b:2//glance?ssl=0",
            [("a", 1, "u", "p"), ("b", 2, "u", "p")],
            "/glance",
        ),
        ("rabbit://h?", [("h", 5672, *GUEST)], "/"),
        ("kombu://h/v", [("h", 5672, *GUEST)], "v"),
        ("amqp://u:p@h/v", [("h", 5672, "u", "p")], "v"),
        ("AMQPS://u:p@a,u:p@b:1", [("a", 5671, "u", "p"), ("b", 1, "u", "p")], "/"),
    ],
)
def test_url_is_read_as_oslo_messaging_reads_it(
    url: str, expected: list[tuple[str, int, str, str]], virtual_host: str
) -> None:
    rabbit = settings_of({"transport_url": url}).rabbit
    assert rabbit.hosts == tuple(Broker(*broker) for broker in expected)
    assert rabbit.virtual_host == virtual_host


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("qpid://u:se:cret@h", "does not begin with rabbit://, kombu://, amqp:// or amqps://"),
        ("rabbit://u:sec?ret@h/v", "? %3F"),
        ("rabbit://u:1?sec&ret@h/v", "it has a ?, which is written %3F"),
        ("rabbit://u:secret@h/v?heartbeat_rate=3", "its query 'heartbeat_rate' is none of those"),
        ("rabbit://u:secret@h/v?verify=verify_none", "its query 'verify' is none of those"),
        ("rabbit://u:secret@h/v?ssl=1&ssl_version=TLSv1", "TLSv1_2 or SSLv23"),
        ("rabbit://u:secret@h/v?ssl=maybe", "its query ssl is neither true nor false"),
        ("rabbit://u:secret@h/v?rabbit_quorum_queue=maybe", "rabbit_quorum_queue is neither"),
        ("amqps://u:secret@h/v?ssl=0", "amqps://, but its ssl"),
        ("rabbit://u:sec#ret@h/v", "%23"),
        ("rabbit://u:sec/ret@h/v", "%2F"),
        ("rabbit://u:sec,ret@h/v", "all hosts of it have a user"),
        ("rabbit://u:secret@h:amqp/v", "host or port"),
        ("rabbit://u:secret@h h/v", "host or port"),
        ("rabbit://u:secret@[::1/v", "host or port"),
        ("rabbit://secret@h/v", "without a password"),
        ("rabbit://u:secret@a,b/v", "all hosts of it have a user"),
    ],
)
def test_refused_url_is_not_in_the_error(url: str, why: str) -> None:
    error = error_of({"transport_url": url})
    text = str(error)
    assert text.startswith("option transport_url of the notify filter: its value is not valid (")
    assert why in text
    assert "expected rabbit://user:password@host:port" in text
    for part in ("sec", "ret"):
        assert part not in text
    assert error.__cause__ is None
    assert error.__context__ is None


TLS = {"use_ssl": True}
CA = {"ssl_ca_file": "/etc/ssl/ca.pem"}
QUORUM = {"queue_type": "quorum", "durable_queues": True}


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("rabbit://h/v?ssl=0", {}),
        ("rabbit://h/v?ssl=False&ssl_version=TLSv1&ssl_ca_file=/x", {}),
        ("rabbit://h/v?ssl=1", TLS),
        ("rabbit://h/v?ssl=1&ssl_version=TLSv1_2&ssl_ca_file=/etc/ssl/ca.pem", TLS | CA),
        ("rabbit://h/v?ssl=true&ssl_version=SSLv23&ssl_ca_file=%2Fetc%2Fssl%2Fca.pem", TLS | CA),
        (
            "rabbit://h/v?ssl=on&ssl_cert_file=/c&ssl_key_file=/k",
            TLS | {"ssl_cert_file": "/c", "ssl_key_file": "/k"},
        ),
        ("amqps://h:5672/v", TLS),
        ("amqps://h:5672/v?ssl=1&ssl_ca_file=/etc/ssl/ca.pem", TLS | CA),
        ("rabbit://h/v?amqp_durable_queues=true", {"durable_queues": True}),
        ("rabbit://h/v?rabbit_quorum_queue=1", QUORUM),
        ("rabbit://h/v?rabbit_quorum_queue=0", {}),
    ],
)
def test_queries_set_options_and_no_others(url: str, changed: dict[str, Any]) -> None:
    """OpenStack-Ansible's URLs always end in `?ssl=0` or in `?ssl=1` with more TLS queries."""
    without = settings_of({"transport_url": "rabbit://h/v"})
    expected = dataclasses.replace(without.rabbit, **changed)
    assert settings_of({"transport_url": url}) == dataclasses.replace(without, rabbit=expected)


def test_query_and_line_that_agree_are_accepted() -> None:
    lines = {"transport_url": "rabbit://h?ssl=1&ssl_ca_file=/ca", "rabbit_ssl_verify": "false"}
    settings = settings_of(lines | {"rabbit_use_ssl": "true", "rabbit_ssl_ca_file": " /ca"})
    assert settings == settings_of(lines)
    assert not settings.rabbit.ssl_verify


@pytest.mark.parametrize(
    ("url", "name", "text"),
    [
        ("rabbit://h?ssl=0", "rabbit_use_ssl", "true"),
        ("amqps://h", "rabbit_use_ssl", "false"),
        ("rabbit://h?ssl=1&ssl_ca_file=/a", "rabbit_ssl_ca_file", "/b"),
    ],
)
def test_query_and_line_that_contradict_each_other_are_both_named(
    url: str, name: str, text: str
) -> None:
    assert str(error_of({"transport_url": url, name: text})) == (
        f"options transport_url and {name} of the notify filter: the URL says something else: "
        "say it once"
    )


@pytest.mark.parametrize(
    ("query", "start"),
    [
        ("ssl=1&ssl_ca_file=ca.pem", "option rabbit_ssl_ca_file of the notify filter: 'ca.pem' is"),
        ("ssl_ca_file=/ca", "options rabbit_ssl_ca_file and rabbit_use_ssl of the notify filter"),
    ],
)
def test_query_is_checked_as_its_option_is(query: str, start: str) -> None:
    error = str(error_of({"transport_url": f"rabbit://u:pa55@h?{query}"}))
    assert error.startswith(start)
    assert "pa55" not in error
