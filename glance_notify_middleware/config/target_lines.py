"""The lines NAME.option of the section: to which target each belongs, and what it sets there.

NAME is a word of notifier_strategy. The line NAME.strategy makes the word the name of a target;
a word without it is a target of the strategy of that name. Any other line NAME.option sets an
option for this target alone, in the place of the line `option`, which is for all targets.

With `notifier_strategy = noop` all of them are idle: they say nothing, and are not looked at.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from glance_notify_middleware.config.general_options import BUILT_IN_STRATEGIES, strategy_name
from glance_notify_middleware.config.kinds import Kind
from glance_notify_middleware.config.option import Lines, Option, OptionError, Scope, value_of
from glance_notify_middleware.config.tables import (
    ALTERNATIVES,
    BY_NAME,
    belongs_to,
    options_of,
    strategy_of,
)

STRATEGY = Option(
    "strategy",
    "",
    Kind(
        strategy_name, "logging, rabbit, qpid, webhook, or the name of a strategy that is installed"
    ),
    "The strategy of the target of that name.",
    scope=Scope.TARGET,
)
"""The option NAME.strategy, which no line without a name has."""

_WHOLE = "transport_url"
"""Says what several options say: one of them, set for a target, is no other URL."""


@dataclass(frozen=True, slots=True)
class TargetLines:
    """The lines of one target: `own` are its lines NAME.option, by option, without that of its
    strategy."""

    name: str
    strategy: str
    own: Lines
    is_named: bool
    """Whether it has a line NAME.strategy."""

    @property
    def has_own(self) -> bool:
        """Whether it has any line of its own."""
        return self.is_named or bool(self.own)

    @property
    def own_options(self) -> Mapping[str, str]:
        """Those of an installed strategy that no table of this package has."""
        return {
            option: text.strip()
            for option, text in self.own.items()
            if declaration(option, self.strategy) is None
        }

    @property
    def strategy_line(self) -> str:
        """The name of the line that says which strategy it has."""
        return f"{self.name}.{STRATEGY.name}" if self.is_named else "notifier_strategy"

    def over(self, shared: Lines) -> Lines:
        """All lines that the target has: `shared` ones are for all targets.

        A line of its own takes the place of a shared one that says the same by another option, too.
        """
        own = {option: text for option, text in self.own.items() if option not in self.own_options}
        hidden = {
            instead
            for pair in ALTERNATIVES
            for option, instead in (pair, pair[::-1])
            if own.get(option, "").strip() and instead != _WHOLE
        }
        return {name: text for name, text in shared.items() if name not in hidden} | own


def is_of_target(line: str) -> bool:
    """Whether a line of this name sets an option for one target."""
    return "." in line


def is_of_one_of(names: Collection[str], line: str) -> bool:
    """Whether a line of this name sets an option for a target that has one of the `names`."""
    return is_of_target(line) and line.partition(".")[0] in names


def are_idle(lines: Lines, names: Sequence[str]) -> bool:
    """Whether the lines NAME.option say nothing, because `notifier_strategy = noop` is one of the
    `lines`: who takes the filter out in a hurry writes that alone. `names` are its words.

    Where no notifier_strategy is written, such lines are a mistake.
    """
    return tuple(names) == ("noop",) and bool(lines.get("notifier_strategy", "").strip())


def split(lines: Lines, names: Sequence[str]) -> tuple[Lines, list[TargetLines]]:
    """The lines for all targets, and those of each target; `names` are the words of
    notifier_strategy.

    Raises OptionError for a line that belongs to no target, and for one with a value that is wrong.
    """
    shared = {name: text for name, text in lines.items() if not is_of_target(name)}
    own = {name: text for name, text in lines.items() if is_of_target(name)}
    targets = [name for name in names if name != "noop"]
    for line in () if are_idle(lines, names) else own:
        check(line, lines, targets)
    return shared, [_of_target(name, own) for name in targets]


def check(line: str, lines: Lines, names: Sequence[str]) -> None:
    """See that the line NAME.option, one of `lines`, is right by itself; `names` are those of the
    targets. Raises OptionError."""
    name, _, option = line.partition(".")
    if name not in names:
        raise OptionError(_no_target(line, names), (line,))
    strategy = strategy_in(name, lines)
    declared = declaration(option, strategy)
    if option == STRATEGY.name and name in BUILT_IN_STRATEGIES and strategy != name:
        raise OptionError(
            f"option {line} of the notify filter: {name} is a strategy of this package, and its "
            "word cannot name a target of another one; expected another name",
            (line,),
        )
    if declared is not None:
        value_of(replace(declared, name=line), lines)
    elif problem := _not_its_own(name, option, strategy):
        raise OptionError(f"option {line} of the notify filter{problem}", (line,))


def strategy_in(name: str, lines: Lines) -> str:
    """The strategy of the target of that name. Raises OptionError."""
    line = f"{name}.{STRATEGY.name}"
    if line not in lines:
        return name
    strategy: str = value_of(replace(STRATEGY, name=line), lines)
    return strategy


def declaration(option: str, strategy: str) -> Option | None:
    """The option of this name, where a target of this strategy may have it of its own."""
    found = STRATEGY if option == STRATEGY.name else BY_NAME.get(option)
    return found if found is not None and belongs_to(found, strategy) else None


def closest(line: str, lines: Lines, names: Sequence[str]) -> str:
    """The line that is probably meant by one that is refused; empty where none is known."""
    name, _, option = line.partition(".")
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        return f"{near[0]}.{option}" if near else ""
    try:
        strategy = strategy_in(name, lines)
    except OptionError:
        return ""
    known = [each.name for each in (STRATEGY, *options_of(strategy))]
    near = difflib.get_close_matches(option, known, n=1)
    return f"{name}.{near[0]}" if near else ""


def _of_target(name: str, own: Lines) -> TargetLines:
    prefix = f"{name}."
    lines = {
        line.removeprefix(prefix): text for line, text in own.items() if line.startswith(prefix)
    }
    options = {option: text for option, text in lines.items() if option != STRATEGY.name}
    return TargetLines(name, strategy_in(name, own), options, STRATEGY.name in lines)


def _no_target(line: str, names: Sequence[str]) -> str:
    meant = closest(line, {}, names)
    hint = f"did you mean {meant}?" if meant else f"the targets are: {', '.join(names) or 'none'}"
    return f"option {line} of the notify filter: notifier_strategy has no such target; {hint}"


def _not_its_own(name: str, option: str, strategy: str) -> str:
    """Why the target cannot have this option; empty where its installed strategy may have it."""
    known = BY_NAME.get(option)
    if known is not None and known.scope is Scope.FILTER:
        return f": it is one for all targets; expected a line {option}, without a name"
    if strategy not in BUILT_IN_STRATEGIES:
        return ""
    if known is not None:
        whose = strategy_of(known)
        belongs = f", but {whose} has" if whose else ""
        return f": the strategy {strategy} of this target has no such option{belongs}"
    meant = closest(f"{name}.{option}", {f"{name}.{STRATEGY.name}": strategy}, [name])
    if meant:
        return f" is not known; did you mean {meant}?"
    its_own = ", ".join(sorted(each.name for each in options_of(strategy)))
    return f" is not known; the options of a target of {strategy} are: {its_own}"
