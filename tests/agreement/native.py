"""Watches what Glance's own notifier tells."""

import importlib
import json
from collections.abc import Callable
from typing import Any

from tests.agreement.told import Event

_PRIORITIES = {"info": "INFO", "warn": "WARN", "error": "ERROR"}


def watch(tell: Callable[[Event], None]) -> None:
    """From now on, and for good, have each event given to `tell` as it would go over the wire, by
    the thread that tells it, instead of being sent. To be called once Glance can be imported."""
    notifier = importlib.import_module("glance.notifier").Notifier
    jsonutils = importlib.import_module("oslo_serialization.jsonutils")

    def watched(priority: str) -> Callable[[Any, str, Any], None]:
        def told(_notifier: Any, event_type: str, payload: Any) -> None:
            as_sent = json.loads(jsonutils.dumps(payload))
            tell(Event("native", event_type, priority, as_sent))

        return told

    for name, priority in _PRIORITIES.items():
        setattr(notifier, name, watched(priority))
