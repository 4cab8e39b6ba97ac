"""What makes each chosen strategy: ours, or those that other packages have installed."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.strategies import Strategy

GROUP = "glance_notify_middleware.strategies"
"""Of the entry points: each is called with the Settings, and returns a Strategy."""

AT_ONCE = ("noop", "logging")
"""These need no delivery: nothing is sent to a broker."""

Make = Callable[[], Strategy]


def makers(settings: Settings) -> dict[str, Make]:
    """By name, what makes those of the chosen strategies that need delivery; connects nothing.

    Raises OptionError where one, or its library, is missing or cannot be loaded.
    """
    chosen = [name for name in settings.notifier_strategy if name not in AT_ONCE]
    return {name: _maker(name, settings) for name in chosen}


def _rabbit(settings: Settings) -> Make:
    from glance_notify_middleware.strategies.rabbit import Rabbit

    return functools.partial(Rabbit, settings)


def _qpid(settings: Settings) -> Make:
    from glance_notify_middleware.strategies.qpid import Qpid

    return functools.partial(Qpid, settings)


@dataclass(frozen=True, slots=True)
class _Library:
    """What a strategy is made with; and, where its library is missing, what brings it."""

    maker: Callable[[Settings], Make]
    brought_by: str


_LIBRARIES = {
    "rabbit": _Library(_rabbit, "pip install /path/to/the/clone brings"),
    "qpid": _Library(
        _qpid,
        "pip install '/path/to/the/clone[qpid]' brings (with a C compiler and Python's "
        "headers), or Debian's package python3-qpid-proton",
    ),
}


def _maker(name: str, settings: Settings) -> Make:
    library = _LIBRARIES.get(name)
    if library is None:
        return _installed(name, settings)
    try:
        return library.maker(settings)
    except ImportError as error:
        raise _wrong(
            f"{name} needs {error.name or error}, which is not installed; expected what "
            f"{library.brought_by}"
        ) from error


def _installed(name: str, settings: Settings) -> Make:
    """It is made once here, so that what it lacks is told when Glance loads."""
    found = entry_points(group=GROUP)
    entry = next((each for each in found if each.name == name), None)
    if entry is None:
        others = ", ".join(sorted({each.name for each in found})) or "there is none"
        raise _wrong(
            f"{name!r} is not known; expected noop, logging, rabbit, qpid or an installed entry "
            f"point of {GROUP} ({others})"
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
        # It had the settings, with their passwords: what it says stays untold.
        failed = type(error).__name__
    else:
        return make
    raise _wrong(f"{name}, {entry.value}, cannot be made: {failed}")


def _in_a_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _wrong(what: str) -> OptionError:
    return OptionError(f"option notifier_strategy of the notify filter: {what}")
