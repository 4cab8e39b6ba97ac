"""What is said of measured times: medians, spread, and bounds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Added:
    """What a middleware adds to a request, in microseconds."""

    median: float
    """Of the blocks: what a block of wrapped requests takes more than the bare block before it, for
    each request."""
    best: float
    """The fastest wrapped block minus the fastest bare one, as other work of the machine adds."""
    spread: float
    """Between the first and the third quartile of the blocks."""
    p99: float
    """The 99th percentile of all wrapped requests, minus that of all bare ones."""
    requests: int
    """Wrapped requests."""


def added(bare: Sequence[Sequence[float]], wrapped: Sequence[Sequence[float]]) -> Added:
    """Compare blocks of times in microseconds, of which a bare one and a wrapped one are a pair."""
    without, with_it = ([statistics.fmean(block) for block in blocks] for blocks in (bare, wrapped))
    differences = [after - before for before, after in zip(without, with_it, strict=True)]
    first, median, third = statistics.quantiles(differences, n=4, method="inclusive")
    return Added(
        median=median,
        best=min(with_it) - min(without),
        spread=third - first,
        p99=percentile(_flat(wrapped), 0.99) - percentile(_flat(bare), 0.99),
        requests=sum(map(len, wrapped)),
    )


def percentile(values: Sequence[float], part: float) -> float:
    """The least value that at least `part` of the values (0 to 1) do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """The bounds between which the mean lies with 95 % confidence, by the normal distribution."""
    margin = 1.96 * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return mean - margin, mean + margin


def _flat(blocks: Sequence[Sequence[float]]) -> list[float]:
    return [value for block in blocks for value in block]
