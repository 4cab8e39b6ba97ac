"""The page of a measurement: printed, and written where that is asked for."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def give(form: str, arguments: Sequence[str], **facts: object) -> int:
    """Fill `form` in with `facts`, date and machine; print it, or write it to the path that is the
    first of `arguments`, too. Returns the exit status of the program."""
    page = form.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        python=platform.python_version(),
        cores=os.cpu_count(),
        system=f"{platform.system()} {platform.release()}",
        **facts,
    )
    print(page)
    if arguments:
        Path(arguments[0]).write_text(page)
    return 0
