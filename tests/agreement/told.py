"""What two notifiers told of one request: the facts that the comparison is made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Event:
    """One event as one side told it: `side` is native or ours."""

    side: str
    event_type: str
    priority: str
    payload: Any

    @classmethod
    def of_ours(cls, message: Mapping[str, Any]) -> Self:
        """From a message of the filter."""
        return cls("ours", message["event_type"], message["priority"], message["payload"])


@dataclass(slots=True)
class Request:
    """A request, how it was answered, and all that was told by the threads at work for it.

    `seq` counts the requests of a run; `status` is None when the application raised;
    `look_ups_without` has the statuses of those of the filter's own look-ups that gave no
    record; None for one that raised.
    """

    test: str
    seq: int
    method: str
    path: str
    status: int | None = None
    look_ups_without: list[int | None] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.test.rpartition('.')[2]}: {self.method} {self.path} -> {self.status}"

    @property
    def is_asynchronous(self) -> bool:
        """Whether Glance works on after its answer, so that no request shows the end."""
        followed = ("/import", "/locations", "/tasks")
        return self.method == "POST" and self.path.endswith(followed)

    @property
    def is_task(self) -> bool:
        """Whether it asks for a task, of which the image is not known until it has ended."""
        return self.is_asynchronous and self.path.endswith("/tasks")

    def told_by(self, side: str) -> list[Event]:
        """What one side told about images, in order; tasks and definitions are left out."""
        return [
            event
            for event in self.events
            if event.side == side and event.event_type.startswith("image.")
        ]


def synchronous(requests: Iterable[Request]) -> list[Request]:
    """Those whose answer shows how they ended."""
    return [request for request in requests if not request.is_asynchronous]


def read_requests(observed: Iterable[Mapping[str, Any]]) -> list[Request]:
    """Requests from the fields that a run of Glance's tests wrote down."""
    return [
        Request(**{**fields, "events": [Event(**event) for event in fields["events"]]})
        for fields in observed
    ]
