"""The times of --since and --until, as notifications have theirs."""

import argparse
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?Z?)?"
)
_EXPECTED = "expected 7d, 24h, 30m, 2026-11-01, or '2026-11-01 12:00:00', in UTC"

_FIRST = ""
_LAST = "~"  # behind every timestamp


@dataclass(frozen=True, slots=True)
class Period:
    """A time from `since` on, and before `until`.

    Both are written as the timestamps of notifications are, `YYYY-MM-DD HH:MM:SS.ffffff` in UTC:
    the order of such texts is the order of the times.
    """

    since: str = _FIRST
    until: str = _LAST

    def __contains__(self, timestamp: str) -> bool:
        return self.since <= timestamp < self.until


def timestamp_of(text: str) -> str:
    """The timestamp that an argument names: a time in UTC, or how long ago it was.

    A date alone is its midnight. Raises ArgumentTypeError.
    """
    try:
        return _written(_moment(text))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; {_EXPECTED}") from error


def _moment(text: str) -> datetime:
    """Raises ValueError, OverflowError."""
    if ago := _AGO.fullmatch(text):
        unit = _UNITS[ago[2]]
        return datetime.fromtimestamp(time.time(), UTC) - timedelta(**{unit: int(ago[1])})
    if not _TIME.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.removesuffix("Z"))


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}".rjust(26, "0")


def add_period(parser: argparse.ArgumentParser) -> None:
    """Add --since and --until to the arguments of a command."""
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=timestamp_of,
        help="notifications from this time on: 7d or 24h ago, 2026-11-01, "
        "'2026-11-01 12:00:00' (UTC); default: all",
    )
    parser.add_argument(
        "--until",
        metavar="TIME",
        type=timestamp_of,
        help="notifications before this time, as --since; default: all",
    )
