"""What the rest of the code must know of the qpid strategy, without its library."""

from collections.abc import Callable

from glance_notify_middleware.config import Settings, qpid_options
from glance_notify_middleware.strategies import Strategy, credentials
from glance_notify_middleware.strategies.description import (
    BuiltIn,
    Description,
    Inspect,
    identities,
    in_any_order,
)


def _describe(settings: Settings) -> Description:
    qpid = settings.qpid
    return Description(
        brokers=qpid.hosts,
        destination={
            "qpid_hosts": identities(qpid.hosts),
            "qpid_sasl_mechanisms": in_any_order(qpid.sasl_mechanisms),
            "qpid_protocol": qpid.protocol,
            "qpid_ssl_verify": qpid.ssl_verify,
            "qpid_notification_exchange": qpid.notification_exchange,
            "qpid_notification_topic": qpid.notification_topic,
            "qpid_target": qpid.target,
            "qpid_create_node": qpid.create_node,
        },
        first_wait=qpid.reconnect_interval_min,
        longest_wait=qpid.reconnect_interval_max,
    )


def _load() -> Callable[[Settings], Strategy]:
    from glance_notify_middleware.strategies.qpid.strategy import Qpid

    return Qpid


def _load_inspection() -> Inspect:
    from glance_notify_middleware.strategies.qpid.inspection import inspect

    return inspect


QPID = BuiltIn(
    describe=_describe,
    load=_load,
    load_inspection=_load_inspection,
    read_secrets=lambda settings: credentials.password(settings.qpid.hosts[0], settings.qpid),
    options=frozenset(option.name for option in qpid_options.OPTIONS),
    packages=("python-qpid-proton",),
    brought_by="pip install '/path/to/the/clone[qpid]' brings (with a C compiler and Python's "
    "headers), or Debian's package python3-qpid-proton",
)
