"""The options: one table, and the function that turns an operator's lines into Settings."""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glance_notify_middleware.identity import Network
from glance_notify_middleware.notification import EventType, Priority


class OptionError(ValueError):
    """A line in the filter's section is wrong; the message names it and the way out."""


@dataclass(frozen=True, slots=True)
class Option:
    """One line of the filter's section.

    `convert` makes the value of its text and raises ValueError, with the word that is wrong;
    `expected` says in the error what would have been right.
    """

    name: str
    default: str
    convert: Callable[[str], Any]
    expected: str
    help: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose, ready for use; a field for each option, of the same name."""

    notifier_strategy: str
    default_publisher_id: str
    disabled_notifications: tuple[str, ...]
    priorities: tuple[Priority, ...]
    image_delete_payload: str
    trusted_proxies: tuple[Network, ...]
    log_file: str

    def wants(self, event_type: EventType, priority: Priority) -> bool:
        """Whether the operator wants to be told of such an event."""
        return priority in self.priorities and not any(
            event_type == disabled or event_type.startswith(f"{disabled}.")
            for disabled in self.disabled_notifications
        )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _one_of(*words: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return convert


def _strategy(text: str) -> str:
    return "noop" if text.lower() == "default" else _one_of("noop", "logging")(text)


def _groups(event_type: EventType) -> list[str]:
    """image.member.create -> image, image.member, image.member.create."""
    words = event_type.split(".")
    return [".".join(words[: count + 1]) for count in range(len(words))]


_TYPES_AND_GROUPS = sorted({group for event_type in EventType for group in _groups(event_type)})


def _disabled(text: str) -> tuple[str, ...]:
    return tuple(_one_of(*_TYPES_AND_GROUPS)(word) for word in _words(text))


def _priorities(text: str) -> tuple[Priority, ...]:
    names = [_one_of("info", "warn", "error")(word) for word in _words(text)]
    if not names:
        raise ValueError(text)
    return tuple(Priority(name.upper()) for name in names)


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(_network(word) for word in _words(text))


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        raise ValueError(word) from None  # its own text is about netmasks


def _absolute(text: str) -> str:
    if text and (not text.startswith("/") or re.search(r"\0|\s[#;]", text)):
        raise ValueError(text)
    return text


OPTIONS = (
    Option(
        "notifier_strategy",
        "noop",
        _strategy,
        "noop or logging",
        "Where notifications go. noop (also: default): nowhere, and the filter takes itself out "
        "of the pipeline. logging: one line of JSON each.",
    ),
    Option(
        "default_publisher_id",
        "",
        str,
        "any text",
        "publisher_id of every notification. Empty: the name of the host.",
    ),
    Option(
        "disabled_notifications",
        "",
        _disabled,
        "a list, separated by commas, of: " + ", ".join(_TYPES_AND_GROUPS),
        "Event types, or groups of them (image.member), that are not sent, separated by commas.",
    ),
    Option(
        "priorities",
        "info, warn, error",
        _priorities,
        "a list, separated by commas, of one or more of: info, warn, error",
        "Priorities that are sent, separated by commas. INFO: done. WARN: refused. ERROR: failed, "
        "or a download that was cut short.",
    ),
    Option(
        "image_delete_payload",
        "id",
        _one_of("id", "metadata"),
        "id or metadata",
        "What image.delete tells: the image's id, or (as Glance's own notifier, for Ceilometer) "
        "its metadata, for which it is looked up before each delete.",
    ),
    Option(
        "trusted_proxies",
        "",
        _networks,
        "a list, separated by commas, of addresses or networks such as 10.0.0.0/8 or ::1",
        "Proxies in front of Glance whose X-Forwarded-For or Forwarded header is believed, as "
        "addresses or networks, separated by commas. Empty: destination_ip is the peer's address.",
    ),
    Option(
        "log_file",
        "",
        _absolute,
        "an absolute path",
        "(logging) File to append to, safely from several processes and with logrotate. Empty: "
        "Python's logging, logger glance_notify_middleware.notifications.",
    ),
)


def read(lines: Mapping[str, str], host_name: str) -> Settings:
    """Settings from the lines of the filter's own section; `host_name` is the publisher's default.

    Raises OptionError for a name that is not in OPTIONS and for a value that is wrong.
    """
    known = {option.name for option in OPTIONS}
    for name in lines:
        if name not in known:
            raise OptionError(_unknown(name, sorted(known)))
    values = {option.name: _value(option, lines) for option in OPTIONS}
    return Settings(
        **values | {"default_publisher_id": values["default_publisher_id"] or host_name}
    )


def _value(option: Option, lines: Mapping[str, str]) -> Any:
    text = lines.get(option.name, option.default).strip()
    try:
        return option.convert(text)
    except ValueError as error:
        wrong = str(error)
        where = f" in {text!r}" if wrong != text else ""
        hint = " (a comment needs a line of its own)" if "#" in text or ";" in text else ""
        raise OptionError(
            f"option {option.name} of the notify filter: {wrong!r}{where} is not valid{hint}; "
            f"expected {option.expected}"
        ) from error


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "the options are: " + ", ".join(known)
    return f"option {name} of the notify filter is not known; {hint}"
