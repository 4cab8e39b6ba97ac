"""A backlog of 600,000 notifications slows no request, needs no memory, and is delivered whole."""

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import amqp  # type: ignore[import-untyped]

from demo.rabbit import Rabbit
from glance_notify_middleware.journal.layout import file_sizes, listing
from tests.faults.deployment import Deployment
from tests.faults.servers import ROOT
from tests.long import page
from tests.long.process_usage import Growth, cpu_seconds
from tests.long_runs import takes_long
from tests.markdown import markdown

BACKLOG = 600_000
WRITERS = 2
MEASURED = 10_000
RATE = 500  # events a second while their times are measured
MOST = 16  # MiB by which a process may grow

QUEUE = "notifications.info"


@dataclass
class Measured:
    """The result of tests.long.recording: microseconds, and MiB of growth."""

    median: float
    p99: float
    grown: float


class Recording:
    """A program tests.long.recording, in a `with` statement."""

    def __init__(self, folder: Path, first: int, count: int, rate: int = 0) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        words = [str(folder), *map(str, (first, count, rate))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.long.recording", *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read_line() == "ready"

    def __enter__(self) -> "Recording":
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def measured(self) -> Measured:
        """The result; waits until all events are recorded."""
        return Measured(**json.loads(self._read_line()))

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def side_by_side(journal: Path, empty: Path, first: int) -> list[Measured]:
    """Record in both journals at the same time, in a process each; returns both results."""
    with (
        Recording(journal, first, MEASURED, RATE) as in_journal,
        Recording(empty, 0, MEASURED, RATE) as in_empty,
    ):
        return [in_journal.measured(), in_empty.measured()]


@takes_long
def test_backlog_slows_no_recording_and_is_drained(
    rabbit: Rabbit, vhost: str, deployment: Deployment, tmp_path: Path
) -> None:
    rows: list[tuple[str, str]] = []
    rabbit.stop()
    try:
        deployment.start_relay()
        deployment.wait_until(lambda: "relays the notifications" in deployment.log_text())
        with Growth(deployment.relay_pid) as growth:
            share = BACKLOG // WRITERS
            begun = time.monotonic()
            with contextlib.ExitStack() as writers:
                writing = [
                    writers.enter_context(Recording(deployment.journal, n * share, share))
                    for n in range(WRITERS)
                ]
                written = [recording.measured() for recording in writing]
            seconds = time.monotonic() - begun
            size = f"{sum(file_sizes(deployment.journal).values()) / 1024**2:,.0f} MiB"
            rows.append(("notifications in the backlog", f"{BACKLOG:,}, {size}"))
            rows.append(
                ("notifications that two processes record a second", f"{BACKLOG / seconds:,.0f}")
            )
            while_down = side_by_side(deployment.journal, tmp_path / "empty", BACKLOG)
            rabbit.start()
            with rabbit.connected(vhost) as connection:
                first, begun = _wait_for(connection, 1)
                while_drained = side_by_side(
                    deployment.journal, tmp_path / "also empty", BACKLOG + MEASURED
                )
                total = BACKLOG + 2 * MEASURED
                last, ended = _wait_for(connection, total)
                relay_took = cpu_seconds(deployment.relay_pid)
                load = os.getloadavg()[1]
    finally:
        if not rabbit.is_up:
            rabbit.start()
    rows += [
        (
            "median to record one, with the backlog and in an empty journal (µs)",
            _medians(while_down),
        ),
        ("ratio", f"{while_down[0].median / while_down[1].median:.2f}"),
        ("the same while the backlog drains (µs)", _medians(while_drained)),
        ("ratio", f"{while_drained[0].median / while_drained[1].median:.2f}"),
        ("confirmed messages a second", f"{(last - first) / (ended - begun):,.0f}"),
        ("load average meanwhile (running processes)", f"{load:.1f}"),
        ("CPU time of the relay for a message (µs)", f"{relay_took / total * 1e6:.0f}"),
    ]
    recorders = [*written, *while_down, *while_drained]
    rows.append(("growth of the relay (MiB of RssAnon)", f"{growth.most:.1f}"))
    most = max(recorder.grown for recorder in recorders)
    rows.append(("largest growth of a recording process (MiB)", f"{most:.1f}"))
    print(f"\n{markdown(page.COLUMNS, rows)}")
    counts = _numbers(rabbit, vhost, total)
    assert counts.count(0) == 0, f"{counts.count(0)} are missing"
    assert growth.most <= MOST
    assert most <= MOST
    deployment.wait_until(lambda: len(listing(deployment.journal).segments) <= 1)
    page.write("backlog", rows, rabbit)


def _medians(pair: list[Measured]) -> str:
    return f"{pair[0].median:.1f}, {pair[1].median:.1f}"


def _wait_for(connection: amqp.Connection, count: int) -> tuple[int, float]:
    """Wait until `count` messages are in the queue; returns their number then, and the time."""
    channel = connection.channel()
    deadline = time.monotonic() + 3600
    while time.monotonic() < deadline:
        try:
            number = channel.queue_declare(QUEUE, passive=True).message_count
        except amqp.NotFound:
            number, channel = 0, connection.channel()
        if number >= count:
            return number, time.monotonic()
        time.sleep(0.1)
    raise AssertionError(f"{number} of {count} messages came")


def _numbers(rabbit: Rabbit, vhost: str, count: int) -> bytearray:
    """How often each number below `count` came as a message_id."""
    came = bytearray(count)

    def take(message: amqp.Message) -> None:
        number = int(message.properties["message_id"].replace("-", ""), 16)
        came[number] = min(came[number] + 1, 255)

    with rabbit.connected(vhost) as connection:
        channel = amqp.Channel(connection, auto_decode=False)
        channel.open()
        channel.basic_consume(QUEUE, no_ack=True, callback=take)
        with contextlib.suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=5)
    return came
