"""An operator's lines -> Settings, or an error that tells the way out."""

import dataclasses
import ipaddress
from typing import Any

import pytest

from glance_notify_middleware.config import OptionError, Settings, read, read_section
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.options import OPTIONS
from glance_notify_middleware.events.notification import EventType, Priority

DEFAULTS = Settings(
    notifier_strategy=("noop",),
    default_publisher_id="glance-1",
    disabled_notifications=(),
    priorities=(Priority.INFO, Priority.WARN, Priority.ERROR),
    message_format="plain",
    image_delete_payload="id",
    trusted_proxies=(),
    follow_limit=24 * 3600.0,
    follow_max=1000,
    log_file="",
    journal_dir="/var/lib/glance/notifications",
    journal_max_size=2 * 1024**3,
    journal_when_full="drop",
    journal_sync="normal",
    relay="thread",
    create_queues="wait",
    queue_max_bytes=0,
    rabbit_hosts=(Broker("localhost", 5672, "guest", "guest"),),
    rabbit_password_file="",
    rabbit_virtual_host="/",
    rabbit_use_ssl=False,
    rabbit_ssl_ca_file="",
    rabbit_ssl_cert_file="",
    rabbit_ssl_key_file="",
    rabbit_ssl_verify=True,
    rabbit_notification_exchange="glance",
    rabbit_notification_topic="notifications",
    rabbit_durable_queues=None,
    rabbit_queue_type="classic",
    rabbit_retry_backoff=0.2,
    rabbit_retry_max_backoff=30.0,
    qpid_hosts=(Broker("localhost", 5672, "", ""),),
    qpid_password_file="",
    qpid_sasl_mechanisms=("ANONYMOUS",),
    qpid_allow_plain_without_tls=False,
    qpid_protocol="tcp",
    qpid_ssl_ca_file="",
    qpid_ssl_cert_file="",
    qpid_ssl_key_file="",
    qpid_ssl_verify=True,
    qpid_notification_exchange="glance",
    qpid_notification_topic="notifications",
    qpid_target="{exchange}",
    qpid_create_node=False,
    qpid_heartbeat=60.0,
    qpid_reconnect_interval_min=0.2,
    qpid_reconnect_interval_max=30.0,
    historic=(),
)

