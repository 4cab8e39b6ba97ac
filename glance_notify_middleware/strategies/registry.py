"""The strategies of this package. To add a strategy: see CONTRIBUTING.md, "How to add"."""

from collections.abc import Mapping

from glance_notify_middleware.config import Settings, Target
from glance_notify_middleware.strategies.description import BuiltIn, Description
from glance_notify_middleware.strategies.qpid.description import QPID
from glance_notify_middleware.strategies.rabbit.description import RABBIT
from glance_notify_middleware.strategies.webhook.description import WEBHOOK

BUILT_IN: Mapping[str, BuiltIn] = {"rabbit": RABBIT, "qpid": QPID, "webhook": WEBHOOK}
"""Name of a strategy -> what is known of it."""

WITHOUT_DELIVERY = ("noop", "logging")
"""The strategies that are no Strategy, as nothing is sent to a broker.

noop: the filter takes itself out of the pipeline. logging: a recorder writes each notification at
once (`recorder.logging_strategy`).
"""


def with_delivery(settings: Settings) -> dict[str, Target]:
    """The targets that need delivery, by name, in their order."""
    return {
        name: target
        for name, target in settings.targets.items()
        if target.strategy not in WITHOUT_DELIVERY
    }


def built_in(target: Target) -> BuiltIn | None:
    """The strategy of a target; None for one without delivery, and for an installed one."""
    return BUILT_IN.get(target.strategy)


def describe(target: Target) -> Description:
    """The description of a target that needs delivery; of an installed strategy little is known."""
    found = built_in(target)
    return Description() if found is None else found.describe(target.settings)


def also_set_by(option: str) -> str:
    """The name of another option that sets this option of a destination too, or empty."""
    return next(
        (each.also_set_by[option] for each in BUILT_IN.values() if option in each.also_set_by), ""
    )
