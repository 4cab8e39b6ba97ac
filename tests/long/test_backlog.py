"""A backlog of 600,000 notifications slows nobody, needs no memory, and is all there at the end."""

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
from tests.faults.servers import ROOT
from tests.faults.stage import Stage
from tests.long import page
from tests.long.memory import Growth, cpu_seconds
from tests.long_runs import takes_long
from tests.markdown import markdown

BACKLOG = 600_000
WRITERS = 2
MEASURED = 10_000
A_SECOND = 500  # events that are recorded while they are measured
MOST = 16  # MiB that a process may grow by

QUEUE = "notifications.info"


@dataclass
class Measured:
    """What a program of tests.long.recording has measured: microseconds, MiB."""

    median: float
    p99: float
    grown: float


class Recording:
    """One such program. In a `with` statement."""

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
        assert self._hear() == "ready"

    def __enter__(self) -> "Recording":
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def measured(self) -> Measured:
        """Waits until all is recorded."""
        return Measured(**json.loads(self._hear()))

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def side_by_side(journal: Path, empty: Path, first: int) -> list[Measured]:
    """Events recorded in both at a time, in a process each: in the empty one the second."""
    with (
        Recording(journal, first, MEASURED, A_SECOND) as one,
        Recording(empty, 0, MEASURED, A_SECOND) as other,
    ):
        return [one.measured(), other.measured()]


@takes_long
def test_a_backlog_slows_nobody_and_is_drained(
    rabbit: Rabbit, vhost: str, stage: Stage, tmp_path: Path
) -> None:
    rows: list[tuple[str, str]] = []
    rabbit.stop()
    try:
        stage.start_relay()
        stage.wait_until(lambda: "relays the notifications" in stage.log_text())
        with Growth(stage.relay_pid) as growth:
            each = BACKLOG // WRITERS
            begun = time.monotonic()
            with contextlib.ExitStack() as writers:
                writing = [
                    writers.enter_context(Recording(stage.journal, n * each, each))
                    for n in range(WRITERS)
                ]
                written = [one.measured() for one in writing]
            seconds = time.monotonic() - begun
            lies = f"{sum(file_sizes(stage.journal).values()) / 1024**2:,.0f} MiB"
            rows.append(("notifications that wait", f"{BACKLOG:,}, {lies}"))
            rows.append(("recorded by two processes, a second", f"{BACKLOG / seconds:,.0f}"))
            stands = side_by_side(stage.journal, tmp_path / "empty", BACKLOG)
            rabbit.start()
            with rabbit.connected(vhost) as connection:
                first, begun = _wait_for(connection, 1)
                drains = side_by_side(stage.journal, tmp_path / "also empty", BACKLOG + MEASURED)
                all_in_all = BACKLOG + 2 * MEASURED
                last, ended = _wait_for(connection, all_in_all)
                relay_took = cpu_seconds(stage.relay_pid)
                load = os.getloadavg()[1]
    finally:
        if not rabbit.is_up:
            rabbit.start()
    rows += [
        ("median of recording one, beside one with none (µs)", _medians(stands)),
        ("ratio", f"{stands[0].median / stands[1].median:.2f}"),
        ("the same while it drains (µs)", _medians(drains)),
        ("ratio", f"{drains[0].median / drains[1].median:.2f}"),
        ("confirmed messages a second", f"{(last - first) / (ended - begun):,.0f}"),
        ("load of the machine meanwhile (processes that run)", f"{load:.1f}"),
        ("CPU of the relay for a message (µs)", f"{relay_took / all_in_all * 1e6:.0f}"),
    ]
    recorders = [*written, *stands, *drains]
    rows.append(("the relay grew by (MiB of RssAnon)", f"{growth.most:.1f}"))
    most = max(each.grown for each in recorders)
    rows.append(("a process that records, by at most (MiB)", f"{most:.1f}"))
    print(f"\n{markdown(page.COLUMNS, rows)}")
    counts = _numbers(rabbit, vhost, all_in_all)
    assert counts.count(0) == 0, f"{counts.count(0)} are missing"
    assert growth.most <= MOST
    assert most <= MOST
    stage.wait_until(lambda: len(listing(stage.journal).segments) <= 1)
    page.write("backlog", rows, rabbit)


def _medians(pair: list[Measured]) -> str:
    return f"{pair[0].median:.1f}, {pair[1].median:.1f}"


def _wait_for(connection: amqp.Connection, count: int) -> tuple[int, float]:
    """Until so many messages are in the queue; how many they are then, and when that is."""
    channel = connection.channel()
    deadline = time.monotonic() + 3600
    while time.monotonic() < deadline:
        try:
            there = channel.queue_declare(QUEUE, passive=True).message_count
        except amqp.NotFound:
            there, channel = 0, connection.channel()
        if there >= count:
            return there, time.monotonic()
        time.sleep(0.1)
    raise AssertionError(f"{there} of {count} messages came")


def _numbers(rabbit: Rabbit, vhost: str, count: int) -> bytearray:
    """How often each number came as a message_id, of `count`."""
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