JOINED = {  # in rabbit_hosts and rabbit_virtual_host, and in qpid_hosts
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


def test_without_a_line_the_options_have_their_documented_defaults() -> None:
    assert read({}, "glance-1") == DEFAULTS


def test_every_option_is_a_setting_and_every_setting_an_option() -> None:
    names = {option.name for option in OPTIONS} - JOINED
    assert names == {field.name for field in dataclasses.fields(Settings)} - {"historic"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("notifier_strategy", "logging", ("logging",)),
        ("notifier_strategy", " noop ", ("noop",)),
        ("notifier_strategy", "default", ("noop",)),
        ("notifier_strategy", "Rabbit", ("rabbit",)),
        ("notifier_strategy", "rabbit, Logging,qpid", ("rabbit", "logging", "qpid")),
        ("notifier_strategy", "Kafka_2-ours", ("Kafka_2-ours",)),
        ("default_publisher_id", "image.localhost", "image.localhost"),
        ("default_publisher_id", "  ", "glance-1"),
        ("disabled_notifications", "image.update", ("image.update",)),
        (
            "disabled_notifications",
            "image.member, image.send,",
            ("image.member", "image.send"),
        ),
        ("disabled_notifications", "image", ("image",)),
        ("priorities", "error", (Priority.ERROR,)),
        ("priorities", "WARN,Error", (Priority.WARN, Priority.ERROR)),
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
        ("log_file", "/var/log/glance/notifications.log", "/var/log/glance/notifications.log"),
        ("message_format", "OSLO", "oslo"),
        ("journal_dir", "/srv/journal", "/srv/journal"),
        ("journal_max_size", "1048576", 1024**2),
        ("journal_max_size", "1024KiB", 1024**2),
        ("journal_max_size", "64 mib", 64 * 1024**2),
        ("journal_when_full", "refuse", "refuse"),
        ("journal_sync", "full", "full"),
        ("relay", "external", "external"),
        ("create_queues", "never", "never"),
        ("queue_max_bytes", "1GiB", 1024**3),
        ("queue_max_bytes", "0", 0),
        ("rabbit_password_file", "", ""),
        ("rabbit_virtual_host", "images", "images"),
        ("rabbit_virtual_host", "", "/"),
        ("rabbit_use_ssl", "True", True),
        ("rabbit_use_ssl", "off", False),
        ("rabbit_use_ssl", "1", True),
        ("rabbit_use_ssl", "0", False),
        ("rabbit_notification_exchange", "nova", "nova"),
        ("rabbit_notification_topic", "n.glance", "n.glance"),
        ("rabbit_durable_queues", "no", False),
        ("rabbit_queue_type", "quorum", "quorum"),
        ("rabbit_retry_backoff", "1.5", 1.5),
        ("rabbit_retry_backoff", "5s", 5.0),
        ("rabbit_retry_max_backoff", "5m", 300.0),
        ("rabbit_retry_max_backoff", "24H", 86400.0),
        ("rabbit_retry_max_backoff", "7d", 604800.0),
        ("notifier_strategy", "QPID", ("qpid",)),
        ("qpid_sasl_mechanisms", "anonymous", ("ANONYMOUS",)),
        ("qpid_allow_plain_without_tls", "yes", True),
        ("qpid_protocol", "SSL", "ssl"),
        ("qpid_notification_exchange", "amq.topic", "amq.topic"),
        ("qpid_notification_topic", "n.glance", "n.glance"),
        ("qpid_target", "/exchange/{exchange}", "/exchange/{exchange}"),
        ("qpid_create_node", "true", True),
        ("qpid_heartbeat", "0", 0.0),
        ("qpid_heartbeat", "5s", 5.0),
        ("qpid_reconnect_interval_min", "0", 0.2),
        ("qpid_reconnect_interval_min", "2", 2.0),
        ("qpid_reconnect_interval_max", "0", 30.0),
        ("qpid_reconnect_interval_max", "5m", 300.0),
    ],
)
def test_a_line_sets_its_option_and_no_other(name: str, text: str, value: Any) -> None:
    changed: dict[str, Any] = {name: value}
    assert read({name: text}, "glance-1") == dataclasses.replace(DEFAULTS, **changed)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("notifier_strategy", "", "noop alone, or a list, separated by commas, each once"),
        ("notifier_strategy", ",", "logging, rabbit, qpid, and names"),
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
        ("log_file", "notifications.log", "an absolute path"),
        ("message_format", "json", "plain or oslo"),
        ("journal_dir", "", "an absolute path"),
        ("journal_dir", "/srv/journal # here", "an absolute path"),
        ("journal_max_size", "2GB", "2GiB"),
        ("journal_max_size", "0", "a size"),
        ("journal_max_size", "1023KiB", "a size of 1MiB or more"),
        ("journal_max_size", "-1", "a size"),
        ("journal_max_size", "1.5GiB", "a size"),
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
        ("follow_max", "0", "a number"),
        ("follow_max", "many", "a number"),
        ("follow_max", "1000001", "a number"),
        ("follow_limit", "0", "more than 0"),
        ("rabbit_userid", "", "not empty"),
        ("rabbit_use_ssl", "maybe", "true or false"),
        ("rabbit_notification_topic", "", "a name"),
        ("rabbit_notification_exchange", "x" * 201, "a name"),
        ("rabbit_retry_backoff", "0", "more than 0"),
        ("rabbit_retry_backoff", "1w", "7d"),
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
def test_a_wrong_value_is_refused_with_the_option_the_value_and_what_was_expected(
    name: str, text: str, expected: str
) -> None:
    with pytest.raises(OptionError) as raised:
        read({name: text}, "glance-1")
    for part in (f"option {name} ", repr(text), expected):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        "default_publisher_id",
        "disabled_notifications",
        "log_file",
        "priorities",
        "rabbit_password",
        "rabbit_userid",
        "rabbit_virtual_host",
        "rabbit_notification_topic",
        "relay",
        "transport_url",
        "trusted_proxies",
    ],
)
@pytest.mark.parametrize("value", ["/a", "rabbit://h/v"])
def test_an_indented_line_is_not_taken_for_a_part_of_the_value_above_it(
    name: str, value: str
) -> None:
    """Where it stands alone it could be another option, with a password."""
    with pytest.raises(OptionError) as raised:
        read({name: f"{value}\nrabbit_password = pa55"}, "glance-1")
    assert str(raised.value).startswith(
        f"option {name} of the notify filter: its value is not valid (the line below it is "
        "indented, and so is a part of it); expected "
    )
    assert "pa55" not in f"{raised.value!r} {raised.value.__context__!r}"


