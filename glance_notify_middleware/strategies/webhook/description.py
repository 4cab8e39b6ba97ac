"""What the rest of the code must know of the webhook strategy, without its library."""

from collections.abc import Callable

from glance_notify_middleware.config import Settings, webhook_options
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import BuiltIn, Description, Inspect
from glance_notify_middleware.strategies.webhook import sender


def _describe(settings: Settings) -> Description:
    webhook = settings.webhook
    return Description(
        brokers=webhook.hosts,
        destination={
            "webhook_url": str(webhook.url),  # its path and its user may be secrets
            "webhook_batch": webhook.batch,
            "webhook_ssl_verify": webhook.ssl_verify,
        },
        first_wait=webhook.retry_backoff,
        longest_wait=webhook.retry_max_backoff,
    )


def _load() -> Callable[[Settings], Strategy]:
    from glance_notify_middleware.strategies.webhook.strategy import Webhook

    return Webhook


def _load_inspection() -> Inspect:
    from glance_notify_middleware.strategies.webhook.inspection import inspect

    return inspect


WEBHOOK = BuiltIn(
    describe=_describe,
    load=_load,
    load_inspection=_load_inspection,
    read_secrets=lambda settings: sender.read(settings.webhook),
    options=frozenset(option.name for option in webhook_options.OPTIONS),
    packages=("urllib3",),
    brought_by="pip install '/path/to/the/clone[webhook]' brings",
)
