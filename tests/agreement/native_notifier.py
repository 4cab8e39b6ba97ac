"""Watches the events that Glance's own notifier emits."""

import importlib
import json
from collections.abc import Callable
from typing import Any

from tests.agreement.observed import Event

_PRIORITIES = {"info": "INFO", "warn": "WARN", "error": "ERROR"}


def watch(on_event: Callable[[Event], None]) -> None:
    """Have `on_event` called with each event, as JSON would carry it, instead of sending the event.

    The thread that emits the event calls `on_event`. This lasts until the process ends. To be
    called once Glance can be imported.
    """
    notifier = importlib.import_module("glance.notifier").Notifier
    jsonutils = importlib.import_module("oslo_serialization.jsonutils")

    def watched(priority: str) -> Callable[[Any, str, Any], None]:
        def emit(_notifier: Any, event_type: str, payload: Any) -> None:
            as_sent = json.loads(jsonutils.dumps(payload))
            on_event(Event("native", event_type, priority, as_sent))

        return emit

    for name, priority in _PRIORITIES.items():
        setattr(notifier, name, watched(priority))