def test_a_list_may_go_on_in_an_indented_line() -> None:
    settings = read(
        {"rabbit_hosts": "a,\nb:1", "trusted_proxies": "\n::1,\n10.0.0.0/8"}, "glance-1"
    )
    assert [each.host for each in settings.rabbit_hosts] == ["a", "b"]
    assert len(settings.trusted_proxies) == 2


def test_what_paste_keeps_from_the_filter_is_refused_by_name_and_not_told() -> None:
    shared = {"here": "/", "anything": "may stand here", "rabbit_password": "pa55"}
    with pytest.raises(OptionError, match=r"option rabbit_password .* of the paste file") as raised:
        read_section(shared, {}, "glance-1")
    assert "pa55" not in str(raised.value)
    assert read_section(shared, {"rabbit_password": "x"}, "glance-1") == read(
        {"rabbit_password": "x"}, "glance-1"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("notifier_stategy", "did you mean notifier_strategy?"),
        ("trusted_proxy", "did you mean trusted_proxies?"),
        ("zzz", "the options are: create_queues, default_publisher_id, "),
    ],
)
def test_an_unknown_option_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(OptionError) as raised:
        read({"notifier_strategy": "logging", name: "1"}, "glance-1")
    assert f"option {name} " in str(raised.value)
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("disabled", "silent"),
    [
        ("", set()),
        ("image.update", {"image.update"}),
        ("image.member", {"image.member.create", "image.member.update", "image.member.delete"}),
        ("image.member.create, image.send", {"image.member.create", "image.send"}),
        ("image", {event_type.value for event_type in EventType}),
    ],
)
def test_a_disabled_type_or_group_is_silent_and_no_other(disabled: str, silent: set[str]) -> None:
    settings = read({"disabled_notifications": disabled}, "glance-1")
    for priority in Priority:
        assert silent == {
            event_type.value for event_type in EventType if not settings.wants(event_type, priority)
        }


def test_a_group_ends_at_a_dot() -> None:
    settings = dataclasses.replace(DEFAULTS, disabled_notifications=("image.up", "image.mem"))
    assert all(settings.wants(event_type, Priority.INFO) for event_type in EventType)


def test_only_the_chosen_priorities_are_wanted() -> None:
    settings = read({"priorities": "warn, error"}, "glance-1")
    wanted = {p.value for p in Priority if settings.wants(EventType.SEND, p)}
    assert wanted == {"WARN", "ERROR"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({"qpid_hostname": "a"}, [("a", 5672)]),
        ({"qpid_host": "a", "qpid_port": "5671"}, [("a", 5671)]),
        ({"qpid_hosts": "a:1, [::1]", "qpid_port": "2"}, [("a", 1), ("::1", 2)]),
    ],
)
def test_qpid_s_hosts_are_one_by_either_name_or_a_list(
    lines: dict[str, str], expected: list[tuple[str, int]]
) -> None:
    settings = read(lines, "glance-1")
    assert [(each.host, each.port) for each in settings.qpid_hosts] == expected


WITH_A_CERTIFICATE = {
    "qpid_protocol": "ssl",
    "qpid_ssl_cert_file": "/cert",
    "qpid_ssl_key_file": "/key",
}
WITH_A_USER = {"qpid_username": "u", "qpid_password": "pa55"}


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        ({}, ("ANONYMOUS",)),
        (WITH_A_USER, ("PLAIN",)),
        (WITH_A_CERTIFICATE, ("EXTERNAL",)),
        (WITH_A_CERTIFICATE | WITH_A_USER, ("EXTERNAL", "PLAIN")),
        (
            WITH_A_USER | {"qpid_sasl_mechanisms": "anonymous plain"},
            ("ANONYMOUS", "PLAIN"),
        ),
        (WITH_A_USER | {"qpid_sasl_mechanisms": "Anonymous,"}, ("ANONYMOUS",)),
    ],
)
def test_how_we_say_who_we_are_follows_from_what_we_have_unless_it_is_said(
    lines: dict[str, str], mechanisms: tuple[str, ...]
) -> None:
    assert read(lines, "glance-1").qpid_sasl_mechanisms == mechanisms


