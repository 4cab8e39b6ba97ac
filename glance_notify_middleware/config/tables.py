"""All options of the section in one table, and which of them a target may have of its own."""

from collections.abc import Mapping
from types import ModuleType

from glance_notify_middleware.config import (
    general_options,
    qpid_options,
    rabbit_options,
    webhook_options,
)
from glance_notify_middleware.config.option import Option, Scope

OF_STRATEGIES: Mapping[str, ModuleType] = {
    "rabbit": rabbit_options,
    "qpid": qpid_options,
    "webhook": webhook_options,
}
"""Strategy -> the module with its table of options (OPTIONS), what they must hold together (check),
and its settings (settings)."""

OPTIONS: tuple[Option, ...] = (
    *general_options.OPTIONS,
    *rabbit_options.OPTIONS,
    *qpid_options.OPTIONS,
    *webhook_options.OPTIONS,
)
"""Every option of the section, in the order in which the documents show them."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}

HISTORIC = (*rabbit_options.HISTORIC, *qpid_options.HISTORIC)
"""Names from old paste files that have no meaning: accepted, and named in the log."""

ALTERNATIVES = (*rabbit_options.ALTERNATIVES, *qpid_options.ALTERNATIVES)
"""Pairs of options that say the same: at most one of a pair is given."""

NEEDED: Mapping[str, str] = {"webhook": "webhook_url"}
"""Strategy -> the option that each of its targets must have."""

_STRATEGY_OF: Mapping[str, str] = {
    option.name: strategy for strategy, module in OF_STRATEGIES.items() for option in module.OPTIONS
} | {"log_file": "logging"}


def strategy_of(option: Option) -> str:
    """The built-in strategy that an option belongs to; empty for one of no strategy."""
    return _STRATEGY_OF.get(option.name, "")


def belongs_to(option: Option, strategy: str) -> bool:
    """Whether a target of this strategy may have the option of its own."""
    if option.scope is Scope.STRATEGY:
        return strategy_of(option) == strategy
    is_for_brokers = option.scope is Scope.BROKER and strategy != "logging"
    return is_for_brokers or option.scope is Scope.TARGET


def options_of(strategy: str) -> tuple[Option, ...]:
    """The options that a target of this strategy may have of its own."""
    return tuple(option for option in OPTIONS if belongs_to(option, strategy))
