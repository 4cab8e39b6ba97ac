"""The tests see mistakes: each mistake of the table, made in a copy of the code, fails a test."""

import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mutations.mutation import Mutation
from tests.mutations.table import MUTATIONS

ROOT = Path(__file__).parents[2]
PACKAGE = "glance_notify_middleware"
COPIED = (PACKAGE, "tests", "demo", "etc")
AT_A_TIME = 3
TESTS_FAILED = 1  # pytest's exit status; another one says that the tests could not be run


def copy(place: Path) -> Path:
    """Copy the code and its tests, without compiled files, which could be taken for new ones."""
    for name in COPIED:
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, place / name, ignore=compiled)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def run(
    place: Path, tests: Sequence[str], seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the tests on the code in `place`. Raises TimeoutExpired."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        + [f"--basetemp={place / 'tmp'}"]
        + [f"tests/{test}" for test in tests],
        cwd=place,
        # No test of the table needs a plugin of pytest; without plugins a run begins in half the
        # time.
        env=clean | {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=seconds,
    )


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_mistake_can_be_made(mutation: Mutation) -> None:
    assert (ROOT / PACKAGE / mutation.file).read_text().count(mutation.old) == 1
    assert mutation.old != mutation.new


def test_every_mistake_is_seen(tmp_path: Path) -> None:
    places: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for number in range(AT_A_TIME):
        places.put(copy(tmp_path / str(number)))

    def fault(mutation: Mutation) -> str:
        """What and the output of the tests, if they do not see the mistake; else an empty text."""
        place = places.get()
        path = place / PACKAGE / mutation.file
        whole = path.read_text()
        path.write_text(whole.replace(mutation.old, mutation.new))
        try:
            ended = run(place, mutation.tests)
        finally:
            path.write_text(whole)
            places.put(place)
        return "" if ended.returncode == TESTS_FAILED else f"{mutation.what}:\n{ended.stdout}"

    with ThreadPoolExecutor(AT_A_TIME) as threads:
        unseen = [text for text in threads.map(fault, MUTATIONS) if text]
    assert not unseen, "\n".join(unseen)


def test_same_tests_pass_without_a_mistake(tmp_path: Path) -> None:
    tests = dict.fromkeys(test for mutation in MUTATIONS for test in mutation.tests)
    ended = run(copy(tmp_path / "copy"), list(tests), seconds=900)
    assert ended.returncode == 0, ended.stdout
