"""Glance's own notifier, as glance-api.conf has it."""

from collections.abc import Iterator

from glance_notify_middleware.cli import mends
from glance_notify_middleware.cli.glance_conf import GlanceConf
from glance_notify_middleware.config import Settings, Target
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.config.kinds import words_of
from glance_notify_middleware.config.transport_url import TRANSPORT_URL, TransportURL
from glance_notify_middleware.strategies.registry import built_in, describe, with_delivery

_NOTIFIER = "oslo_messaging_notifications"
_TO_A_BROKER = ("messaging", "messagingv2")
"""The drivers that send to a broker (oslo.messaging 18.0, `oslo.messaging.notify.drivers`)."""


def findings(conf: GlanceConf, settings: Settings) -> Iterator[Finding]:
    """Whether Glance's own notifier sends to a topic to which the filter sends, too."""
    if not set(conf.all(_NOTIFIER, "driver")) & set(_TO_A_BROKER):
        return
    topics = words_of(conf.last(_NOTIFIER, "topics")) or ["notifications"]
    for target in with_delivery(settings).values():
        if built_in(target) and _is_same(conf, target, topics):
            yield Finding(
                Level.ERROR,
                "notified-twice",
                f"Glance's own notifier is on ([{_NOTIFIER}] driver) and sends to the topic of "
                f"{target.name}: each event is reported twice, and may be billed twice",
                mends.line_in(_NOTIFIER, conf.place(_NOTIFIER, "driver"), "driver = noop"),
            )
            return


def _is_same(conf: GlanceConf, target: Target, topics: list[str]) -> bool:
    """Whether a target's topic is one of `topics`, at the same broker."""
    here = getattr(target.settings, target.strategy)
    if here.notification_topic not in topics:
        return False
    url = conf.last(_NOTIFIER, "transport_url") or conf.last("DEFAULT", "transport_url")
    there = _parsed(url or "rabbit://")
    if there is None:  # it says what the filter has no word for; the broker may be the same
        return url.startswith("rabbit")
    hosts = {broker.host for broker in describe(target).brokers}
    virtual_host = getattr(here, "virtual_host", there.virtual_host)
    same_host = bool(hosts & {broker.host for broker in there.brokers})
    return same_host and virtual_host == there.virtual_host


def _parsed(url: str) -> TransportURL | None:
    try:
        parsed: TransportURL = TRANSPORT_URL.convert(url)
    except ValueError:
        return None
    return parsed
