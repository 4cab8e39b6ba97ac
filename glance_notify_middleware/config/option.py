"""One line of the filter's section: what declares it, and its value or an error."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glance_notify_middleware.config.kinds import CONTINUED, Kind, RefusedError

Lines = Mapping[str, str]
"""Option name -> text, as the operator wrote it."""

Values = Mapping[str, Any]
"""Option name -> value, of every option, as its kind converts the text or the default."""


class OptionError(ValueError):
    """A line in the filter's section is wrong; the message names it and the way out."""

    __module__ = "glance_notify_middleware.config"  # the public name, which a traceback shows

    def __init__(self, text: str, options: tuple[str, ...] = (), why: str = "") -> None:
        """`options` are the names of the options that are wrong, as far as they are known. `why`:
        of two that contradict each other, the text behind their names."""
        super().__init__(text)
        self.options = options
        self.why = why


class Scope(enum.Enum):
    """Which targets may have an option of their own, by a line NAME.option."""

    FILTER = enum.auto()
    """None: it is one for the whole filter."""
    TARGET = enum.auto()
    """Each."""
    BROKER = enum.auto()
    """Each that messages are sent to: all but those of the logging strategy."""
    STRATEGY = enum.auto()
    """Those of the strategy that the option belongs to."""


@dataclass(frozen=True, slots=True)
class Option:
    """One line of the filter's section. No error shows the value of a `secret` option."""

    name: str
    default: str
    kind: Kind
    help: str
    secret: bool = False
    scope: Scope = Scope.STRATEGY


def value_of(option: Option, lines: Lines) -> Any:
    """The value that the option has with these lines. Raises OptionError."""
    text = lines.get(option.name, option.default).strip()
    try:
        return option.kind.convert(text)
    except ValueError as error:
        wrong = _wrong_secret(error) if option.secret else _wrong(text, str(error))
    # Outside of the except clause: the error that is raised must not carry a secret with it.
    raise OptionError(
        f"option {option.name} of the notify filter: {wrong}; expected {option.kind.expected}",
        (option.name,),
    )


def _wrong(text: str, word: str) -> str:
    """What is wrong with `text`: the `word` in it."""
    if "\n" in text:  # the lines below the first can be another option, with a password
        return f"its value is not valid ({CONTINUED})"
    if "@" in text:  # a password can stand before it
        return "its value, which is not shown as it has an @, is not valid"
    where = f" in {text!r}" if word != text else ""
    hint = " (a comment needs a line of its own)" if "#" in text or ";" in text else ""
    return f"{word!r}{where} is not valid{hint}"


def _wrong_secret(error: ValueError) -> str:
    why = f" ({error})" if isinstance(error, RefusedError) else ""
    return f"its value is not valid{why}"
