"""The metrics that queries may name, and the metrics that a text names."""

import functools
import re
from collections.abc import Iterator, Mapping

from glance_notify_middleware.cli.node.collector import registry
from tests.cli.node_states import NOW, state, target

OF_PROMETHEUS = {"job", "instance"}
"""The labels that Prometheus puts on each sample that it takes."""
OF_NODE_EXPORTER = {"node_textfile_mtime_seconds": {"file"}}
"""What node_exporter says of the files that it reads; its labels."""

_NAMED = re.compile(r"\b((?:glance_notify|node)_\w+)(?:\{([^}]*)\})?")


@functools.cache
def metrics() -> Mapping[str, set[str]]:
    """Each metric that the collector shows, and its labels."""
    seen = state(target(oldest=NOW), last_drop=NOW)
    found: dict[str, set[str]] = dict(OF_NODE_EXPORTER)
    for family in registry(lambda: seen, "1").collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def named(query: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that a query names, and the labels by which it chooses samples."""
    for name, matchers in _NAMED.findall(query):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", matchers))


def unknown(query: str) -> list[str]:
    """What a query names that does not exist: metrics, and labels of metrics."""
    wrong = []
    for name, labels in named(query):
        if name not in metrics():
            wrong.append(name)
        elif strange := labels - metrics()[name] - OF_PROMETHEUS:
            wrong.append(f"{name}{sorted(strange)}")
    return wrong
