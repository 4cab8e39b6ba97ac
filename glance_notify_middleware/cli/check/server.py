"""The server that runs Glance: uWSGI's file, and eventlet under Glance's own server."""

import configparser
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.cli import mends
from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.strategies.registry import with_delivery

_FALSE = ("false", "off", "no", "0")
"""What an option without a value of its own is switched off by (uWSGI 2.0, `uwsgi_opt_true`)."""
_LAST_OF_EVENTLET = 32
"""The last release of Glance with a server of its own, `glance-api`, which runs under eventlet."""


@dataclass(frozen=True, slots=True)
class Uwsgi:
    """A file of uWSGI's options."""

    path: Path
    options: dict[str, str]

    @property
    def user(self) -> str:
        """The user that the workers run as; empty: not set."""
        return self.options.get("uid", "")

    @property
    def processes(self) -> int:
        """How many workers there are."""
        texts = [self.options.get(name, "") for name in ("processes", "workers", "p")]
        return next((int(text) for text in texts if text.isdecimal()), 1)

    @property
    def has_threads(self) -> bool:
        """Whether Python threads run: with enable-threads, or with more than one thread."""
        enabled = self.options.get("enable-threads", self.options.get("T", "false"))
        threads = self.options.get("threads", "1")
        return enabled.lower() not in _FALSE or (threads.isdecimal() and int(threads) > 1)


def read_uwsgi(given: str) -> Uwsgi:
    """The file of uWSGI's options. Raises UsageError where it is no ini file."""
    path = Path(given).absolute()
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(path.read_text())
        lines = dict(parser.items("uwsgi"))
    except OSError as error:
        raise UsageError(f"--uwsgi: {path}: {error.strerror}") from error
    except (configparser.Error, UnicodeDecodeError):
        raise UsageError(f"--uwsgi: {path} is no ini file with a section [uwsgi]") from None
    return Uwsgi(path, {name: "true" if text is None else text for name, text in lines.items()})


def without_threads(uwsgi: Uwsgi, settings: Settings) -> Iterator[Finding]:
    """Whether the filter's threads run under uWSGI."""
    if uwsgi.has_threads:
        return
    relays = bool(with_delivery(settings)) and settings.relay == "thread"
    what = "nothing is sent from there, and " if relays else ""
    yield Finding(
        Level.ERROR if relays else Level.WARNING,
        "uwsgi-without-threads",
        f"{uwsgi.path} has neither enable-threads nor threads: {what}no import is followed",
        mends.line_in("uwsgi", uwsgi.path, "enable-threads = true"),
    )


def under_eventlet(settings: Settings, section: tuple[str, Path]) -> Iterator[Finding]:
    """Whether qpid may deliver under eventlet. `section` is its name and its paste file."""
    try:
        version = importlib.metadata.version("glance")
    except importlib.metadata.PackageNotFoundError:
        return
    release = version.partition(".")[0]
    if not release.isdecimal() or int(release) > _LAST_OF_EVENTLET:
        return
    strategies = {target.strategy for target in settings.targets.values()}
    if "qpid" in strategies and settings.relay == "thread":
        what = f"Glance {version} runs under eventlet where it is started as glance-api: there "
        what += "qpid delivers in the one thread that serves requests, too"
        mend = mends.line_in(*section, "relay = external")
        yield Finding(Level.WARNING, "qpid-under-eventlet", what, mend)
