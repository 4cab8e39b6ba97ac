"""Reads sections, and has what comes of an empty one."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from glance_notify_middleware.config import OptionError, Settings, read
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.qpid_options import QpidSettings
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.config.tables import OF_STRATEGIES
from glance_notify_middleware.config.webhook_options import WebhookSettings
from glance_notify_middleware.events.notification import Priority

Lines = dict[str, str]

DEFAULTS = Settings(
    notifier_strategy=("noop",),
    default_publisher_id="glance-1",
    disabled_notifications=(),
    event_types=(),
    priorities=(Priority.INFO, Priority.WARN, Priority.ERROR),
    projects=frozenset(),
    message_format="plain",
    image_delete_payload="id",
    trusted_proxies=(),
    follow_limit=24 * 3600.0,
    follow_max=1000,
    owner_cache_time=600.0,
    log_file="",
    journal_dir="/var/lib/glance/notifications",
    journal_max_size=2 * 1024**3,
    journal_when_full="drop",
    journal_sync="normal",
    relay="thread",
    rabbit=RabbitSettings(
        hosts=(Broker("localhost", 5672, "guest", "guest"),),
        password_file="",
        virtual_host="/",
        create_queues="wait",
        queue_max_bytes=0,
        use_ssl=False,
        ssl_ca_file="",
        ssl_cert_file="",
        ssl_key_file="",
        ssl_verify=True,
        notification_exchange="glance",
        notification_topic="notifications",
        durable_queues=None,
        queue_type="classic",
        retry_backoff=0.2,
        retry_max_backoff=30.0,
    ),
    qpid=QpidSettings(
        hosts=(Broker("localhost", 5672, "", ""),),
        password_file="",
        sasl_mechanisms=("ANONYMOUS",),
        allow_plain_without_tls=False,
        protocol="tcp",
        ssl_ca_file="",
        ssl_cert_file="",
        ssl_key_file="",
        ssl_verify=True,
        notification_exchange="glance",
        notification_topic="notifications",
        target="{exchange}",
        create_node=False,
        heartbeat=60.0,
        reconnect_interval_min=0.2,
        reconnect_interval_max=30.0,
    ),
    webhook=WebhookSettings(
        hosts=(),
        url=None,
        batch=1,
        secrets_file="",
        token_file="",
        ssl_ca_file="",
        ssl_cert_file="",
        ssl_key_file="",
        ssl_verify=True,
        proxy=None,
        connect_timeout=5.0,
        answer_timeout=10.0,
        timeout=30.0,
        retry_backoff=0.2,
        retry_max_backoff=30.0,
    ),
    journal_dir_is_set=False,
    historic=(),
)
"""The settings of an empty section."""


def settings_of(lines: Lines) -> Settings:
    """The settings of a section, on a host of the name glance-1."""
    return read(lines, "glance-1")


def error_of(lines: Lines) -> OptionError:
    """The error of a section that must not be read."""
    with pytest.raises(OptionError) as raised:
        settings_of(lines)
    return raised.value


def shown(value: object) -> str | None:
    """A parameter of a test, in the test's id: the lines as in a file."""
    if not isinstance(value, dict):
        return None
    return ", ".join(f"{name} = {text}" for name, text in value.items()) or "nothing"


def assert_refused(name: str, text: str, expected: str) -> None:
    """The value `text` of an option is refused: the error names it, and what was expected."""
    error = str(error_of({name: text}))
    for part in (f"option {name} ", repr(text), expected):
        assert part in error


def assert_sets(strategy: str, lines: Lines, changed: Mapping[str, Any]) -> None:
    """The lines change these settings of a strategy, and no other setting of the section."""
    expected = dataclasses.replace(getattr(DEFAULTS, strategy), **changed)
    assert settings_of(lines) == dataclasses.replace(DEFAULTS, **{strategy: expected})


def assert_all_are_set(strategy: str, valid: Sequence[tuple[Lines, Mapping[str, Any]]]) -> None:
    """The `valid` lines, with what each changes, have every option and setting of a strategy."""
    names = {option.name for option in OF_STRATEGIES[strategy].OPTIONS}
    assert names == {name for lines, _ in valid for name in lines}
    fields = {field.name for field in dataclasses.fields(getattr(DEFAULTS, strategy))}
    assert fields == {name for _, changed in valid for name in changed}
