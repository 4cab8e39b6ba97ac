"""The speed of the qpid strategy, compared with a bare loop, and the memory that it takes.

The peer is a process of its own.
"""

import time

import proton

from bench import page
from bench.processes import private_memory
from bench.relayed import BODY, speed
from glance_notify_middleware import config
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.qpid.engine import Engine
from glance_notify_middleware.strategies.qpid.sasl import authenticate, responses
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from glance_notify_middleware.strategies.stream import connect
from tests.strategies import amqp10_peer
from tests.strategies.sending import message

_MESSAGES = 20_000
_SENDS = 50_000
_CONNECTS = 1_000
_WINDOW = 500  # messages


def speeds(count: int) -> tuple[float, float]:
    """Messages a second through journal and relay, and of a bare loop: the best of three rounds."""
    with amqp10_peer.in_a_process() as (port, _):
        # In turn, and the best of each, as the machine may have other work.
        rounds = [(speed(lambda: _strategy(port), count), _bare(port, count)) for _ in range(3)]
        return max(relay for relay, _ in rounds), max(bare for _, bare in rounds)


def growths(sends: int, connects: int) -> tuple[float, float]:
    """MiB by which the private memory grows: over `sends` messages, over `connects` connections."""
    with amqp10_peer.in_a_process() as (port, _):
        strategy = _strategy(port)
        batch = [message(BODY) for _ in range(_WINDOW)]
        for _ in range(10):
            strategy.send(batch)
            strategy.close()
        before = private_memory()
        for _ in range(sends // _WINDOW):
            strategy.send(batch)
        between = private_memory()
        for _ in range(connects):
            strategy.send(batch[:2])
            strategy.close()
        return between - before, private_memory() - between


def _strategy(port: int) -> Qpid:
    return Qpid(config.read({"qpid_hosts": f"127.0.0.1:{port}"}, "this-host"))


def _bare(port: int, count: int) -> float:
    """Messages a second of a loop with Proton alone: the same window, a new message each time."""
    deadline = Deadline(30.0)
    stream = connect(Broker("127.0.0.1", port, "", ""), None, deadline, 5.0)
    authenticate(stream, deadline, "", ["ANONYMOUS"], responses("", ""))
    engine = Engine(stream, deadline, name="bare", host="", heartbeat=0)
    engine.open()
    engine.attach("glance")
    accepted = sent = 0

    def on_outcome(delivery: proton.Delivery) -> None:
        nonlocal accepted
        if not delivery.settled:
            return
        accepted += 1
        delivery.settle()

    engine.on_outcome = on_outcome
    made = proton.Message(durable=True, inferred=True, content_type="application/json")
    began = time.perf_counter()
    deadline.renew()
    while accepted < count:
        while sent < count and sent - accepted < _WINDOW:
            sent += 1
            made.id, made.subject, made.body = str(sent), "notifications.info", BODY
            engine.transfer(str(sent), made.encode())
        engine.turn(wait=True)
    took = time.perf_counter() - began
    engine.drop()
    return count / took


def publish() -> None:
    """Measure, and write the page `docs/measured/qpid-speed.md`."""
    relay, bare = speeds(_MESSAGES)
    more, again = growths(_SENDS, _CONNECTS)
    page.publish(
        "qpid-speed",
        "How fast the qpid strategy is",
        f"{_MESSAGES:,} messages of {len(BODY)} bytes go to a peer that accepts each message at "
        "once, a process of its own on the same machine. The table shows the best of three rounds, "
        f"which were measured in turn. The bare loop sends with Proton, {_WINDOW} messages at a "
        "time, and does nothing else.",
        page.table(
            ("sender", "messages a second"),
            [("through journal and relay", f"{relay:,.0f}"), ("a bare loop", f"{bare:,.0f}")],
        ),
        f"Journal and relay send at {relay / bare:.0%} of the bare loop's speed. The private "
        f"memory grows by {more:+.1f} MiB over {_SENDS:,} messages, and by {again:+.1f} MiB over "
        f"{_CONNECTS:,} connections.",
    )
