"""The strategies of this package. To add a strategy: see CONTRIBUTING.md, "How to add"."""

from collections.abc import Mapping

from glance_notify_middleware.config import Settings
from glance_notify_middleware.strategies.description import BuiltIn, Description
from glance_notify_middleware.strategies.qpid.description import QPID
from glance_notify_middleware.strategies.rabbit.description import RABBIT
from glance_notify_middleware.strategies.webhook.description import WEBHOOK

BUILT_IN: Mapping[str, BuiltIn] = {"rabbit": RABBIT, "qpid": QPID, "webhook": WEBHOOK}
"""Word of notifier_strategy -> the strategy that it means."""

WITHOUT_DELIVERY = ("noop", "logging")
"""The words of notifier_strategy that mean no Strategy, as nothing is sent to a broker.

noop: the filter takes itself out of the pipeline. logging: a recorder writes each notification at
once (`recorder.logging_strategy`).
"""


def with_delivery(settings: Settings) -> list[str]:
    """The names of the chosen strategies that need delivery: the targets, in their order."""
    return [name for name in settings.notifier_strategy if name not in WITHOUT_DELIVERY]


def describe(name: str, settings: Settings) -> Description:
    """The description of a strategy that needs delivery; of an installed one little is known."""
    built_in = BUILT_IN.get(name)
    return Description() if built_in is None else built_in.describe(settings)


def also_set_by(option: str) -> str:
    """The name of another option that sets this option of a destination too, or empty."""
    return next(
        (each.also_set_by[option] for each in BUILT_IN.values() if option in each.also_set_by), ""
    )
