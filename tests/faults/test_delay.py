"""How long a notification takes from the end of its request to whoever reads it at the broker."""

import statistics
from collections.abc import Sequence

from tests.faults.load import LIFE, Load
from tests.faults.stage import Stage
from tests.faults.tally import Consumer
from tests.faults.trial import Found, Trial, with_all

BUSY = (0, 1, 4)
CREATES = LIFE[:1]  # one event each


@with_all
def test_a_notification_arrives_soon_after_its_request(trial: Trial, found: Found) -> None:
    delays: dict[tuple[str, int], list[list[float]]] = {}
    for relay in ("external", "thread"):
        for busy in BUSY:
            vhost = f"{trial.vhost}-{relay}-{busy}"
            trial.rabbit.add_vhost(vhost)
            with trial.stage(
                f"{relay}-{busy}",
                relay=relay,
                rabbit_virtual_host=vhost,
                processes=2,
                environ={"BUSY_THREADS": str(busy)},
            ) as stage:
                delays[relay, busy] = [
                    _delays(trial, stage, vhost, clients=1, rate=4.0, seconds=25),
                    _delays(trial, stage, vhost, clients=16, rate=200.0, seconds=15),
                ]
            trial.rabbit.delete_vhost(vhost)
    found.tell(
        "Delay in milliseconds from the end of a request to a consumer that waits at the broker, "
        "beside threads that compute in each of two workers; all on the machine that wrote this",
        ("relay", "busy threads", "idle: median", "p99", "at 200 events a second: median", "p99"),
        [
            (relay, str(busy), *(f"{1000 * each:.0f}" for of in both for each in _summary(of)))
            for (relay, busy), both in delays.items()
        ],
    )
    for (relay, busy), both in delays.items():
        if relay == "external" or busy <= 1:
            for median, p99 in map(_summary, both):
                assert median < 0.1, (relay, busy)
                assert p99 < 0.3, (relay, busy)


def _delays(
    trial: Trial, stage: Stage, vhost: str, *, clients: int, rate: float, seconds: float
) -> list[float]:
    with Consumer(trial.rabbit, vhost) as consumer:
        with Load(stage.port, clients=1, rate=20.0, life=CREATES):  # so that all are connected
            consumer.wait(lambda: len(consumer.arrivals) >= 10, 30)
        with Load(stage.port, clients=clients, rate=rate, life=CREATES) as ledger:
            consumer.wait(lambda: False, seconds)
        awaited = {each.request_id for each in ledger.answered}
        consumer.wait(lambda: awaited <= {each.request_id for each in consumer.arrivals}, 30)
        arrived = {each.request_id: each.at for each in reversed(consumer.arrivals)}
        return [arrived[each.request_id] - each.ended for each in ledger.answered]


def _summary(delays: Sequence[float]) -> tuple[float, float]:
    return statistics.median(delays), sorted(delays)[int(len(delays) * 0.99)]
