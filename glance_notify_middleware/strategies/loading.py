"""From the names in notifier_strategy to what makes each strategy."""

import functools
from collections.abc import Callable
from importlib.metadata import entry_points

from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import BuiltIn
from glance_notify_middleware.strategies.registry import BUILT_IN, with_delivery

GROUP = "glance_notify_middleware.strategies"
"""The group of the entry points of installed strategies. Each is called with the Settings of the
section, and returns a Strategy."""

Make = Callable[[], Strategy]


def makers(settings: Settings) -> dict[str, Make]:
    """What makes each chosen strategy that needs delivery, by its name. Connects nothing.

    Raises OptionError where a strategy, or its library, is missing or cannot be loaded.
    """
    return {name: _maker(name, settings) for name in with_delivery(settings)}


def _maker(name: str, settings: Settings) -> Make:
    built_in = BUILT_IN.get(name)
    return _installed(name, settings) if built_in is None else _loaded(name, built_in, settings)


def _loaded(name: str, built_in: BuiltIn, settings: Settings) -> Make:
    try:
        return functools.partial(built_in.load(), settings)
    except ImportError as error:
        raise _wrong(
            f"{name} needs {error.name or error}, which is not installed; expected what "
            f"{built_in.brought_by}"
        ) from error


def _installed(name: str, settings: Settings) -> Make:
    """The strategy is made once here, so that an error of its author shows when Glance loads."""
    found = entry_points(group=GROUP)
    entry = next((each for each in found if each.name == name), None)
    if entry is None:
        others = ", ".join(sorted({each.name for each in found})) or "there is none"
        built_in = ", ".join(BUILT_IN_STRATEGIES)
        raise _wrong(
            f"{name!r} is not known; expected {built_in} or an installed entry point of "
            f"{GROUP} ({others})"
        )
    try:
        make = functools.partial(entry.load(), settings)
    except Exception as error:
        raise _wrong(f"{name}, {entry.value}, cannot be loaded: {_in_a_line(error)}") from error
    try:
        make().close()
    except OptionError:
        raise
    except Exception as error:
        # The strategy had the settings, with their passwords: the error's text is not shown.
        failed = type(error).__name__
    else:
        return make
    raise _wrong(f"{name}, {entry.value}, cannot be made: {failed}")


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _wrong(what: str) -> OptionError:
    return OptionError(f"option notifier_strategy of the notify filter: {what}")
