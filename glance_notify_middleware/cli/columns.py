"""Columns of a table: their names, and the values that people and programs read differently."""

from typing import TYPE_CHECKING, Any

from cliff.columns import FormattableColumn

from glance_notify_middleware.cli.human import age, iso

if TYPE_CHECKING:
    Column = FormattableColumn[Any]
else:
    Column = FormattableColumn  # in cliff 4.6 it is not generic


def column_key(name: str) -> str:
    """What -c compares of a column's name: `last_confirm` and `Last confirm` are the same."""
    return name.lower().strip().replace(" ", "_")


class Moment(Column):
    """A time, seconds since the epoch: for people how long ago it was, for programs ISO 8601."""

    def __init__(self, value: float | None, now: float) -> None:
        """`now` is when the state was read."""
        super().__init__(value)
        self._now = now

    def human_readable(self) -> str:
        """How long ago; `-` where the time is not known."""
        return "-" if self._value is None else age(self._now - self._value)

    def machine_readable(self) -> str | None:
        """The time in UTC; None where it is not known."""
        return None if self._value is None else iso(self._value)


class Milliseconds(Column):
    """A length of time in milliseconds, or None."""

    def human_readable(self) -> str:
        """With one digit behind the point; `-` for None."""
        return "-" if self._value is None else f"{self._value:.1f}"

    def machine_readable(self) -> float | None:
        """The number."""
        return None if self._value is None else round(self._value, 3)
