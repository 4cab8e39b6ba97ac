"""What the rest of the code must know of the qpid strategy, without its library."""

from collections.abc import Callable

from glance_notify_middleware.config import Settings
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import (
    BuiltIn,
    Description,
    identities,
    in_any_order,
)


def _describe(settings: Settings) -> Description:
    return Description(
        brokers=settings.qpid_hosts,
        destination={
            "qpid_hosts": identities(settings.qpid_hosts),
            "qpid_sasl_mechanisms": in_any_order(settings.qpid_sasl_mechanisms),
            "qpid_protocol": settings.qpid_protocol,
            "qpid_ssl_verify": settings.qpid_ssl_verify,
            "qpid_notification_exchange": settings.qpid_notification_exchange,
            "qpid_notification_topic": settings.qpid_notification_topic,
            "qpid_target": settings.qpid_target,
            "qpid_create_node": settings.qpid_create_node,
        },
        first_wait=settings.qpid_reconnect_interval_min,
        longest_wait=settings.qpid_reconnect_interval_max,
    )


def _load() -> Callable[[Settings], Strategy]:
    from glance_notify_middleware.strategies.qpid.strategy import Qpid

    return Qpid


QPID = BuiltIn(
    describe=_describe,
    load=_load,
    brought_by="pip install '/path/to/the/clone[qpid]' brings (with a C compiler and Python's "
    "headers), or Debian's package python3-qpid-proton",
)
