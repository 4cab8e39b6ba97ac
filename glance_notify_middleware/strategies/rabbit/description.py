"""What the rest of the code must know of the rabbit strategy, without its library."""

from collections.abc import Callable

from glance_notify_middleware.config import Settings
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import BuiltIn, Description, identities


def _describe(settings: Settings) -> Description:
    return Description(
        brokers=settings.rabbit_hosts,
        destination={
            "rabbit_hosts": identities(settings.rabbit_hosts),
            "rabbit_virtual_host": settings.rabbit_virtual_host,
            "rabbit_use_ssl": settings.rabbit_use_ssl,
            "rabbit_ssl_verify": settings.rabbit_ssl_verify,
            "rabbit_notification_exchange": settings.rabbit_notification_exchange,
            "rabbit_notification_topic": settings.rabbit_notification_topic,
            "create_queues": settings.create_queues,
            "queue_max_bytes": settings.queue_max_bytes,
            "rabbit_durable_queues": settings.rabbit_durable_queues,
            "rabbit_queue_type": settings.rabbit_queue_type,
        },
        first_wait=settings.rabbit_retry_backoff,
        longest_wait=settings.rabbit_retry_max_backoff,
    )


def _load() -> Callable[[Settings], Strategy]:
    from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

    return Rabbit


RABBIT = BuiltIn(
    describe=_describe,
    load=_load,
    brought_by="pip install /path/to/the/clone brings",
    also_set_by=dict.fromkeys(
        ("rabbit_hosts", "rabbit_virtual_host", "rabbit_use_ssl"), "transport_url"
    ),
)
