"""How many look-ups an API call makes, as docs/guarantees.md states it."""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parent.parent / "docs" / "guarantees.md"


class LookUps(NamedTuple):
    """The look-ups of an API call that Glance has done, and of one that it has refused."""

    done: int
    refused: int


def look_up_table() -> dict[str, LookUps]:
    """By the API call, such as `PUT /v2/images/{id}/file`."""
    rows = re.findall(r"^\| `(\w+ /v2/\S+)` \| (\d+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    return {call: LookUps(int(done), int(refused)) for call, done, refused in rows}
