"""What each part of the benchmark makes of what it measured."""

import pytest

from bench import broker_away, cost, delivery, losses, open_loop, streams
from bench.contestants import (
    BARE,
    CEILOMETER,
    COUNTING,
    EXTERNAL,
    FDATASYNC,
    FLOOR,
    FOUR_TARGETS,
    OPENTELEMETRY,
    SYNCED,
    THREAD,
)
from bench.glance_cost import (
    CREATE,
    FILTER,
    KINDS,
    LOOK_UP,
    NATIVE,
    NONE,
    REPEATED,
    TAG,
    UPLOAD,
    Burst,
    Bursts,
)
from bench.glance_page import added, share, targets
from bench.stand_in import REQUESTS
from bench.statistics import Added
from bench.targets import Target


def missed(found: list[Target]) -> list[str]:
    return [each.text for each in found if not each.is_met]


def costs(of_four: float = 1.1, **filter_medians: float) -> cost.Costs:
    """Costs that meet every target, but for those of the filter that are given by request.
    `of_four` is what four targets cost by one."""
    medians = {"list": 0.3, "show": 0.3, "create": 20.0, "patch": 20.0, "download": 20.0}
    medians |= {"tag": 50.0, **filter_medians}

    def of(each: dict[str, float]) -> dict[str, Added]:
        return {name: Added(value, value, 0.0, value, 100) for name, value in each.items()}

    return {
        EXTERNAL: of(medians),
        FLOOR: of(dict.fromkeys(REQUESTS, 5.0)),
        FOUR_TARGETS: of({name: of_four * value for name, value in medians.items()}),
        OPENTELEMETRY: of(dict.fromkeys(REQUESTS, 80.0)),
        CEILOMETER: of(dict.fromkeys(REQUESTS, 900.0)),
        SYNCED: of({"create": 2000.0}),
        FDATASYNC: of({"create": 1000.0}),
    }


def test_costs_are_judged_beside_those_of_the_same_run() -> None:
    assert missed(cost.targets(costs())) == []
    assert missed(cost.targets(costs(of_four=1.3))) == [
        f"{request} with four targets, by one" for request in ("create", "patch", "download")
    ]
    assert missed(cost.targets(costs(list=0.4))) == ["list, no event"]
    assert missed(cost.targets(costs(create=25.0))) == ["create, by OpenTelemetry's"]
    assert missed(cost.targets(costs(create=31.0))) == [
        "create, by OpenTelemetry's",
        "create, by ceilometermiddleware's",
    ]


def test_round_with_the_median_cost_counts() -> None:
    one, two, three = (Added(cost, 0.0, 0.0, 0.0, 100) for cost in (1.0, 2.0, 300.0))
    assert cost.middle([three, one, two]) is two


def test_synced_create_is_judged_by_one_fdatasync() -> None:
    found = costs() | {SYNCED: {"create": Added(2100.0, 0.0, 0.0, 0.0, 100)}}
    assert missed(cost.targets(found)) == ["create with journal_sync = full, by one fdatasync"]


def test_upload_is_judged_by_what_is_added_to_a_read() -> None:
    found = {text: {COUNTING: 50.0, EXTERNAL: 60.0} for text in streams.CHUNK_SIZES}
    found[streams.UPLOADED] = {BARE: 50.0, EXTERNAL: 150.0}
    assert missed(streams.targets(found)) == []
    found[streams.UPLOADED][EXTERNAL] = 151.0
    found["4 KiB"][EXTERNAL] = 61.0
    assert missed(streams.targets(found)) == [
        "download in chunks of 4 KiB, by a bare counting generator",
        "upload, added to a read",
    ]


def test_one_lost_message_misses_a_target() -> None:
    assert missed(losses.targets({EXTERNAL: [0, 0], THREAD: [0, 0]})) == []
    (line,) = missed(losses.targets({EXTERNAL: [0, 1], THREAD: [0, 0]}))
    assert EXTERNAL in line


def test_broker_that_is_away_is_judged_by_the_broker_that_is_up() -> None:
    def creates(median: float, lost: int = 0) -> broker_away.Creates:
        return broker_away.Creates(Added(median, 0.0, 0.0, 0.0, 100), 1.0, 10_200, lost)

    found = {(EXTERNAL, state): creates(20.0) for state in broker_away.STATES}
    assert missed(broker_away.targets(found)) == []
    found[EXTERNAL, broker_away.SILENT] = creates(23.0, lost=1)
    assert missed(broker_away.targets(found)) == [
        "create, broker silent, by broker up",
        f"lost of 10,200, broker silent, {EXTERNAL}",
    ]


def test_tail_is_judged_by_the_median_difference_of_the_rounds() -> None:
    tails = {
        EXTERNAL: [open_loop.Tail(1.0, 10.0, 1.0, 10.0 + more) for more in (0, 90, 5000)],
        open_loop.ALONE: [open_loop.Tail(1.0, 10.0, 1.0, 10.0)],
        OPENTELEMETRY: [open_loop.Tail(1.0, 10.0, 1.0, 10.0)],
    }
    assert missed(open_loop.targets(tails)) == []
    tails[EXTERNAL][1] = open_loop.Tail(1.0, 10.0, 1.0, 120.0)
    assert len(missed(open_loop.targets(tails))) == 1


def test_delivery_is_judged_by_the_bare_loop_of_the_same_round() -> None:
    fast = delivery.Speed(relayed=12_000, cpu=30, published=14_000, published_cpu=20)
    slow = delivery.Speed(relayed=9_000, cpu=40, published=14_000, published_cpu=20)
    assert missed(delivery.targets([fast, fast, slow])) == []
    assert len(missed(delivery.targets([fast, slow, slow]))) == 3


# -- a real Glance --------------------------------------------------------------------------


def bursts(**filter_adds: float) -> Bursts:
    """Two rounds, of which the second took twice as long; microseconds that the filter adds."""
    more = {
        NONE: {},
        FILTER: filter_adds,
        NATIVE: dict.fromkeys(KINDS, 300.0),
        LOOK_UP: dict.fromkeys((TAG, UPLOAD), 500.0),
    }

    def rounds(set_up: str, kind: str) -> list[Burst]:
        whole = [base + more[set_up].get(kind, 0.0) for base in (10_000.0, 20_000.0)]
        return [Burst(each, each, each) for each in whole]

    return {set_up: {kind: rounds(set_up, kind) for kind in KINDS} for set_up in more}


def test_added_cost_is_the_mean_of_the_differences_within_a_round() -> None:
    found = added(bursts(create=200.0), FILTER, CREATE, "cpu")
    assert (found.mean, found.low, found.high) == (200.0, 200.0, 200.0)


def test_share_is_of_the_whole_with_the_filter() -> None:
    assert share(bursts(create=1000.0), CREATE).mean == pytest.approx(1000 / 16_000 * 100)


def test_filter_in_glance_is_judged_by_share_and_look_up_and_native_notifier() -> None:
    little = dict.fromkeys(KINDS, 100.0)
    assert missed(targets(bursts(**little))) == []
    found = missed(targets(bursts(**little | {TAG: 600.0, REPEATED: 1000.0})))
    assert found == [
        f"{REPEATED}, share of a request's processor time",
        f"{TAG}, added, at most a look-up",
        f"{TAG}, added, at most Glance's own notifier's",
        f"{REPEATED}, added, at most Glance's own notifier's",
    ]
