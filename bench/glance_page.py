"""What is said of the filter in a real Glance: added costs with their bounds, and the page."""

import statistics
from dataclasses import dataclass

from bench import page
from bench.glance_cost import (
    CREATE,
    FEW,
    FILTER,
    FIRST,
    KINDS,
    LOOK_UP,
    MANY,
    NATIVE,
    NONE,
    REPEATED,
    SET_UPS,
    TAG,
    UPLOAD,
    Burst,
    Bursts,
    Measured,
)
from bench.statistics import bounds
from bench.targets import Target


@dataclass(frozen=True)
class Estimate:
    """The mean of a number over all rounds, and its bounds with 95 % confidence."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Estimate":
        return cls(statistics.fmean(values), *bounds(values))

    def text(self, unit: float = 1.0) -> str:
        """The mean and the bounds, divided by `unit`."""
        mean, low, high = (value / unit for value in (self.mean, self.low, self.high))
        return f"{mean:,.2f} ({low:,.2f} to {high:,.2f})"


def added(bursts: Bursts, set_up: str, kind: str, name: str) -> Estimate:
    """What a set-up adds to a field of Burst, in microseconds: by the pairs of a round."""
    pairs = zip(bursts[set_up][kind], bursts[NONE][kind], strict=True)
    return Estimate.of([_value(one, name) - _value(bare, name) for one, bare in pairs])


def share(bursts: Bursts, kind: str) -> Estimate:
    """The filter's share of the processor time of a request, in percent."""
    whole = statistics.fmean(each.cpu for each in bursts[FILTER][kind])
    more = added(bursts, FILTER, kind, "cpu")
    return Estimate(*(value / whole * 100 for value in (more.mean, more.low, more.high)))


def _value(burst: Burst, name: str) -> float:
    value: float = getattr(burst, name)
    return value


def targets(bursts: Bursts) -> list[Target]:
    """What is wanted of the means."""

    def cpu(set_up: str, kind: str) -> float:
        return added(bursts, set_up, kind, "cpu").mean / 1000

    return [
        *(
            Target(f"{kind}, share of a request's processor time", share(bursts, kind).mean, 5, "%")
            for kind in (CREATE, REPEATED)
        ),
        *(
            Target(
                f"{kind}, added, at most a look-up",
                *(cpu(FILTER, kind), cpu(LOOK_UP, kind), "ms"),
                why=_WHY[kind],
            )
            for kind in (TAG, UPLOAD)
        ),
        *(
            Target(
                f"{kind}, added, at most Glance's own notifier's",
                *(cpu(FILTER, kind), cpu(NATIVE, kind), "ms"),
                why=_WHY.get(kind, ""),
            )
            for kind in (CREATE, TAG, UPLOAD, REPEATED)
        ),
    ]


_WHY = {
    TAG: "Tag: Glance's answer has no record, so that the filter asks Glance for it: one look-up, "
    "and the event. Glance's own notifier has the image in memory.",
    UPLOAD: "Upload: image.prepare needs the record when the data begins, image.upload and "
    "image.activate need it when the data has ended: two look-ups. `disabled_notifications = "
    "image.prepare` saves the first one.",
}


def publish(measured: Measured) -> None:
    """Write the page `docs/measured/glance.md`."""
    bursts, idle = measured.bursts, measured.idle
    rounds = len(bursts[NONE][CREATE])
    page.publish(
        "glance",
        "What the filter adds to a real Glance",
        "Glance 33 under uWSGI (2 workers of 4 threads, SQLite, the file store, a stand-in for "
        "Keystone that validates each token) plays the same requests in turn without "
        "notifications, with this filter (`relay = external`, the relay is a process of its own), "
        "and with one bare look-up of the image's record behind each tag and upload. Each request "
        "chooses its way by a header (`bench/switch.py`), so that all three are measured in the "
        "same workers. Glance's own notifier (`driver = messagingv2`) is in a second Glance. Each "
        "request is sent to all of them, one after the other, before the next one.",
        f"There are {rounds} rounds, each with {MANY} creates, {MANY} tags, {FEW} uploads of 1 "
        f"MiB, {FEW} first downloads of these, and {MANY} downloads of another image. RabbitMQ "
        "runs on the same cores. Processor time is that of the thread that serves the request, "
        "through the whole pipeline (`bench/thread_time.py`). Each number is the mean of the "
        "differences within a round, with its bounds at 95 % confidence; bounds on both sides of "
        "zero mean that there is no difference to be seen.",
        "Other threads of the workers take little: while nothing is asked, both workers together "
        f"take {idle[FILTER]:.2f} ms of processor time in a second with this filter, and "
        f"{idle[NATIVE]:.2f} ms with Glance's own notifier.",
        page.targets(targets(bursts)),
        "## Processor time of a request",
        _table(bursts, "cpu", KINDS, "added to a request (ms)"),
        page.table(
            ("request", "the filter's share (%)"),
            [(kind, share(bursts, kind).text()) for kind in KINDS],
        ),
        "## Time until the whole answer",
        _table(bursts, "latency", KINDS, "added to the median (ms)"),
        "## Time until the first byte of a download",
        _table(bursts, "first_byte", (FIRST, REPEATED), "added to the median (ms)"),
    )


def _table(bursts: Bursts, name: str, kinds: tuple[str, ...], text: str) -> str:
    """A row for each kind of request: that without notifications, and what each set-up adds."""
    rows = []
    for kind in kinds:
        bare = Estimate.of([_value(each, name) for each in bursts[NONE][kind]])
        more = (
            added(bursts, set_up, kind, name).text(1000) if kind in bursts[set_up] else ""
            for set_up in SET_UPS[1:]
        )
        rows.append((kind, bare.text(1000), *more))
    head = ("request", f"{NONE} (ms)", *(f"{set_up}: {text}" for set_up in SET_UPS[1:]))
    return page.table(head, rows)
