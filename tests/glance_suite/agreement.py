"""stub"""
from dataclasses import dataclass, field
from typing import Any

@dataclass(frozen=True)
class Event:
    side: str
    event_type: str
    priority: str
    payload: Any

@dataclass
class Request:
    test: str
    seq: int
    method: str
    path: str
    status: int | None = None
    events: list[Event] = field(default_factory=list)