def test_qpid_s_user_and_password_are_at_every_host_and_one_of_a_file_is_not() -> None:
    settings = read(WITH_A_USER | {"qpid_hosts": "a,b"}, "glance-1")
    assert settings.qpid_hosts == tuple(Broker(host, 5672, "u", "pa55") for host in "ab")
    assert "pa55" not in repr(settings)
    settings = read({"qpid_username": "u", "qpid_password_file": "/pw"}, "glance-1")
    assert settings.qpid_password_file == "/pw"
    assert settings.qpid_hosts == (Broker("localhost", 5672, "u", ""),)


def brokers(**lines: str) -> tuple[list[tuple[str, int]], str]:
    settings = read(lines, "glance-1")
    return [(each.host, each.port) for each in settings.rabbit_hosts], settings.rabbit_virtual_host


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
)
def test_hosts_are_one_or_a_list_and_those_without_a_port_get_the_common_one(
    lines: dict[str, str], expected: list[tuple[str, int]]
) -> None:
    assert brokers(**lines) == (expected, "/")


@pytest.mark.parametrize("option", ["rabbit_host", "rabbit_hosts", "qpid_hosts", "rabbit_port"])
def test_a_password_that_is_given_with_a_host_is_not_told(option: str) -> None:
    with pytest.raises(OptionError, match=f"option {option} .* is not valid; expected") as raised:
        read({option: "a:5672,glance:pa55@b"}, "glance-1")
    error = raised.value
    assert "pa55" not in f"{error!r} {error.__cause__!r} {error.__context__!r}"


def test_every_host_has_the_user_and_the_password() -> None:
    settings = read(
        {"rabbit_hosts": "a,b", "rabbit_userid": "glance", "rabbit_password": "pa55#;"}, "glance-1"
    )
    assert settings.rabbit_hosts == (
        Broker("a", 5672, "glance", "pa55#;"),
        Broker("b", 5672, "glance", "pa55#;"),
    )


def test_with_a_password_file_no_password_is_in_the_settings() -> None:
    settings = read({"rabbit_userid": "glance", "rabbit_password_file": "/etc/pw"}, "glance-1")
    assert settings.rabbit_password_file == "/etc/pw"
    assert settings.rabbit_hosts == (Broker("localhost", 5672, "glance", ""),)


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
def test_a_transport_url_is_read_as_oslo_messaging_reads_it(
    url: str, expected: list[tuple[str, int, str, str]], virtual_host: str
) -> None:
    settings = read({"transport_url": url}, "glance-1")
    assert settings.rabbit_hosts == tuple(Broker(*each) for each in expected)
    assert settings.rabbit_virtual_host == virtual_host


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("qpid://u:se:cret@h", "does not begin with rabbit://, amqp:// or amqps://"),
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
def test_a_transport_url_that_is_refused_is_not_told(url: str, why: str) -> None:
    with pytest.raises(OptionError) as raised:
        read({"transport_url": url}, "glance-1")
    told = str(raised.value)
    assert told.startswith("option transport_url of the notify filter: its value is not valid (")
    assert why in told
    assert "expected rabbit://user:password@host:port" in told
    for part in ("sec", "ret"):
        assert part not in told
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


TLS = {"rabbit_use_ssl": True}
CA = {"rabbit_ssl_ca_file": "/etc/ssl/ca.pem"}
QUORUM = {"rabbit_queue_type": "quorum", "rabbit_durable_queues": True}


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
            TLS | {"rabbit_ssl_cert_file": "/c", "rabbit_ssl_key_file": "/k"},
        ),
        ("amqps://h:5672/v", TLS),
        ("amqps://h:5672/v?ssl=1&ssl_ca_file=/etc/ssl/ca.pem", TLS | CA),
        ("rabbit://h/v?amqp_durable_queues=true", {"rabbit_durable_queues": True}),
        ("rabbit://h/v?rabbit_quorum_queue=1", QUORUM),
        ("rabbit://h/v?rabbit_quorum_queue=0", {}),
    ],
)
def test_the_queries_of_a_transport_url_are_options(url: str, changed: dict[str, Any]) -> None:
    """OpenStack-Ansible's URLs always end in one of the first kinds."""
    assert read({"transport_url": url}, "glance-1") == dataclasses.replace(
        read({"transport_url": "rabbit://h/v"}, "glance-1"), **changed
    )


