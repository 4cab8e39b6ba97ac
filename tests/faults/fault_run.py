"""One run of a fault: the deployments that have it, and the check of what arrives."""

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from demo.rabbit import Rabbit
from tests.faults.arrivals import QUEUES, QUIET, Arrival, Tally, arrival_of, compare, drain, missing
from tests.faults.client_load import Ledger
from tests.faults.deployment import Deployment
from tests.faults.fault_table import FAULTS
from tests.faults.proxy import Proxy
from tests.faults.report import Row
from tests.faults.tested_strategies import TestedStrategy
from tests.long_runs import ALL_FAULTS
from tests.markdown import markdown
from tests.strategies.webhook_place import WebhookPlace

QUICK = 2000
"""Milliseconds. A request that waited for a broker that is gone would take longer."""


class Results:
    """The results of the tests so far, in the order in which they ran."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, list[Row]] = defaultdict(list)  # by the name of the strategy
        self.tables: list[tuple[str, str]] = []
        self.broker = ""  # its version
        self.began = time.monotonic()

    def add_table(self, sentence: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table besides those of the faults; `sentence` says what it shows."""
        self.tables.append((sentence, markdown(head, rows)))


class Peer(Protocol):
    """What a strategy sends to: a process that can be killed and frozen."""

    port: int

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


class FaultRun:
    """A run of a fault, in a `with` statement; it leaves no process behind."""

    def __init__(
        self,
        rabbit: Rabbit,
        strategy: TestedStrategy,
        vhost: str,
        folder: Path,
        results: Results,
        receiver: WebhookPlace | None = None,
    ) -> None:
        """`receiver` is for the webhook strategy, which does not send to `rabbit`."""
        self.rabbit = rabbit
        self.receiver = receiver
        self.peer: Peer = receiver or rabbit
        self.strategy = strategy
        self.vhost = vhost
        self.folder = folder
        self._results = results
        self._server = ""  # the kind of the last deployment
        self._at_the_end = contextlib.ExitStack()

    def __enter__(self) -> "FaultRun":
        if self.strategy.vhost:
            self._at_the_end.callback(self._clear)
            for queue in QUEUES:
                self.declare(queue)
        return self

    def __exit__(self, *_: object) -> None:
        self._at_the_end.close()

    def deployment(
        self,
        name: str = "deployment",
        *,
        hosts: str = "",
        user: str = "guest",
        password: str = "guest",
        **how: object,
    ) -> Deployment:
        """A deployment that is not started yet. `hosts` are brokers instead of the node; `how` are
        further arguments of Deployment."""
        where = self.strategy.lines(
            hosts=hosts or f"127.0.0.1:{self.peer.port}",
            vhost=self.vhost,
            user=user,
            password=password,
            ca=str(self.receiver.ca) if self.receiver else "",
            token_file=str(self.receiver.token_file) if self.receiver else "",
        )
        deployment = Deployment(self.folder / name, **where | how)  # type: ignore[arg-type]
        self._server = deployment.kind
        self._at_the_end.callback(deployment.end)
        return deployment

    def proxy(self) -> Proxy:
        """A proxy before the broker; at first it refuses connections."""
        return self._at_the_end.enter_context(Proxy(self.peer.port))

    def close_connections(self) -> None:
        """Have the broker close all connections."""
        if self.strategy.close_connections is not None:
            self.strategy.close_connections(self.rabbit, self.vhost)
        if self.receiver is not None:
            self.receiver.close_connections(1, 0.0)

    def declare(self, queue: str, **arguments: object) -> None:
        """Declare the queue and the exchange, as an operator may, and bind the queue. With an empty
        name the exchange alone is declared."""
        with self.rabbit.connected(self.vhost) as connection:
            channel = connection.channel()
            channel.exchange_declare("glance", "topic", durable=True, auto_delete=False)
            if queue:
                arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
                channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
                channel.queue_bind(queue, "glance", queue)

    def delete_exchange(self) -> None:
        """Delete the exchange, as an operator may by mistake."""
        self.rabbit.api("DELETE", f"exchanges/{quote(self.vhost, safe='')}/glance")

    def check(
        self,
        number: int,
        ledger: Ledger,
        *,
        more: str = "",
        before: Sequence[Arrival] = (),
        seconds: float = 30.0,
        in_order: bool = True,
        may_miss: bool = False,
        is_quick: bool = False,
        may_lack: Set[tuple[str, int]] = frozenset(),
    ) -> Tally:
        """Take the messages out of the queues, add a row to the table, and assert that no event is
        missing, doubled, contradicted, miscounted or out of order, and that the sequences of the
        messages show no gap but for those that the reader `may_lack`, by journal and number. Where
        the journal was removed they may: recorded again, a message has no sequence (`in_order` is
        False there).

        The check waits until all expected events have arrived, or for `seconds` without a message;
        `before` has arrived already. `more` names the variant of the fault. `is_quick`: no answer
        can have waited; that is asserted with FAULTS=1 only. Returns the tally.
        """
        expected = ledger.expected
        tally = compare(expected, [*before, *self._rest(expected, before, seconds)])
        self._results.rows[self.strategy.name].append(
            Row(
                number,
                f"{FAULTS[number].title}{more and ', '}{more}",
                self._server,
                tally.expected,
                tally.downloads,
                tally.delivered,
                tally.unknown,
                len(tally.missing),
                tally.repeated,
                ledger.slowest or None,
                ledger.p99,
            )
        )
        assert tally.expected > 0
        assert not ledger.wrong, ledger.wrong[:3]
        assert may_miss or not tally.missing, tally.missing[:3]
        assert not tally.doubled, tally.doubled[:3]
        assert not tally.contradicted, tally.contradicted[:3]
        assert not tally.miscounted, tally.miscounted[:3]
        assert not in_order or not tally.inversions, tally.inversions[:3]
        lacked = {(gap.journal, number) for gap in tally.gaps for number in gap.numbers}
        assert not in_order or may_miss or lacked <= may_lack, tally.gaps
        assert not (is_quick and ALL_FAULTS) or ledger.slowest < QUICK
        return tally

    def _clear(self) -> None:
        """Delete what was declared in a vhost that stays."""
        vhost = quote(self.vhost, safe="")
        for path in [f"exchanges/{vhost}/glance", *(f"queues/{vhost}/{queue}" for queue in QUEUES)]:
            self.rabbit.api("DELETE", path)

    def _rest(
        self, expected: set[tuple[str, str]], before: Sequence[Arrival], seconds: float
    ) -> list[Arrival]:
        wanted = missing(expected, before)
        if self.receiver is None:
            return drain(self.rabbit, self.vhost, wanted, seconds)
        return posted(self.receiver, wanted, seconds)


def posted(receiver: WebhookPlace, expected: set[tuple[str, str]], seconds: float) -> list[Arrival]:
    """What has been posted since the last call; waits until all `expected` events are there and no
    more come, or until `seconds` have passed without a request."""
    arrivals: list[Arrival] = []
    last = time.monotonic()
    while time.monotonic() - last < (seconds if missing(expected, arrivals) else QUIET):
        bodies = [body for _, body in receiver.received()]
        if bodies:
            last = time.monotonic()
        arrivals += [arrival_of(each, last) for body in bodies for each in json.loads(body)]
        time.sleep(0.1)
    return arrivals
