"""A section as a whole: defaults, unknown lines, secrets, and what the settings want."""

import dataclasses
import re

import pytest

from glance_notify_middleware.config import OPTIONS, OptionError, read_section
from glance_notify_middleware.events.notification import EventType, Priority
from tests.config.reading import DEFAULTS, error_of, settings_of


def test_empty_section_has_the_documented_defaults() -> None:
    assert settings_of({}) == DEFAULTS


def test_option_names_are_unique() -> None:
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


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
def test_indented_line_is_refused_and_not_taken_for_a_part_of_the_value_above(
    name: str, value: str
) -> None:
    """Where it stands alone it could be another option, with a password."""
    error = error_of({name: f"{value}\nrabbit_password = pa55"})
    assert str(error).startswith(
        f"option {name} of the notify filter: its value is not valid (the line below it is "
        "indented, and so is a part of it); expected "
    )
    assert "pa55" not in f"{error!r} {error.__context__!r}"


def test_list_may_go_on_in_an_indented_line() -> None:
    settings = settings_of({"rabbit_hosts": "a,\nb:1", "trusted_proxies": "\n::1,\n10.0.0.0/8"})
    assert [broker.host for broker in settings.rabbit.hosts] == ["a", "b"]
    assert len(settings.trusted_proxies) == 2


def test_line_that_paste_keeps_from_the_filter_is_refused_by_name_without_its_value() -> None:
    shared = {"here": "/", "anything": "may stand here", "rabbit_password": "pa55"}
    with pytest.raises(OptionError, match=r"option rabbit_password .* of the paste file") as raised:
        read_section(shared, {}, "glance-1")
    assert "pa55" not in str(raised.value)
    assert read_section(shared, {"rabbit_password": "x"}, "glance-1") == settings_of(
        {"rabbit_password": "x"}
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("notifier_stategy", "did you mean notifier_strategy?"),
        ("trusted_proxy", "did you mean trusted_proxies?"),
        ("zzz", "the options are: create_queues, default_publisher_id, "),
    ],
)
def test_unknown_option_is_refused_with_a_hint(name: str, hint: str) -> None:
    error = error_of({"notifier_strategy": "logging", name: "1"})
    assert f"option {name} " in str(error)
    assert hint in str(error)


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
def test_historic_option_is_accepted_and_named_and_changes_nothing(name: str) -> None:
    assert settings_of({name: "0"}) == dataclasses.replace(DEFAULTS, historic=(name,))


@pytest.mark.parametrize("option", ["rabbit_host", "rabbit_hosts", "qpid_hosts", "rabbit_port"])
def test_password_that_is_given_with_a_host_is_not_in_the_error(option: str) -> None:
    error = error_of({option: "a:5672,glance:pa55@b"})
    assert re.search(f"option {option} .* is not valid; expected", str(error))
    assert "pa55" not in f"{error!r} {error.__cause__!r} {error.__context__!r}"


def test_refused_password_is_not_in_the_error() -> None:
    assert str(error_of({"rabbit_password": " "})) == (
        "option rabbit_password of the notify filter: its value is not valid; "
        "expected any text that is not empty"
    )


@pytest.mark.parametrize(
    "lines",
    [
        {"rabbit_password": "pa55"},
        {"transport_url": "rabbit://u:pa55@h:1/v"},
        {"qpid_username": "u", "qpid_password": "pa55"},
    ],
    ids=["rabbit_password", "transport_url", "qpid_password"],
)
def test_text_of_the_settings_holds_no_password(lines: dict[str, str]) -> None:
    settings = settings_of(lines)
    brokers = (*settings.rabbit.hosts, *settings.qpid.hosts)
    assert "pa55" in {broker.password for broker in brokers}
    assert "pa55" not in f"{settings} {settings!r} {' '.join(map(str, brokers))}"


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
def test_disabled_type_or_group_is_not_wanted_and_all_others_are(
    disabled: str, silent: set[str]
) -> None:
    settings = settings_of({"disabled_notifications": disabled})
    for priority in Priority:
        assert silent == {
            event_type.value for event_type in EventType if not settings.wants(event_type, priority)
        }


def test_disabled_group_ends_at_a_dot() -> None:
    settings = dataclasses.replace(DEFAULTS, disabled_notifications=("image.up", "image.mem"))
    assert all(settings.wants(event_type, Priority.INFO) for event_type in EventType)


def test_priority_that_is_not_chosen_is_not_wanted() -> None:
    settings = settings_of({"priorities": "warn, error"})
    wanted = {p.value for p in Priority if settings.wants(EventType.SEND, p)}
    assert wanted == {"WARN", "ERROR"}


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ({"journal_sync": "ful"}, ("journal_sync",)),
        ({"journal_syncs": "full"}, ("journal_syncs",)),
        ({"create_queues": "auto"}, ("create_queues", "rabbit_durable_queues")),
    ],
)
def test_error_names_its_options(lines: dict[str, str], options: tuple[str, ...]) -> None:
    assert error_of(lines).options == options
