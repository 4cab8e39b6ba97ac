"""Finds out from the sequences of messages whether a reader of a target lacks one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Gap(NamedTuple):
    """What a reader lacks: the message with number `last`, and maybe others from `first` on."""

    journal: str
    first: int
    last: int

    @property
    def numbers(self) -> range:
        """All numbers from `first` to `last`."""
        return range(self.first, self.last + 1)


def gaps(messages: Iterable[Mapping[str, Any]]) -> list[Gap]:
    """The gaps in plain messages of one target, which may come in any order, and repeatedly.

    A message says which one is before it. So each `after` must be the number of a message that is
    there. Messages without a sequence say nothing.
    """
    numbers: dict[str, set[int]] = defaultdict(set)
    named: dict[str, set[int]] = defaultdict(set)
    for message in messages:
        if found := message.get("_sequence"):
            numbers[found["journal"]].add(found["number"])
            if found["after"] is not None:
                named[found["journal"]].add(found["after"])
    return [
        Gap(journal, max((n for n in numbers[journal] if n < last), default=-1) + 1, last)
        for journal, afters in named.items()
        for last in sorted(afters - numbers[journal])
    ]
