"""What the rest of the code must know of a strategy before the strategy is made."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.listening import Listener


@dataclass(frozen=True, slots=True)
class Description:
    """A strategy as the settings configure it. The defaults describe an installed strategy."""

    brokers: tuple[Broker, ...] = ()
    """The brokers that the strategy connects to, for log lines; empty: unknown."""

    destination: Mapping[str, object] = field(default_factory=dict)
    """What decides where a message goes, as whose, and in which form: option name -> value.

    Processes that share a journal_dir must agree on these values, because one of them delivers what
    all of them record. The values are written to a file in journal_dir: they are what JSON can
    hold, and no password is among them.
    """

    first_wait: float = 0.2
    """Seconds between an error and the next try: of a lost connection, or of refused messages."""

    longest_wait: float = 30.0
    """Seconds. The wait doubles with each failure in a row, up to this one."""


Inspect = Callable[[Settings], Iterable[Finding]]
"""Looks at the brokers of a strategy, for the command `check`: what is wrong there, and with the
options that lead there. Takes 15 seconds at most; creates and changes nothing at a broker; raises
nothing."""


Listen = Callable[[Settings, Collection[Priority]], Listener]
"""Makes what listens to messages of these priorities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """A strategy of this package that needs delivery: what its room gives the registry."""

    describe: Callable[[Settings], Description]

    load: Callable[[], Callable[[Settings], Strategy]]
    """Imports and returns what makes the strategy. Raises ImportError where its library is
    missing."""

    load_inspection: Callable[[], Inspect]
    """Imports and returns what inspects the brokers. Raises ImportError where the library is
    missing."""

    load_listener: Callable[[], Listen] | None = None
    """Imports and returns what listens to what is sent. Raises ImportError where the library is
    missing. None: that cannot be listened to."""

    read_secrets: Callable[[Settings], object]
    """Reads the secrets that the options have in files. Raises MisconfiguredError."""

    options: frozenset[str]
    """The names of the options that belong to the strategy."""

    packages: tuple[str, ...]
    """The packages that the library is: names on PyPI. How new they must be is in setup.py."""

    brought_by: str
    """What installs the library: the end of the sentence "expected what ..."."""

    also_set_by: Mapping[str, str] = field(default_factory=dict)
    """Option of the destination -> another option that sets it too, for error messages."""


def in_any_order(values: Iterable[object]) -> str:
    """The values as one text, which does not depend on their order."""
    return ", ".join(sorted(map(str, values)))


def identities(brokers: Iterable[Broker]) -> str:
    """`user@host:port` of each broker, in any order: a part of a destination."""
    return in_any_order(f"{broker.userid}@{broker}" for broker in brokers)
