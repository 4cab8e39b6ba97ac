"""From the targets in notifier_strategy to what makes the strategy of each."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import entry_points

from glance_notify_middleware.config import OptionError, Settings, Target
from glance_notify_middleware.config.declared import values_of
from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES
from glance_notify_middleware.config.option import Option
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import BuiltIn
from glance_notify_middleware.strategies.registry import built_in, with_delivery

GROUP = "glance_notify_middleware.strategies"
"""The group of the entry points of installed strategies. Each is called with the Settings of its
target, and returns a Strategy."""

DECLARED = "options"
"""The attribute of such an object with the options that its targets may have, each a
`config.option.Option`. With it, their lines are checked, and Settings.own_options has the value of
each of these options."""

Make = Callable[[], Strategy]


def makers(settings: Settings) -> dict[str, Make]:
    """What makes the strategy of each target that needs delivery, by the target's name. Connects
    nothing.

    Raises OptionError where a strategy, or its library, is missing or cannot be loaded.
    """
    return {name: maker(target) for name, target in with_delivery(settings).items()}


def maker(target: Target) -> Make:
    """What makes the strategy of a target that needs delivery. Raises as `makers` does."""
    found = built_in(target)
    return _installed(target) if found is None else _loaded(found, target)


def declared_options(strategy: Callable[[Settings], Strategy]) -> Sequence[Option] | None:
    """The options that an installed strategy declares; None where it declares none. Raises
    TypeError."""
    found = getattr(strategy, DECLARED, None)
    if found is not None and not all(isinstance(each, Option) for each in found):
        raise TypeError(f"{DECLARED} has what is no config.option.Option")
    return None if found is None else tuple(found)


def installed_options() -> dict[str, Sequence[Option]]:
    """The options that installed strategies declare, by the name of the strategy. One that cannot
    be loaded is left out."""
    found = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in BUILT_IN_STRATEGIES:
            with contextlib.suppress(Exception):
                found[entry.name] = declared_options(entry.load()) or ()
    return found


def _loaded(found: BuiltIn, target: Target) -> Make:
    try:
        return functools.partial(found.load(), target.settings)
    except ImportError as error:
        raise _wrong(
            target,
            f"{target.strategy} needs {error.name or error}, which is not installed; expected what "
            f"{found.brought_by}",
        ) from error


def _installed(target: Target) -> Make:
    """The strategy is made once here, so that an error of its author shows when Glance loads."""
    found, name = entry_points(group=GROUP), target.strategy
    entry = next((each for each in found if each.name == name), None)
    if entry is None:
        others = ", ".join(sorted({each.name for each in found})) or "there is none"
        of_package = ", ".join(BUILT_IN_STRATEGIES)
        raise _wrong(
            target,
            f"{name!r} is not known; expected {of_package} or an installed entry point of "
            f"{GROUP} ({others})",
        )
    try:
        strategy = entry.load()
        declared = declared_options(strategy)
        make = functools.partial(strategy, target.settings)
    except Exception as error:
        what = f"{name}, {entry.value}, cannot be loaded: {_in_a_line(error)}"
        raise _wrong(target, what) from error
    if declared is not None:
        values = values_of(target.name, target.settings.own_options, declared)
        make = functools.partial(strategy, replace(target.settings, own_options=values))
    try:
        make().close()
    except OptionError:
        raise
    except Exception as error:
        # The strategy had the settings, with their passwords: the error's text is not shown.
        failed = type(error).__name__
    else:
        return make
    raise _wrong(target, f"{name}, {entry.value}, cannot be made: {failed}")


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _wrong(target: Target, what: str) -> OptionError:
    is_named = target.strategy != target.name
    option = f"{target.name}.strategy" if is_named else "notifier_strategy"
    return OptionError(f"option {option} of the notify filter: {what}")
