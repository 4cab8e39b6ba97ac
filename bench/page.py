"""The page of a measurement: prints it, and writes it to a file."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def publish(form: str, arguments: Sequence[str], **facts: object) -> int:
    """Fill `form` in with `facts`, the date and the machine, and print it.

    `arguments` are those of the program: the first one, if there is one, is the path of a file that
    the page is written to, too. Returns the exit status of the program.
    """
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
