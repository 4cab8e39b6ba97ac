"""Rules about two options together. Each function raises OptionError and names both options."""

from collections.abc import Iterable, Set

from glance_notify_middleware.config.option import OptionError, Values

Pair = tuple[str, str]
"""The names of two options."""


def contradiction(first: str, second: str, why: str) -> OptionError:
    """The error about two options."""
    what = f"options {first} and {second} of the notify filter: {why}"
    return OptionError(what, (first, second), why)


def of_target(error: OptionError, target: str, own: Set[str], shared: Set[str]) -> OptionError:
    """The contradiction as that of a target, which has the options `own` by lines of its own, and
    those of `shared` by lines for all targets. An option of no line is one to be set for it."""
    first, second = (name if name in shared - own else f"{target}.{name}" for name in error.options)
    return contradiction(first, second, f"for target {target}, {error.why}")


def alternatives(pairs: Iterable[Pair], given: Set[str]) -> None:
    """At most one option of each pair is given: the two mean the same."""
    for first, second in pairs:
        if first in given and second in given:
            raise contradiction(first, second, "both say the same: set only one of them")


def needs(pairs: Iterable[Pair], values: Values, given: Set[str]) -> None:
    """Where the first option of a pair is given, the value of the second is not empty or false."""
    for first, second in pairs:
        if first in given and not values[second]:
            raise contradiction(first, second, f"the first needs {second} to be set too")


def waits(first: str, longest: str, values: Values) -> None:
    """The first wait is not longer than the longest."""
    if values[first] > values[longest]:
        raise contradiction(first, longest, "the first wait is longer than the longest")
