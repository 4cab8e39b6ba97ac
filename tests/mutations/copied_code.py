"""Copies of the code and its tests, in which tests are run with a mistake, or without one."""

import json
import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

from tests.mutations.mutation import Mutation

ROOT = Path(__file__).parents[2]
PACKAGE = "glance_notify_middleware"

_COPIED = (PACKAGE, "tests", "demo", "etc")
_AT_A_TIME = 6  # on two cores: the tests of the table wait for more than half of their time

Item = TypeVar("Item")


class CopiedCode:
    """One copy, in which tests are run one after another. In a `with` statement they can be run."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made."""
        self._folder = folder
        self._mistakes = 0
        for name in _COPIED:
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "pyproject.toml", folder)

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.mutations.fork_server"],
            cwd=self._folder,
            # A run begins sooner where the code is compiled, and without plugins of pytest, which
            # no test of the table needs.
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def run(self, tests: Sequence[str]) -> tuple[int, str]:
        """Run tests of the table; returns pytest's exit status, and its output."""
        assert self._server.stdin
        assert self._server.stdout
        output = self._folder / "output"
        words = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={self._folder / 'tmp'}"]
        words += [f"tests/{test}" for test in tests]
        print(json.dumps([str(output), *words]), file=self._server.stdin, flush=True)
        status = int(self._server.stdout.readline())
        return status, output.read_text()

    def run_with(self, mutation: Mutation) -> tuple[int, str]:
        """Make the mistake, run its tests, and undo the mistake; returns what `run` does."""
        path = self._folder / PACKAGE / mutation.file
        whole, when = path.read_text(), path.stat().st_mtime
        self._mistakes += 1
        _write(path, whole.replace(mutation.old, mutation.new), self._mistakes)
        try:
            return self.run(mutation.tests)
        finally:
            _write(path, whole, when)


def on_copies(
    folder: Path, task: Callable[[CopiedCode, Item], str], items: Iterable[Item]
) -> list[str]:
    """Do the task for each of the items, each time on a copy of the code that no other task has;
    returns the texts that are not empty. `folder` is for the copies."""
    copies: queue.SimpleQueue[CopiedCode] = queue.SimpleQueue()

    def with_copy(item: Item) -> str:
        copy = copies.get()
        try:
            return task(copy, item)
        finally:
            copies.put(copy)

    with ExitStack() as to_end, ThreadPoolExecutor(_AT_A_TIME) as threads:
        for number in range(_AT_A_TIME):
            copies.put(to_end.enter_context(CopiedCode(folder / str(number))))
        return [text for text in threads.map(with_copy, items) if text]


def _write(path: Path, text: str, when: float) -> None:
    """Write the text into the file, as of the time `when`. Python takes a compiled file for one of
    the text that has the same time, in whole seconds, and the same length."""
    path.write_text(text)
    os.utime(path, (when, when))
