"""Has each transaction on SQLite, of any Glance of this process, begin as a writer's.

One that begins as a reader's, and would write later, fails at once, whatever its time-out is, when
another one has written since: then Glance answers 500, with the filter as without it.
"""

from typing import Any

import sqlalchemy


def begin_as_writers() -> None:
    """From now on, for good."""

    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute", retval=True)
    def begin(_: object, cursor: object, statement: str, values: Any, *more: Any) -> Any:
        return "BEGIN IMMEDIATE" if statement == "BEGIN" else statement, values
