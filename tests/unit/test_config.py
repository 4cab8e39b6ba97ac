"""An operator's lines -> Settings, or an error that tells the way out."""

import dataclasses
import ipaddress
from typing import Any

import pytest

from glance_notify_middleware.config import OPTIONS, OptionError, Settings, read
from glance_notify_middleware.notification import EventType, Priority

DEFAULTS = Settings(
    notifier_strategy="noop",
    default_publisher_id="glance-1",
    disabled_notifications=(),
    priorities=(Priority.INFO, Priority.WARN, Priority.ERROR),
    image_delete_payload="id",
    trusted_proxies=(),
    log_file="",
)


def test_without_a_line_the_options_have_their_documented_defaults() -> None:
    assert read({}, "glance-1") == DEFAULTS


def test_every_option_is_a_setting_and_every_setting_an_option() -> None:
    names = [option.name for option in OPTIONS]
    assert names == [field.name for field in dataclasses.fields(Settings)]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("notifier_strategy", "logging", "logging"),
        ("notifier_strategy", " noop ", "noop"),
        ("notifier_strategy", "default", "noop"),
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
        ("log_file", "/var/log/glance/notifications.log", "/var/log/glance/notifications.log"),
    ],
)
def test_a_line_sets_its_option_and_no_other(name: str, text: str, value: Any) -> None:
    changed: dict[str, Any] = {name: value}
    assert read({name: text}, "glance-1") == dataclasses.replace(DEFAULTS, **changed)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("notifier_strategy", "pigeon", "noop or logging"),
        ("disabled_notifications", "image.up", "image.member.create"),
        ("disabled_notifications", "image.update image.send", "separated by commas"),
        ("priorities", "debug", "info, warn, error"),
        ("priorities", ",", "info, warn, error"),
        ("image_delete_payload", "both", "id or metadata"),
        ("trusted_proxies", "10.0.0.0/33", "10.0.0.0/8"),
        ("trusted_proxies", "10.0.0.1/8", "10.0.0.0/8"),
        ("trusted_proxies", "proxy.example", "10.0.0.0/8"),
        ("log_file", "notifications.log", "an absolute path"),
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
    ("name", "hint"),
    [
        ("notifier_stategy", "did you mean notifier_strategy?"),
        ("trusted_proxy", "did you mean trusted_proxies?"),
        ("zzz", "the options are: default_publisher_id, disabled_notifications, "),
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
