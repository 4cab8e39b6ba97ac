"""Which option a line of the section sets: for all targets, or as NAME.option for one."""

from collections.abc import Sequence
from dataclasses import replace

from glance_notify_middleware.config import OptionError, target_lines
from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES
from glance_notify_middleware.config.option import Lines, Option, value_of
from glance_notify_middleware.config.tables import BY_NAME, HISTORIC
from glance_notify_middleware.config.target_lines import is_of_target


def _words(lines: Lines) -> Sequence[str] | None:
    """The words of notifier_strategy; None where it is wrong."""
    try:
        names: Sequence[str] = value_of(BY_NAME["notifier_strategy"], lines)
    except OptionError:
        return None
    return names


def targets(lines: Lines) -> Sequence[str] | None:
    """The names of the targets; None where notifier_strategy is wrong."""
    names = _words(lines)
    return None if names is None else [name for name in names if name != "noop"]


def idle_targets(lines: Lines) -> list[str]:
    """The names of targets of which there are lines, where notifier_strategy names none."""
    names = dict.fromkeys(line.partition(".")[0] for line in filter(is_of_target, lines))
    built_in = set(BUILT_IN_STRATEGIES) - {"noop"}
    return [name for name in names if name in built_in or f"{name}.strategy" in lines]


def option_of(line: str, lines: Lines) -> Option | None:
    """The option that a line sets, under the name of the line; None where no table has it."""
    if not is_of_target(line):
        return BY_NAME.get(line)
    name, _, option = line.partition(".")
    if name not in (targets(lines) or ()):
        return None
    try:
        strategy = target_lines.strategy_in(name, lines)
    except OptionError:
        strategy = ""
    found = target_lines.declaration(option, strategy)
    return None if found is None else replace(found, name=line)


def is_known(line: str, lines: Lines) -> bool:
    """Whether the section, or the target of the line, can have a line of this name."""
    if not is_of_target(line):
        return line in BY_NAME or line in HISTORIC
    words = _words(lines)
    if words is None or target_lines.are_idle(lines, words):
        return True  # whose lines there can be is not known
    try:
        target_lines.check(line, lines, targets(lines) or ())
    except OptionError:
        return option_of(line, lines) is not None
    return True


def closest(line: str, lines: Lines) -> str:
    """The line NAME.option that is probably meant by one that is not known; or empty."""
    return target_lines.closest(line, lines, targets(lines) or ())
