"""Makes every transaction on SQLite, of all Glances of this process, begin as a writer.

A transaction that begins as a reader, and writes later, fails at once, whatever its time-out is,
when another transaction has written since. Then Glance answers 500, with the filter as without it.
"""

from typing import Any

import sqlalchemy


def begin_as_writers() -> None:
    """Have every transaction of this process begin with BEGIN IMMEDIATE from now on."""

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute", retval=True)
    def begin(_: object, cursor: object, statement: str, values: Any, *more: Any) -> Any:
        return "BEGIN IMMEDIATE" if statement == "BEGIN" else statement, values
