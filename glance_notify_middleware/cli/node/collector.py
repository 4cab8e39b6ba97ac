"""The state of a node as metrics of Prometheus: a collector over its files.

No label has an image, a project or an address, of which there can be any number. There is no
`_created` series: when a counter began is not known.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from glance_notify_middleware.delivery.node.state import Link, NodeState, TargetState
from glance_notify_middleware.events.notification import Priority

PREFIX = "glance_notify_"

# What a counter is shown with from the start: Prometheus sees no increase where a series begins.
_DROPPED = ("disk", "full")
_LOOKUPS = ("failed", "found", "refused")
_SENT = ("complete", "cut")
_FAILURES = ("connection", "denied", "refused", "rejected", "unroutable", "unusable")
_LOST = ("damaged", "operator", "removed")
_PRIORITIES = tuple(map(str, Priority))

Samples = Mapping[tuple[str, ...], float]
"""The values of one metric, by the values of its labels."""


class NodeCollector:
    """Reads the state of a node each time that the metrics are asked for."""

    def __init__(self, read: Callable[[], NodeState | None], version: str) -> None:
        """`read` reads the state, None where there is none; `version` is that of this package."""
        self._read = read
        self._version = version
        self._lock = threading.Lock()  # several may ask at a time

    def collect(self) -> Iterator[Metric]:
        """All metrics of the node."""
        with self._lock:
            state = self._read()
        yield _gauge(
            "build_info", "1; the version that reads the files.", {(self._version,): 1}, "version"
        )
        if state is None:
            return
        yield from _of_node(state)
        yield from _of_targets(list(state.targets.values()))


def registry(read: Callable[[], NodeState | None], version: str) -> CollectorRegistry:
    """A registry that has the metrics of a node, and none of the process that reads them."""
    found = CollectorRegistry(auto_describe=False)
    found.register(NodeCollector(read, version))
    return found


def _of_node(state: NodeState) -> Iterator[Metric]:
    yield _counter(
        "recorded",
        "Notifications that Glance's processes have recorded.",
        {(str(kind), str(priority)): count for (kind, priority), count in state.recorded.items()},
        *("event_type", "priority"),
    )
    yield _counter(
        "dropped",
        "Notifications that could not be recorded; each stands whole in Glance's log.",
        _by_word(_DROPPED, state.dropped),
        "reason",
    )
    yield _counter(
        "outcome_unknown",
        "Operations whose process died before their end was seen; an ERROR was recorded for each.",
        {(): state.unknown},
    )
    yield _gauge(
        "journal_bytes",
        "Bytes of the files that count against the bound.",
        {(): state.journal_bytes},
    )
    yield _gauge("journal_max_bytes", "The bound: journal_max_size.", {(): state.journal_max_bytes})
    yield _gauge("processes", "Living processes that record.", {(): state.processes})
    yield _gauge("leader", "1 where a leader runs, which delivers; else 0.", {(): state.is_led})
    yield _gauge(
        "followed_operations",
        "Imports and other background work whose end Glance's processes wait for.",
        {(): state.followed},
    )
    yield _counter(
        "lookups",
        "Look-ups of image records in Glance, by what came of them.",
        _by_word(_LOOKUPS, state.lookups),
        "result",
    )
    yield _counter(
        "image_sent_bytes",
        "Bytes of image data that downloads were sent, of complete ones and of those cut short.",
        _by_word(_SENT, state.sent_bytes),
        "result",
    )


def _of_targets(targets: Sequence[TargetState]) -> Iterator[Metric]:
    yield _counter(
        "delivered",
        "Notifications that the target's broker has confirmed.",
        {(target.name,): target.delivered for target in targets},
        "target",
    )
    yield _counter(
        "sent_again",
        "Confirms of notifications that an operator has sent again; they are no second delivery.",
        {(target.name,): target.sent_again for target in targets},
        "target",
    )
    yield _counter(
        "send_failures",
        "Tries to connect or to send that failed; what was not taken is tried again.",
        _by_target(targets, lambda target: _by_word(_FAILURES, target.send_failures)),
        *("target", "reason"),
    )
    yield _counter(
        "dead_letters",
        "Notifications that the target's broker has rejected for good.",
        {(target.name,): target.dead_letters for target in targets},
        "target",
    )
    yield _counter(
        "lost",
        "Notifications that were recorded and can never be delivered.",
        _by_target(targets, lambda target: _by_word(_LOST, target.lost)),
        *("target", "reason"),
    )
    yield _counter(
        "skipped",
        "Notifications that were recorded for other targets, and are not for this one.",
        {(target.name,): target.skipped for target in targets},
        "target",
    )
    yield _gauge(
        "pending",
        "Notifications that wait for the target, those that are set aside among them.",
        {(target.name,): target.pending for target in targets},
        "target",
    )
    yield _gauge(
        "oldest_pending_timestamp_seconds",
        "When the oldest pending notification was made; no sample where none is pending.",
        {(target.name,): target.oldest for target in targets if target.oldest is not None},
        "target",
    )
    yield _gauge(
        "last_confirm_timestamp_seconds",
        "When the target's broker last confirmed a notification; no sample where it never has.",
        {
            (target.name,): target.last_confirm
            for target in targets
            if target.last_confirm is not None
        },
        "target",
    )
    yield _gauge(
        "connected",
        "1 where the leader is connected to the target's broker; else 0.",
        {(target.name,): target.link is Link.CONNECTED for target in targets},
        "target",
    )
    yield _gauge(
        "set_aside",
        "Notifications that are set aside, as the broker takes none of their priority now.",
        _by_target(targets, lambda target: _by_word(_PRIORITIES, target.set_aside)),
        *("target", "priority"),
    )


def _by_word(words: Sequence[str], counts: Mapping[Any, int]) -> Samples:
    """The counts by word, with 0 for those of `words` that have none."""
    return {(str(word),): counts.get(word, 0) for word in sorted({*words, *counts})}


def _by_target(
    targets: Sequence[TargetState], samples: Callable[[TargetState], Samples]
) -> Samples:
    return {
        (target.name, *labels): value
        for target in targets
        for labels, value in samples(target).items()
    }


def _counter(name: str, text: str, samples: Samples, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(PREFIX + name, text, labels=labels), samples)


def _gauge(name: str, text: str, samples: Samples, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(PREFIX + name, text, labels=labels), samples)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, samples: Samples
) -> CounterMetricFamily | GaugeMetricFamily:
    for labels, value in samples.items():
        family.add_metric(labels, float(value))
    return family
