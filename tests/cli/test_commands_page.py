"""docs/commands.md has every command, and the output of those that it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from glance_notify_middleware.cli.app import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
BLOCKS = re.findall(r"^```console\n\$ (.*)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)

SECTION = """\
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = rabbit
trusted_proxies = 10.0.0.0/8
transport_url = rabbit://glance:pa55word@rabbit1,glance:pa55word@rabbit2//openstack?ssl=1
"""


def test_table_has_every_command() -> None:
    rows = re.findall(r"^\| `([a-z -]+)` \| .* \| \[[\w-]+\]\(.*\) \|$", PAGE, re.MULTILINE)
    assert rows == sorted(COMMANDS)


@pytest.mark.parametrize(("line", "output"), BLOCKS, ids=[line for line, _ in BLOCKS])
def test_page_shows_what_the_command_prints(line: str, output: str, tmp_path: Path) -> None:
    (tmp_path / "glance-api-paste.ini").write_text(SECTION)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr + done.stdout.replace(f"{tmp_path}/", "") == output
