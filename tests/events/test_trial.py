"""The notification of the command send-test."""

import json
import re

import pytest

from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.trial import TRIAL_TYPE, trial


def test_trial_is_a_notification_of_a_type_of_its_own() -> None:
    sent = json.loads(trial("an-id", "glance-1", Priority.WARN, 0.0).to_json())
    assert sent["event_type"] == "glance_notify.test"
    assert (sent["message_id"], sent["priority"]) == ("an-id", "WARN")
    assert sent["timestamp"] == "1970-01-01 00:00:00.000000"
    assert "test" in sent["payload"]["text"]


@pytest.mark.parametrize("event_type", EventType)
def test_no_unanchored_pattern_of_an_event_type_fits_a_trial(event_type: str) -> None:
    for pattern in (event_type, event_type.split(".")[0]):
        assert not re.search(pattern, TRIAL_TYPE)
