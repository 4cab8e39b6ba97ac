"""Where contestants play: a RabbitMQ node, places of their own, and the programs that are measured.

The programs run in the environment `build/bench`, which has the contestants (`make bench` makes
it).
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.contestants import Place, paste_file
from demo.rabbit import Rabbit, missing

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / "build" / "bench" / "bin" / "python"
"""The Python that has the contestants."""


class Stage:
    """A RabbitMQ node, and folders on the disk of the clone."""

    def __init__(self, folder: Path, rabbit: Rabbit) -> None:
        self.rabbit = rabbit
        self._folder = folder
        self._places = 0

    def place(self) -> Place:
        """A place with an empty folder and an empty vhost of its own."""
        self._places += 1
        name = f"place-{self._places}"
        (self._folder / name).mkdir()
        self.rabbit.add_vhost(name)
        return Place(self._folder / name, self.rabbit.port, name)

    def leave(self, place: Place) -> None:
        """Remove the folder and the vhost of a place."""
        shutil.rmtree(place.folder)
        self.rabbit.delete_vhost(place.vhost)

    @contextmanager
    def placed(self) -> Iterator[Place]:
        """A place that is removed on exit."""
        place = self.place()
        try:
            yield place
        finally:
            self.leave(place)


@contextmanager
def set_up() -> Iterator[Stage]:
    """A stage, which is removed on exit. Raises RuntimeError where RabbitMQ is missing."""
    if (lacking := missing()) is not None:
        raise RuntimeError(lacking)
    build = ROOT / "build"
    with tempfile.TemporaryDirectory(dir=build, prefix="bench-") as name:
        folder = Path(name)
        with Rabbit(folder / "rabbit", name="bench") as rabbit:
            yield Stage(folder, rabbit)


def started(module: str, job: dict[str, Any], **options: Any) -> subprocess.Popen[str]:
    """Start a program of this folder, with a JSON object as its argument."""
    command = [str(PYTHON), "-m", f"bench.{module}", json.dumps(job)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)


def result_of(module: str, place: Place, **job: Any) -> Any:
    """Run a program of this folder at a place, and return the JSON value that it prints.

    What it prints to stderr goes to the file `stderr` of the place. Raises RuntimeError, with the
    end of that, when it fails.
    """
    job |= {"folder": str(place.folder), "port": place.port, "vhost": place.vhost}
    with (place.folder / "stderr").open("w+") as errors:
        process = started(module, job, stderr=errors)
        output, _ = process.communicate()
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"bench.{module} {job} failed:\n{errors.read()[-4000:]}")
    return json.loads(output)


@contextmanager
def relay(place: Place, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command `glance-notify relay` at a place; it is ended on exit."""
    program = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"
    path = paste_file(place, relay="external")
    command: Sequence[str] = [sys.executable, "-c", program, "relay", str(path), *words]
    with (place.folder / "relay.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
