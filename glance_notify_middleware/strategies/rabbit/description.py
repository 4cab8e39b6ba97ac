"""What the rest of the code must know of the rabbit strategy, without its library."""

from collections.abc import Callable

from glance_notify_middleware.config import Settings, rabbit_options
from glance_notify_middleware.strategies import Strategy, credentials
from glance_notify_middleware.strategies.description import (
    BuiltIn,
    Description,
    Inspect,
    Listen,
    identities,
)


def _describe(settings: Settings) -> Description:
    rabbit = settings.rabbit
    return Description(
        brokers=rabbit.hosts,
        destination={
            "rabbit_hosts": identities(rabbit.hosts),
            "rabbit_virtual_host": rabbit.virtual_host,
            "rabbit_use_ssl": rabbit.use_ssl,
            "rabbit_ssl_verify": rabbit.ssl_verify,
            "rabbit_notification_exchange": rabbit.notification_exchange,
            "rabbit_notification_topic": rabbit.notification_topic,
            "create_queues": rabbit.create_queues,
            "queue_max_bytes": rabbit.queue_max_bytes,
            "rabbit_durable_queues": rabbit.durable_queues,
            "rabbit_queue_type": rabbit.queue_type,
        },
        first_wait=rabbit.retry_backoff,
        longest_wait=rabbit.retry_max_backoff,
    )


def _load() -> Callable[[Settings], Strategy]:
    from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

    return Rabbit


def _load_inspection() -> Inspect:
    from glance_notify_middleware.strategies.rabbit.inspection import inspect

    return inspect


def _load_listener() -> Listen:
    from glance_notify_middleware.strategies.rabbit.listening import RabbitListener

    return RabbitListener


RABBIT = BuiltIn(
    describe=_describe,
    load=_load,
    load_inspection=_load_inspection,
    load_listener=_load_listener,
    read_secrets=lambda settings: credentials.password(settings.rabbit.hosts[0], settings.rabbit),
    options=frozenset(option.name for option in rabbit_options.OPTIONS),
    packages=("kombu", "amqp"),
    brought_by="pip install /path/to/the/clone brings",
    also_set_by=dict.fromkeys(
        ("rabbit_hosts", "rabbit_virtual_host", "rabbit_use_ssl"), "transport_url"
    ),
)
