"""who and usage over a month of a million lines: to the byte, in time, and in little memory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.cli.command import WARNINGS
from tests.cli.played_month import Month, check_usage, check_who, play
from tests.long_runs import takes_long
from tests.markdown import joined, markdown, written_with

LINES = 1_000_000
MOST_SECONDS = 60
MOST_MEMORY = 150  # MiB

PAGE = Path(__file__).parents[2] / "docs" / "measured" / "audit.md"
INTRODUCTION = (
    "The log files of a month are played: three nodes with 30 files each, of which 28 are "
    "compressed. The third node has its notifications in Glance's own log. Repeats and damaged "
    "lines are among them. Each answer is compared to the byte with what the player summed up "
    "while it wrote the lines. `peak memory` is VmHWM of the command's one process, and "
    "`processor` is its user and system time."
)

PROGRAM = """
import json, os, re, sys
from glance_notify_middleware.cli import main
status = main(sys.argv[2:])
with open("/proc/self/status") as lines, open(sys.argv[1], "w") as file:
    memory = int(re.search(r"VmHWM:\\s+(\\d+) kB", lines.read())[1]) / 1024
    times = os.times()
    json.dump([memory, times.user + times.system], file)
sys.exit(status)
"""


@takes_long
def test_answers_over_a_million_lines_are_exact_quick_and_small(tmp_path: Path) -> None:
    month = play(tmp_path / "month", LINES)
    size = sum(Path(name).stat().st_size for name in month.files) / 1024**2
    rows = [
        ("lines", f"{month.lines:,}"),
        ("repeats among them", f"{month.repeats:,}"),
        ("damaged lines among them", f"{month.damaged:,}"),
        ("lines of other loggers among them", f"{month.others:,}"),
        ("files", f"{len(month.files)}, {size:,.0f} MiB"),
        ("bytes that were sent", f"{month.total['bytes_sent']:,}"),
    ]
    page = tmp_path / "month.html"
    questions: list[tuple[list[str], Callable[[str], None]]] = [
        (["who", month.image], lambda out: check_who(out, month)),
        (["usage"], lambda out: check_usage(out, month, None)),
        *((["usage", "--by", by], _check_by(month, by)) for by in month.by),
        (["usage", "--html", str(page)], lambda out: check_usage(out, month, None)),
    ]
    measured = []
    for words, check in questions:
        out, seconds, memory, processor = _run(tmp_path, [*words, *month.files, "-f", "json"])
        check(out)
        shown = " ".join("IMAGE" if w == month.image else w for w in words if w != str(page))
        measured.append(
            (f"`{shown}`", f"{seconds:.1f} s", f"{processor:.1f} s", f"{memory:.0f} MiB")
        )
        assert seconds < MOST_SECONDS, measured
        assert memory < MOST_MEMORY, measured
    tables = [
        markdown(("quantity", "measured"), rows),
        markdown(("question", "time", "processor", "peak memory"), measured),
    ]
    print(*tables, sep="\n")
    title = "# Questions to a month of log files"
    PAGE.write_text(joined([title, written_with("orjson", "cliff"), INTRODUCTION, *tables]))


def _check_by(month: Month, by: str) -> Callable[[str], None]:
    return lambda out: check_usage(out, month, by)


def _run(folder: Path, words: list[str]) -> tuple[str, float, float, float]:
    """What the command printed; seconds, MiB of memory, and seconds of the processor."""
    usage = folder / "usage.json"
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(usage), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - begun
    assert done.returncode == WARNINGS, done.stderr
    memory, processor = json.loads(usage.read_text())
    return done.stdout, seconds, memory, processor
