"""The events that two notifiers emitted for one request: what the comparison takes as its input."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Event:
    """One event as one side emitted it: `side` is "native" (Glance's own notifier) or "filter"."""

    side: str
    event_type: str
    priority: str
    payload: Any

    @classmethod
    def of_filter(cls, message: Mapping[str, Any]) -> Self:
        """From a message of the filter."""
        return cls("filter", message["event_type"], message["priority"], message["payload"])


@dataclass(slots=True)
class Request:
    """A request, its answer, and all events that were emitted by the threads at work for it.

    `seq` counts the requests of a run. `status` is None when the application raised an exception.
    `failed_look_ups` has the status of each look-up of the filter that gave no image record; None
    for a look-up that raised an exception.
    """

    test: str
    seq: int
    method: str
    path: str
    status: int | None = None
    failed_look_ups: list[int | None] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.test.rpartition('.')[2]}: {self.method} {self.path} -> {self.status}"

    @property
    def has_background_work(self) -> bool:
        """Whether Glance goes on after its answer, so that no request shows the end."""
        paths = ("/import", "/locations", "/tasks")
        return self.method == "POST" and self.path.endswith(paths)

    @property
    def is_task(self) -> bool:
        """Whether the request makes a task: its image is not known until the task has ended."""
        return self.has_background_work and self.path.endswith("/tasks")

    def events_of(self, side: str) -> list[Event]:
        """The image events of one side, in order; events of tasks and definitions are left out."""
        return [
            event
            for event in self.events
            if event.side == side and event.event_type.startswith("image.")
        ]


def without_background_work(requests: Iterable[Request]) -> list[Request]:
    """The requests whose answer shows how they ended."""
    return [request for request in requests if not request.has_background_work]


def read_requests(observed: Iterable[Mapping[str, Any]]) -> list[Request]:
    """Requests from the fields that a run of Glance's tests wrote down."""
    return [
        Request(**{**fields, "events": [Event(**event) for event in fields["events"]]})
        for fields in observed
    ]
