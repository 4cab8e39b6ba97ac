"""One fault: the stages on which it happens, and the verdict."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from demo.rabbit import Rabbit
from tests.faults.faults import FAULTS
from tests.faults.load import Ledger
from tests.faults.proxy import Proxy
from tests.faults.report import Row
from tests.faults.stage import Stage
from tests.faults.tally import QUEUES, Arrival, Tally, compare, drain, missing
from tests.faults.ways import Way
from tests.long_runs import ALL_FAULTS
from tests.markdown import markdown

QUICK = 2000
"""Milliseconds. Who waits for a broker that is gone waits longer."""


class Found:
    """What the tests of this run have found, in the order in which they ran."""

    def __init__(self) -> None:
        self.rows: defaultdict[str, list[Row]] = defaultdict(list)  # by the name of the way
        self.tables: list[tuple[str, str]] = []
        self.broker = ""  # its version
        self.began = time.monotonic()

    def tell(self, sentence: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table besides those of the faults; `sentence` says what it shows."""
        self.tables.append((sentence, markdown(head, rows)))


class Trial:
    """In a `with` statement; leaves no process behind."""

    def __init__(self, rabbit: Rabbit, way: Way, vhost: str, folder: Path, found: Found) -> None:
        self.rabbit = rabbit
        self.way = way
        self.vhost = vhost
        self.folder = folder
        self._found = found
        self._server = ""  # the last one that was on a stage
        self._at_the_end = contextlib.ExitStack()

    def __enter__(self) -> "Trial":
        if self.way.vhost:
            self._at_the_end.callback(self._clear)
            for queue in QUEUES:
                self.declare(queue)
        return self

    def __exit__(self, *_: object) -> None:
        self._at_the_end.close()

    def stage(
        self,
        name: str = "stage",
        *,
        hosts: str = "",
        user: str = "guest",
        password: str = "guest",
        **how: object,
    ) -> Stage:
        """A stage that is not up yet; `how` is what Stage takes. `hosts`: if it is not the node."""
        where = self.way.lines(
            hosts=hosts or f"127.0.0.1:{self.rabbit.port}",
            vhost=self.vhost,
            user=user,
            password=password,
        )
        stage = Stage(self.folder / name, **where | how)  # type: ignore[arg-type]
        self._server = stage.kind
        self._at_the_end.callback(stage.end)
        return stage

    def proxy(self) -> Proxy:
        """A way to the broker, closed at first."""
        return self._at_the_end.enter_context(Proxy(self.rabbit.port))

    def declare(self, queue: str, **arguments: object) -> None:
        """Make the queue, as an operator may, and bind it to the exchange, which is made too."""
        with self.rabbit.connected(self.vhost) as connection:
            channel = connection.channel()
            channel.exchange_declare("glance", "topic", durable=True, auto_delete=False)
            if queue:
                arguments = {name.replace("_", "-"): each for name, each in arguments.items()}
                channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
                channel.queue_bind(queue, "glance", queue)

    def delete_exchange(self) -> None:
        """As somebody may by mistake."""
        self.rabbit.api("DELETE", f"exchanges/{quote(self.vhost, safe='')}/glance")

    def judge(
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
    ) -> Tally:
        """Empty the queues, count, and see that nothing is missing, doubled, or out of order.

        It waits until all that is owed has come, or for `seconds` without a message; `before` has
        come already. `more` tells what of the fault this is, where there are several. `is_quick`:
        no answer can have waited for anything; that is asserted with FAULTS=1 only.
        """
        owed = ledger.owed
        tally = compare(owed, [*before, *self._rest(owed, before, seconds)])
        self._found.rows[self.way.name].append(
            Row(
                number,
                f"{FAULTS[number].title}{more and ', '}{more}",
                self._server,
                tally.owed,
                tally.downloads,
                tally.delivered,
                tally.unknown,
                len(tally.missing),
                tally.repeated,
                ledger.slowest or None,
                ledger.p99,
            )
        )
        assert tally.owed > 0
        assert not ledger.wrong, ledger.wrong[:3]
        assert may_miss or not tally.missing, tally.missing[:3]
        assert not tally.doubled, tally.doubled[:3]
        assert not tally.contradicted, tally.contradicted[:3]
        assert not tally.miscounted, tally.miscounted[:3]
        assert not in_order or not tally.inversions, tally.inversions[:3]
        assert not (is_quick and ALL_FAULTS) or ledger.slowest < QUICK
        return tally

    def _clear(self) -> None:
        """Remove what was declared in a vhost that stays."""
        vhost = quote(self.vhost, safe="")
        for path in [f"exchanges/{vhost}/glance", *(f"queues/{vhost}/{each}" for each in QUEUES)]:
            self.rabbit.api("DELETE", path)

    def _rest(
        self, owed: set[tuple[str, str]], before: Sequence[Arrival], seconds: float
    ) -> list[Arrival]:
        return drain(self.rabbit, self.vhost, missing(owed, before), seconds)
