"""One Glance with four targets, whose peers are away in turn: each target gets exactly what its
lines say, and none is held up by another."""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest

from demo.rabbit import Rabbit
from tests.broker import need_rabbit
from tests.faults.arrivals import QUEUES
from tests.faults.client_load import Ledger
from tests.long import page, targets
from tests.long.glance_load import GlanceLoad
from tests.long.loaded_glance import loaded_glance
from tests.long.peers import (
    Fault,
    LagsOfTarget,
    Phase,
    by_fault,
    faults_of_file,
    faults_of_rabbit,
    faults_of_webhook,
    run_phase,
)
from tests.long.target_readers import FileReader, QueueReader, Reader, logged, posted
from tests.long_runs import HOUR, takes_long
from tests.markdown import markdown
from tests.strategies.webhook_place import WebhookPlace
from tests.strategies.webhook_receiver import RECEIVED

SECONDS = float(os.environ.get("LOAD_SECONDS") or (3600 if HOUR else 60))
"""For how long the clients are at work, at least; each fault comes at least once."""
AWAY = min(max(SECONDS / 120, 3.0), 30.0)
"""Seconds for which a peer is away at a time."""
RATE = 25.0
"""Requests a second."""

LONGEST = 10.0
"""Seconds that an event may take to a target while the peer of another one is away."""
FROZEN = max(AWAY, 1.5 * LONGEST)
"""Seconds for which a peer is frozen: a target that waited for it, too, would be seen."""
SLOWEST = 10.0
"""Seconds that an answer of Glance may take."""

VHOSTS = {"billing": "openstack", "audit": "audit"}


class Place(NamedTuple):
    """The readers of the targets, the lines of the section, and all that can happen to peers."""

    readers: Mapping[str, Reader]
    section: str
    faults: Sequence[Fault]
    rabbit: Rabbit


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A node for each broker, so that each can be away alone."""
    need_rabbit()
    with contextlib.ExitStack() as at_the_end:
        nodes = {name: Rabbit(tmp_path / name) for name in VHOSTS}
        for name, node in nodes.items():
            at_the_end.callback(node.stop)
            node.start()
            node.add_vhost(VHOSTS[name])
        receiver = at_the_end.enter_context(WebhookPlace(tmp_path / "feed", is_signed=True))
        log_file = tmp_path / "members.log"
        members = FileReader(log_file, logged)
        topics = [queue.replace("notifications", "audit") for queue in QUEUES]
        readers = {
            "billing": QueueReader(nodes["billing"], VHOSTS["billing"], QUEUES),
            "audit": QueueReader(nodes["audit"], VHOSTS["audit"], topics),
            "feed": FileReader(receiver.folder / RECEIVED, posted),
            "members": members,
        }
        urls = {name: node.url(VHOSTS[name]) for name, node in nodes.items()}
        section = targets.section(
            tmp_path / "journal",
            urls["billing"].replace("amqp://", "rabbit://"),
            urls["audit"].replace("amqp://", "rabbit://"),
            receiver.options(),
            log_file,
        )
        faults = [
            *faults_of_rabbit("billing", nodes["billing"]),
            *faults_of_rabbit("audit", nodes["audit"]),
            *faults_of_webhook("feed", receiver),
            *faults_of_file("members", members),
        ]
        for reader in readers.values():
            at_the_end.enter_context(reader)
        yield Place(readers, section, faults, nodes["audit"])


def run_phases(place: Place, ledger: Ledger) -> list[Phase]:
    """Have each fault in turn, until the time is over."""
    end = time.monotonic() + SECONDS
    phases: list[Phase] = []
    for fault in cycle(place.faults):
        if time.monotonic() > end and len(phases) >= len(place.faults):
            return phases
        seconds = FROZEN if fault.name == "frozen" else AWAY
        phases.append(run_phase(fault, seconds, place.readers))
        assert not ledger.wrong, ledger.wrong[:3]
    raise AssertionError("there are no faults")


def wait_for(due: Mapping[str, set[tuple[str, str]]], readers: Mapping[str, Reader]) -> None:
    """Wait until each target has what it is owed, or none has got anything for a while; then as
    long as a repeat would take."""
    count, since = 0, time.monotonic()
    while time.monotonic() - since < 30:
        came = {name: [*reader.arrivals] for name, reader in readers.items()}
        if all(due[name] <= {each[:2] for each in came[name]} for name in due):
            time.sleep(2)
            return
        if sum(map(len, came.values())) > count:
            count, since = sum(map(len, came.values())), time.monotonic()
        time.sleep(0.5)


def told(phases: Sequence[Phase], readers: Mapping[str, Reader]) -> tuple[list[list[str]], float]:
    """The rows of the faults, and the longest lag of a target whose own peer was not away."""
    lags = {name: LagsOfTarget(reader) for name, reader in readers.items()}
    rows, longest = [], 0.0
    for (target, name), those in by_fault(phases).items():
        away = target if those[0].fault.takes_away else None
        cells = dict.fromkeys(lags, "-")
        for other in lags.keys() - {away}:
            found = lags[other].during(those)
            cells[other] = f"{found.median:.2f}, {found.longest:.2f}"
            longest = max(longest, found.longest)
        times = ["-", "-"]
        if away is not None:
            times[0] = f"{max(phase.ended - phase.begun for phase in those):.0f}"
            times[1] = f"{max(phase.caught_up - phase.ended for phase in those):.1f}"
        rows.append([target, name, str(len(those)), *times, *cells.values()])
    return rows, longest


@takes_long
def test_each_target_gets_exactly_what_its_lines_say_and_none_is_held_up_by_another(
    place: Place, tmp_path: Path
) -> None:
    readers = place.readers
    with loaded_glance(tmp_path, place.section) as (server, keystone):
        began = time.monotonic()
        with GlanceLoad(server.port, keystone, rate=RATE) as ledger:
            phases = run_phases(place, ledger)
        seconds = time.monotonic() - began
        due = targets.owed(ledger)
        wait_for(due, readers)
    everything = readers["audit"].arrivals
    verdicts = {
        name: targets.judge(name, due[name], reader.arrivals, everything)
        for name, reader in readers.items()
    }
    of_targets = [
        [name, *(f"{n:,}" for n in (v.owed, v.got, v.missing, v.extra, v.repeated))]
        for name, v in verdicts.items()
    ]
    of_faults, longest = told(phases, readers)
    times = sorted(request.took for request in ledger.answered)
    slowest = f"{times[len(times) // 2] * 1000:.0f}, {times[-1] * 1000:,.0f}"
    facts = [
        ("length of the load (s)", f"{seconds:,.0f}"),
        ("requests, each answered as expected", f"{len(times):,}"),
        ("median and slowest answer (ms)", slowest),
    ]
    columns = ("target", "owed", "got", "missing", "extra", "repeated")
    columns_of_faults = ("peer", "fault", "times", "away (s)", "behind (s)", *readers)
    tables = [
        markdown(page.COLUMNS, facts),
        markdown(columns, of_targets),
        markdown(columns_of_faults, of_faults),
    ]
    print("\n" + "\n".join(tables))
    assert not ledger.wrong, ledger.wrong[:3]
    for name, verdict in verdicts.items():
        assert verdict.owed > 0
        assert not verdict.faults, (name, len(verdict.faults), verdict.faults[:5])
    assert longest < LONGEST
    assert times[-1] < SLOWEST
    if HOUR:
        page.write_tables("targets", tables, place.rabbit, "make hour")
