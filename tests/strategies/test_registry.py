"""The registry of built-in strategies: what each word of notifier_strategy means."""

from glance_notify_middleware import config
from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES
from glance_notify_middleware.strategies.registry import (
    BUILT_IN,
    WITHOUT_DELIVERY,
    also_set_by,
    describe,
)

LINES = {"notifier_strategy": ", ".join((*BUILT_IN, "pigeon")), "webhook_url": "https://h/"}
TARGETS = config.read(LINES, "this-host").targets


def test_every_built_in_word_has_one_meaning() -> None:
    assert sorted([*BUILT_IN, *WITHOUT_DELIVERY]) == sorted(BUILT_IN_STRATEGIES)


def test_installed_strategy_has_no_brokers_and_no_destination() -> None:
    description = describe(TARGETS["pigeon"])
    assert description.brokers == ()
    assert description.destination == {}


def test_destinations_of_two_strategies_share_no_option() -> None:
    names = [name for strategy in BUILT_IN for name in describe(TARGETS[strategy]).destination]
    assert len(names) == len(set(names))


def test_option_that_another_sets_too_is_a_part_of_a_destination() -> None:
    for strategy, built_in in BUILT_IN.items():
        assert describe(TARGETS[strategy]).destination.keys() >= built_in.also_set_by.keys()
    assert also_set_by("rabbit_hosts") == "transport_url"
    assert also_set_by("qpid_hosts") == ""


def test_every_built_in_strategy_has_an_inspection() -> None:
    for built_in in BUILT_IN.values():
        assert callable(built_in.load_inspection())