def test_a_query_and_a_line_may_say_the_same() -> None:
    lines = {"transport_url": "rabbit://h?ssl=1&ssl_ca_file=/ca", "rabbit_ssl_verify": "false"}
    settings = read(lines | {"rabbit_use_ssl": "true", "rabbit_ssl_ca_file": " /ca"}, "glance-1")
    assert settings == read(lines, "glance-1")
    assert not settings.rabbit_ssl_verify


@pytest.mark.parametrize(
    ("url", "name", "text"),
    [
        ("rabbit://h?ssl=0", "rabbit_use_ssl", "true"),
        ("amqps://h", "rabbit_use_ssl", "false"),
        ("rabbit://h?ssl=1&ssl_ca_file=/a", "rabbit_ssl_ca_file", "/b"),
    ],
)
def test_a_query_and_a_line_that_contradict_each_other_are_named(
    url: str, name: str, text: str
) -> None:
    with pytest.raises(OptionError) as raised:
        read({"transport_url": url, name: text}, "glance-1")
    assert str(raised.value) == (
        f"options transport_url and {name} of the notify filter: the URL says something else: "
        "say it once"
    )


def test_a_query_is_held_to_what_its_option_can_be() -> None:
    for query, says in (
        ("ssl=1&ssl_ca_file=ca.pem", "option rabbit_ssl_ca_file of the notify filter: 'ca.pem' is"),
        ("ssl_ca_file=/ca", "options rabbit_ssl_ca_file and rabbit_use_ssl of the notify filter"),
    ):
        with pytest.raises(OptionError) as raised:
            read({"transport_url": f"rabbit://u:pa55@h?{query}"}, "glance-1")
        assert str(raised.value).startswith(says)
        assert "pa55" not in str(raised.value)


def test_a_password_that_is_refused_is_told_without_what_it_was() -> None:
    with pytest.raises(OptionError) as raised:
        read({"rabbit_password": " "}, "glance-1")
    assert str(raised.value) == (
        "option rabbit_password of the notify filter: its value is not valid; "
        "expected any text that is not empty"
    )


def test_no_password_is_in_the_text_of_the_settings() -> None:
    for lines in ({"rabbit_password": "pa55"}, {"transport_url": "rabbit://u:pa55@h:1/v"}):
        settings = read(lines, "glance-1")
        assert "pa55" not in f"{settings} {settings!r} {settings.rabbit_hosts[0]}"


def test_the_text_of_a_broker_is_its_address() -> None:
    assert str(Broker("a.example", 1, "u", "p")) == "a.example:1"
    assert str(Broker("::1", 1, "u", "p")) == "[::1]:1"


URL = {"transport_url": "rabbit://u:pa55@h/v"}


