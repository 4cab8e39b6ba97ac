"""Where contestants play: a RabbitMQ node, places of their own, and the programs that are measured.

The programs run in the environment `build/bench`, which has the contestants (`make bench` makes
it).
"""

import contextlib
import json
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import amqp  # type: ignore[import-untyped]

from bench.contestants import Place, paste_file
from demo.rabbit import Rabbit, missing

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / "build" / "bench" / "bin" / "python"
"""The Python that has the contestants."""


QUEUE = "notifications.info"
COMMAND = str(Path(sys.executable).parent / "glance-notify")
"""The command that is installed beside this Python."""


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

    def ids_in(self, place: Place, count: int, seconds: float = 10.0) -> set[str]:
        """Take all messages out of the queue of `place`, and return the id of each: what its sender
        calls it, or its body. Waits for so many messages, and where there are fewer until no more
        have come for so many seconds; a queue that nobody has declared is waited for, too."""
        found: set[str] = set()

        def take(message: amqp.Message) -> None:
            found.add(message.properties.get("message_id") or message.body)

        with self.rabbit.connected(place.vhost) as connection, contextlib.suppress(TimeoutError):
            wait_for(connection.channel(), 0, seconds)
            connection.channel().basic_consume(QUEUE, no_ack=True, callback=take)
            while len(found) < count:
                connection.drain_events(timeout=seconds)
        return found

    @contextmanager
    def placed(self) -> Iterator[Place]:
        """A place that is removed on exit."""
        place = self.place()
        try:
            yield place
        finally:
            self.leave(place)


def wait_for(channel: amqp.Channel, count: int, seconds: float = 120.0) -> int:
    """Wait until so many messages are in the queue, and return their number then.

    Raises TimeoutError when they are not there in so many seconds.
    """
    deadline = time.monotonic() + seconds
    number = -1
    while number < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{number} of {count} messages came in {seconds:.0f} s")
        try:
            number = channel.queue_declare(QUEUE, passive=True).message_count
        except amqp.NotFound:  # and the channel is closed
            channel = channel.connection.channel()
        time.sleep(0.02)
    return number


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


def result_of(module: str, place: Place, **job: Any) -> Any:
    """Run a program of this folder at a place, and return the JSON value that it prints.

    Raises RuntimeError, with the end of what it printed to stderr, when it fails.
    """
    with Program(module, place, **job) as program:
        return program.read()


class Program:
    """A program of this folder at a place, with a JSON object as its argument. In a `with`
    statement its input ends behind the last line, and it is waited for."""

    def __init__(self, module: str, place: Place, **job: Any) -> None:
        job |= {"folder": str(place.folder), "port": place.port, "vhost": place.vhost}
        self._errors = place.folder / "stderr"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [str(PYTHON), "-m", f"bench.{module}", json.dumps(job)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._pipes()[0].close()
        self.process.wait()
        self._pipes()[1].close()

    def read(self) -> Any:
        """The JSON value of the next line. Raises RuntimeError, with the end of what the program
        printed to stderr, where there is none."""
        line = self._pipes()[1].readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r}:\n{self._errors.read_text()[-4000:]}")
        return json.loads(line)

    def has_written(self, seconds: float) -> bool:
        """Whether there is something to read within so many seconds."""
        found, _, _ = select.select([self._pipes()[1]], [], [], seconds)
        return bool(found)

    def go(self) -> None:
        """Write the line that the program waits for."""
        self._pipes()[0].write("\n")
        self._pipes()[0].flush()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout


@contextmanager
def relay(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The command `glance-notify relay` at a place; it is ended on exit."""
    command = [COMMAND, "relay", str(paste_file(place, relay="external"))]
    with (place.folder / "relay.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
