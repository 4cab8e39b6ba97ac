"""Times and sizes, as people read them and as programs do."""

from datetime import UTC, datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
"""The units of bytes, each 1024 of the one before."""


def age(seconds: float) -> str:
    """A length of time in its two largest units: `3d 4h`, `5m 12s`, `0s`. Never negative."""
    left = max(int(seconds), 0)
    for position, (unit, name) in enumerate(_UNITS[:-1]):
        if left >= unit:
            smaller, smaller_name = _UNITS[position + 1]
            rest = left % unit // smaller
            return f"{left // unit}{name}" + (f" {rest}{smaller_name}" if rest else "")
    return f"{left}s"


def size(count: float) -> str:
    """A number of bytes in the largest unit that leaves 1 or more: `512 B`, `1.5 MiB`."""
    unit = 0
    while count >= 1024 and unit < len(SIZES) - 1:
        count /= 1024
        unit += 1
    return f"{count:.1f} {SIZES[unit]}" if unit else f"{count:.0f} B"


def several(count: int, noun: str) -> str:
    """A number of things: `1 message`, `3 messages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def waiting(count: int) -> str:
    """How many notifications wait: `1 notification waits`, `3 notifications wait`."""
    return f"{several(count, 'notification')} {'waits' if count == 1 else 'wait'}"


def iso(seconds: float) -> str:
    """A time, in seconds since the epoch, in ISO 8601: `2026-11-22T04:01:25Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(seconds: float) -> str:
    """A time, in seconds since the epoch, as notifications have theirs: `2026-11-22 04:01:25`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def option_size(count: int) -> str:
    """A number of bytes as an option has it, rounded up to whole MiB: `64MiB`."""
    return f"{-(-count // 2**20)}MiB"