@pytest.mark.parametrize(
    ("lines", "one", "other"),
    [
        ({**URL, "rabbit_host": "h"}, "transport_url", "rabbit_host"),
        ({**URL, "rabbit_hosts": "h"}, "transport_url", "rabbit_hosts"),
        ({**URL, "rabbit_port": "5672"}, "transport_url", "rabbit_port"),
        ({**URL, "rabbit_userid": "u"}, "transport_url", "rabbit_userid"),
        ({**URL, "rabbit_password": "pa55"}, "transport_url", "rabbit_password"),
        ({**URL, "rabbit_password_file": "/p"}, "transport_url", "rabbit_password_file"),
        ({**URL, "rabbit_virtual_host": "v"}, "transport_url", "rabbit_virtual_host"),
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
            {"rabbit_ssl_cert_file": "/cert", "rabbit_use_ssl": "true"},
            "rabbit_ssl_cert_file",
            "rabbit_ssl_key_file",
        ),
        (
            {"rabbit_ssl_key_file": "/key", "rabbit_use_ssl": "true"},
            "rabbit_ssl_key_file",
            "rabbit_ssl_cert_file",
        ),
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
        (
            {"rabbit_retry_backoff": "31"},
            "rabbit_retry_backoff",
            "rabbit_retry_max_backoff",
        ),
        (
            {"qpid_reconnect_interval_min": "2", "qpid_reconnect_interval_max": "1"},
            "qpid_reconnect_interval_min",
            "qpid_reconnect_interval_max",
        ),
        ({"qpid_hostname": "h", "qpid_host": "h"}, "qpid_hostname", "qpid_host"),
        ({"qpid_hostname": "h", "qpid_hosts": "h"}, "qpid_hostname", "qpid_hosts"),
        ({"qpid_host": "h", "qpid_hosts": "h"}, "qpid_host", "qpid_hosts"),
        (
            {**WITH_A_USER, "qpid_password_file": "/p"},
            "qpid_password",
            "qpid_password_file",
        ),
        ({"qpid_password": "pa55"}, "qpid_password", "qpid_username"),
        ({"qpid_password_file": "/p"}, "qpid_password_file", "qpid_username"),
        ({"qpid_username": "u"}, "qpid_username", "qpid_password"),
        ({"qpid_ssl_ca_file": "/ca"}, "qpid_ssl_ca_file", "qpid_protocol"),
        ({"qpid_ssl_verify": "false"}, "qpid_ssl_verify", "qpid_protocol"),
        (
            {"qpid_ssl_cert_file": "/cert", "qpid_protocol": "ssl"},
            "qpid_ssl_cert_file",
            "qpid_ssl_key_file",
        ),
        (
            {"qpid_ssl_key_file": "/key", "qpid_protocol": "ssl"},
            "qpid_ssl_key_file",
            "qpid_ssl_cert_file",
        ),
        ({"qpid_sasl_mechanisms": "EXTERNAL"}, "qpid_sasl_mechanisms", "qpid_ssl_cert_file"),
        ({"qpid_sasl_mechanisms": "PLAIN"}, "qpid_sasl_mechanisms", "qpid_username"),
    ],
)
def test_options_that_contradict_each_other_are_both_named(
    lines: dict[str, str], one: str, other: str
) -> None:
    with pytest.raises(OptionError) as raised:
        read(lines, "glance-1")
    assert f"options {one} and {other} of the notify filter: " in str(raised.value)
    assert "pa55" not in str(raised.value)


def test_the_error_about_queues_says_where_the_other_services_are_configured() -> None:
    with pytest.raises(OptionError) as raised:
        read({"create_queues": "auto"}, "glance-1")
    for word in ("glance-api.conf", "amqp_durable_queues", "rabbit_quorum_queue"):
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "durable"),
    [
        ({"create_queues": "auto", "rabbit_durable_queues": "true"}, True),
        ({"create_queues": "auto", "rabbit_durable_queues": "false"}, False),
        ({"create_queues": "never", "rabbit_queue_type": "quorum"}, None),
    ],
)
def test_who_creates_queues_says_whether_they_are_durable(
    lines: dict[str, str], durable: bool | None
) -> None:
    assert read(lines, "glance-1").rabbit_durable_queues is durable


def test_what_belongs_together_is_accepted() -> None:
    settings = read(
        {
            "rabbit_use_ssl": "true",
            "rabbit_ssl_ca_file": "/ca",
            "rabbit_ssl_cert_file": "/cert",
            "rabbit_ssl_key_file": "/key",
            "rabbit_ssl_verify": "false",
            "rabbit_hosts": "",
            "rabbit_host": "h",
            **dict.fromkeys(("transport_url", "rabbit_password_file"), ""),
        },
        "glance-1",
    )
    assert settings.rabbit_ssl_ca_file == "/ca"
    assert not settings.rabbit_ssl_verify


@pytest.mark.parametrize(
    "name",
    [
        "rabbit_max_retries",
        "qpid_reconnect_timeout",
        "qpid_reconnect_limit",
        "qpid_reconnect_interval",
        "qpid_tcp_nodelay",
    ],
)
def test_a_historic_option_is_accepted_changes_nothing_and_is_named(name: str) -> None:
    settings = read({name: "0"}, "glance-1")
    assert settings == dataclasses.replace(DEFAULTS, historic=(name,))


def test_the_lines_of_old_paste_files_for_qpid_are_accepted() -> None:
    settings = read(
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
        },
        "glance-1",
    )
    expected = dataclasses.replace(DEFAULTS, notifier_strategy=("qpid",), qpid_heartbeat=5.0)
    assert dataclasses.replace(settings, historic=()) == expected
