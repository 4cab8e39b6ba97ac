"""One Glance with four targets: two virtual hosts of a RabbitMQ, a SIEM, and a file.

RabbitMQ is killed in the middle, and started again: what the others get does not wait for it.
"""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demo import glance
from demo.inbox import Inbox, Row, rows_of
from demo.log_follower import NewLines, paint
from demo.queue_follower import CopyQueue
from demo.rabbit import Rabbit
from demo.side_by_side import LEGEND, header, line, totals
from demo.siem import Siem
from demo.story import Broker, StoryState, life
from demo.targets import VHOST, Came, Target, four, read, section


@dataclass
class Peers:
    """All that the targets send to, up."""

    rabbit: Rabbit
    siem: Siem
    section: str
    """The filter's section of the paste file."""
    inboxes: list[Inbox]
    """In the order of the targets."""

    @property
    def targets(self) -> list[Target]:
        return [inbox.target for inbox in self.inboxes]


@contextlib.contextmanager
def peers_in(folder: Path) -> Iterator[Peers]:
    """The peers, with all their files in a folder; they are ended on exit."""
    with Siem(folder / "siem") as siem, Rabbit(folder / "rabbit") as rabbit:
        rabbit.add_vhost(VHOST)
        queues = {vhost: CopyQueue(rabbit, vhost) for vhost in ("/", VHOST)}
        log_file = folder / "members.log"
        lines = NewLines(log_file)
        targets = four(siem.url, siem.ca_file, siem.secrets_file, log_file)

        def new_of(target: Target) -> Iterable[Came]:
            """What came to a target since the last call."""
            if target.lines["strategy"] == "webhook":
                return (read(body, note) for body, note in siem.new())
            if target.lines["strategy"] == "logging":
                return map(read, lines.read())
            return map(read, queues[target.lines.get("rabbit_virtual_host", "/")].new())

        inboxes = [Inbox(target, functools.partial(new_of, target)) for target in targets]
        yield Peers(rabbit, siem, section(targets, rabbit.port, folder / "journal"), inboxes)


def play_many(folder: Path) -> int:
    """Play the story with four targets, and compare what each got with what its lines say.

    Returns the exit status.
    """
    with peers_in(folder) as peers:
        faults = told(peers, folder)
    for fault in faults:
        print(paint(fault, "ERROR"))
    if not faults:
        print(paint("Each target got exactly what its lines say, and nothing else.", "INFO"))
    return 1 if faults else 0


def told(peers: Peers, folder: Path) -> list[str]:
    """Run a Glance in a folder, and tell it the story; prints what each target got.

    Returns what is wrong, in a line each.
    """
    print("The section of its paste file:")
    print(paint(peers.section.rstrip(), "dim"))
    with glance.running(folder, paste=glance.paste_file(section=peers.section)) as running:
        state = StoryState(*running)
        telling = _Telling(peers, state)
        telling.tell()
    # Nothing more can come: the processes that send have ended.
    for inbox in peers.inboxes:
        telling.receive(inbox)
    print("\n" + totals([row.event for row in telling.rows], peers.inboxes))
    siem = peers.siem
    print(f"\nThe SIEM verified the signatures of {len(siem.requests)} requests.")
    return telling.faults + [f"siem refused a request: {why}" for why in siem.refused]


class _Telling:
    """The story, as it is told."""

    def __init__(self, peers: Peers, state: StoryState) -> None:
        self.rows: list[Row] = []
        self.faults: list[str] = []
        self._peers = peers
        self._state = state
        self._late: list[Row] = []  # rows that RabbitMQ was dead for
        self._slowest = 0.0  # seconds that another target took meanwhile

    def tell(self) -> None:
        """Play all steps; RabbitMQ dies before some of them."""
        print(f"\n{LEGEND}\n\n{header(self._peers.targets)}")
        for number, step in enumerate(life(), 1):
            if step.broker is Broker.DIES:
                print(paint("\n    RabbitMQ is killed (kill -9).", "ERROR"))
                self._peers.rabbit.kill()
            status = step.play(self._state)
            action = f"{step.who.name} {step.action}"
            print(f"\n{number:>2}. {action}  {paint(status, 'dim')}", flush=True)
            self._show(rows_of(number, step), is_dead=step.broker is not Broker.LIVES)
            if step.broker is Broker.COMES_BACK:
                self._come_back()

    def receive(self, inbox: Inbox) -> float:
        """Receive what is due; returns how many seconds that took."""
        faults, seconds = inbox.receive(self._state)
        self.faults += faults
        return seconds

    def _show(self, rows: list[Row], *, is_dead: bool) -> None:
        """Show the rows of a step, once those targets have theirs that can."""
        self.rows += rows
        waiting = [each for each in self._peers.targets if is_dead and each.is_at_rabbit]
        for inbox in self._peers.inboxes:
            inbox.expect(rows)
            if inbox.target not in waiting:
                seconds = self.receive(inbox)
                self._slowest = max(self._slowest, seconds if is_dead else 0.0)
        for row in rows:
            print(line(row, self._peers.targets, waiting=waiting), flush=True)
        if is_dead:
            self._late += rows

    def _come_back(self) -> None:
        """Start RabbitMQ, and show what waited for it."""
        print(f"\n    While RabbitMQ was dead, the others had each within {self._slowest:.2f} s.")
        print(paint("    It is started again, and receives what waited.", "INFO"), flush=True)
        self._peers.rabbit.start()
        for inbox in self._peers.inboxes:
            if inbox.target.is_at_rabbit:
                self.receive(inbox)
        targets = self._peers.targets
        had = [target for target in targets if not target.is_at_rabbit]
        print(f"\n{header(targets)}")
        for row in self._late:
            print(line(row, targets, had=had))
