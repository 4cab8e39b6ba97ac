"""How values are written: each Kind converts a text into a value, or refuses the text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class RefusedError(ValueError):
    """A value is not valid. The text is why, and holds nothing of the value: it may be secret."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of an option are written."""

    convert: Callable[[str], Any]
    """Makes the value of its text. Raises RefusedError, or ValueError with the word that is wrong
    in the text."""
    expected: str
    """What is right, for the error: the end of the sentence "expected ..."."""


CONTINUED = "the line below it is indented, and so is a part of it"
"""Why a value of several lines is refused. Lists may have several lines."""


def words_of(text: str) -> list[str]:
    """The words of a list that is separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def one_of(*words: str, **also: str) -> Kind:
    """One of `words`, in any case. `also`: another word -> the one of `words` that it means."""

    def convert(text: str) -> str:
        word = also.get(text.lower(), text.lower())
        if word not in words:
            raise ValueError(text)
        return word

    *others, last = words
    return Kind(convert, f"{', '.join(others)} or {last}")


def listed(*words: str) -> Callable[[str], tuple[str, ...]]:
    """Converts a list of any of `words`, in any case, separated by commas."""
    convert = one_of(*words).convert
    return lambda text: tuple(convert(word) for word in words_of(text))


def line(text: str) -> str:
    """Any text of one line. Raises RefusedError for a text of several lines.

    The parser of paste files takes an indented line for a part of the value above it: an option
    there would be ignored.
    """
    if "\n" in text:
        raise RefusedError(CONTINUED)
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or re.search(r"\0|\s[#;]", text):
        raise ValueError(text)
    return line(text)


def _counted(units: dict[str, int], number: str) -> Callable[[str], float]:
    """Converts a number, a regular expression, followed by one of `units`: name -> factor."""

    def convert(text: str) -> float:
        match = re.fullmatch(rf"({number})\s*([a-z]*)", text.lower())
        if not match or match[2] not in units:
            raise ValueError(text)
        return float(match[1]) * units[match[2]]

    return convert


_size = _counted({"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30}, r"\d{1,15}")
_time = _counted({"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}, r"\d{1,9}(?:\.\d{1,9})?")


def _at_least(least: int, convert: Callable[[str], float]) -> Callable[[str], float]:
    def converted(text: str) -> float:
        if (value := convert(text)) < least:
            raise ValueError(text)
        return value

    return converted


def _at_most(most: int, convert: Callable[[str], float]) -> Callable[[str], float]:
    def converted(text: str) -> float:
        if (value := convert(text)) > most:
            raise ValueError(text)
        return value

    return converted


def _positive(convert: Callable[[str], float]) -> Callable[[str], float]:
    def converted(text: str) -> float:
        if (value := convert(text)) <= 0:
            raise ValueError(text)
        return value

    return converted


def _name(text: str) -> str:
    if not 0 < len(text.encode(errors="replace")) <= 200:
        raise ValueError(text)
    return line(text)


def _something(text: str) -> str:
    if not text:
        raise ValueError(text)
    return line(text)


def port(text: str) -> int:
    """A TCP port. Raises ValueError with `text`."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 2**16:
        raise ValueError(text)
    return int(text)


def _number_to(most: int) -> Kind:
    """A number from 1 on."""

    def convert(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,7}", text) or not 0 < int(text) <= most:
            raise ValueError(text)
        return int(text)

    return Kind(convert, f"a number between 1 and {most}")


TEXT = Kind(line, "any text")
SOMETHING = Kind(_something, "any text that is not empty")
PATH = Kind(_path, "an absolute path")
PATH_OR_EMPTY = Kind(lambda text: text and _path(text), "an absolute path")
SIZE_OF_JOURNAL = Kind(
    lambda text: int(_at_least(2**20, _size)(text)), "a size of 1MiB or more, such as 64MiB or 2GiB"
)
SIZE_OR_0 = Kind(lambda text: int(_size(text)), "0, or a size such as 65536, 64KiB, 64MiB or 2GiB")
TIME = Kind(_positive(_time), "seconds, more than 0, or a time such as 30s, 5m, 24h or 7d")
TIME_OR_0 = Kind(_time, "0, or seconds, or a time such as 30s, 5m, 24h or 7d")
TIME_WITHIN_A_DAY = Kind(
    _at_most(86400, _time), "0, or seconds, or a time such as 30s or 10m, of 24h at most"
)
NUMBER = _number_to(1_000_000)
NUMBER_TO_500 = _number_to(500)
PORT = Kind(port, "a port between 1 and 65535")
NAME = Kind(_name, "a name of 1 to 200 bytes")
_TRUE_AND_FALSE = {
    "yes": "true",
    "on": "true",
    "1": "true",
    "no": "false",
    "off": "false",
    "0": "false",
}
_BOOLEAN = one_of("true", "false", **_TRUE_AND_FALSE)
BOOLEAN = Kind(lambda text: bool(_BOOLEAN.convert(text) == "true"), _BOOLEAN.expected)
BOOLEAN_OR_EMPTY = Kind(
    lambda text: BOOLEAN.convert(text) if text else None, f"{_BOOLEAN.expected}, or nothing"
)
