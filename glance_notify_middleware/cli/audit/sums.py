"""The sums of uses, in all and by group. GROUPS and MEANINGS say what each number is."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from glance_notify_middleware.cli.audit.distinct import DistinctIds
from glance_notify_middleware.cli.audit.log_lines import DamagedLineError, LogFiles
from glance_notify_middleware.cli.audit.times import Period
from glance_notify_middleware.cli.audit.uses import Kind, Use, use_of

GROUPS: Mapping[str, str] = {
    "receiver": "the project that downloaded (`receiver_tenant_id`); of an upload, the project "
    "that uploaded",
    "owner": "the project that owns the image; empty where it is not known, as in refused "
    "downloads",
    "image": "the image, as the request named it",
    "day": "the day in UTC of the notification: when a download ended",
}
"""What uses are grouped by -> what the group of a use is."""

MEANINGS: Mapping[str, str] = {
    "downloads": "answers of which every promised byte was sent; an answer to a request for a "
    "range is one, too",
    "cut": "downloads that were cut short, by anyone, or that failed (5xx)",
    "refused": "downloads that Glance refused (4xx)",
    "bytes sent": "bytes of image data that left Glance, in complete downloads and in those cut "
    "short",
    "uploads": "uploads and imports whose data is complete",
    "bytes uploaded": "the sizes of the images that were uploaded, where the notification has them",
    "first": "the time of the first of these, in UTC",
    "last": "the time of the last of these, in UTC",
}
"""The columns of a sum -> what the number is."""


@dataclass(slots=True)
class Sum:
    """The sum of some uses. Its fields are those of MEANINGS, in their order."""

    downloads: int = 0
    cut: int = 0
    refused: int = 0
    bytes_sent: int = 0
    uploads: int = 0
    bytes_uploaded: int = 0
    first: str = ""
    last: str = ""

    def add(self, use: Use) -> None:
        """Add one use."""
        if use.kind is Kind.UPLOAD:
            self.uploads += 1
            self.bytes_uploaded += use.size
        else:
            self.bytes_sent += use.size
            if use.kind is Kind.COMPLETE:
                self.downloads += 1
            elif use.kind is Kind.CUT:
                self.cut += 1
            else:
                self.refused += 1
        if not self.first or use.timestamp < self.first:
            self.first = use.timestamp
        if use.timestamp > self.last:
            self.last = use.timestamp

    def add_sum(self, other: "Sum") -> None:
        """Add the sum of further uses."""
        self.downloads += other.downloads
        self.cut += other.cut
        self.refused += other.refused
        self.bytes_sent += other.bytes_sent
        self.uploads += other.uploads
        self.bytes_uploaded += other.bytes_uploaded
        self.first = min(self.first or other.first, other.first or self.first)
        self.last = max(self.last, other.last)

    @property
    def attempts(self) -> int:
        """Downloads that were asked for, however they ended."""
        return self.downloads + self.cut + self.refused


class Sums:
    """The sums of uses by group: each use is in one group of each kind, once."""

    def __init__(self, kinds: Collection[str]) -> None:
        """`kinds` are keys of GROUPS."""
        self.total = Sum()
        self.groups: dict[str, defaultdict[str | None, Sum]] = {
            kind: defaultdict(Sum) for kind in kinds
        }
        self._ids = DistinctIds()

    @property
    def repeats(self) -> int:
        """Notifications that were there before, and were not added again."""
        return self._ids.repeats

    def add_all(self, files: LogFiles, period: Period) -> None:
        """Add the uses that files report. A line that cannot be added is a damaged one."""
        groups = list(self.groups.items())
        for line in files.read(period):
            try:
                use = use_of(line.fields)
            except DamagedLineError as error:
                files.skip(str(error))
                continue
            if use is None or not self._ids.add(use.timestamp, line.fields["message_id"]):
                continue
            self.total.add(use)
            for kind, sums in groups:
                sums[getattr(use, kind)].add(use)

    def largest_first(self, kind: str) -> list[tuple[str | None, Sum]]:
        """The groups of a kind; those of the same size in the order of their names."""
        return sorted(
            self.groups[kind].items(),
            key=lambda item: (-item[1].bytes_sent, -item[1].attempts, item[0] or ""),
        )

    def by_day(self) -> list[tuple[str, Sum]]:
        """The groups of the days, in the order of time."""
        return sorted((day, found) for day, found in self.groups["day"].items() if day is not None)
