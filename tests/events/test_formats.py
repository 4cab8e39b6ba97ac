"""The formats of notifications, as functions of their plain JSON."""

import json
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.config import general_options
from glance_notify_middleware.events import cadf, cloudevents
from glance_notify_middleware.events.formats import (
    BATCH_CONTENT_TYPES,
    CONTENT_TYPES,
    FORMATS,
    in_format,
)
from glance_notify_middleware.events.notification import EventType, Priority
from tests.events.cases import IMAGE
from tests.events.notifications import ASKED, fields, plain
from tests.events.test_notification import SURROGATES_TOO, TAME, WILD, strictly_read


def test_plain_is_the_json_as_it_is() -> None:
    made = plain()
    assert in_format(made, "plain") is made


def test_oslo_is_the_envelope_of_oslo_messaging() -> None:
    made = plain(payload={"name": 'a "quoted" Größe'})
    envelope = strictly_read(in_format(made, "oslo"))
    assert envelope == {"oslo.version": "2.0", "oslo.message": made.decode()}


@given(st.dictionaries(st.text(), WILD, max_size=4))
def test_envelope_holds_the_plain_notification(payload: dict[str, object]) -> None:
    made = plain(payload=payload)
    envelope = strictly_read(in_format(made, "oslo"))
    assert strictly_read(envelope["oslo.message"].encode()) == strictly_read(made)


@given(
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(EventType) | st.text(),
    st.dictionaries(SURROGATES_TOO, WILD, max_size=4) | SURROGATES_TOO,
    st.sampled_from(Priority),
    SURROGATES_TOO | st.none(),
)
def test_any_notification_has_each_format_on_one_line(
    message_format: str, event_type: str, payload: object, priority: Priority, who: str | None
) -> None:
    made = plain(event_type, payload, priority, user_id=who, request_id=who)
    strictly_read(in_format(made, message_format))


@pytest.mark.parametrize("message_format", sorted(FORMATS))
def test_notification_without_the_later_keys_has_each_format(message_format: str) -> None:
    """A file that is sent again may hold what an earlier version has made, or less."""
    least = {"message_id", "publisher_id", "event_type", "priority", "timestamp", "payload"}
    made = {key: value for key, value in json.loads(plain()).items() if key in least}
    strictly_read(in_format(json.dumps(made).encode(), message_format))


@given(st.dictionaries(st.text(), TAME, max_size=4))
def test_payload_stands_in_each_format_as_it_is(payload: dict[str, object]) -> None:
    made = plain(EventType.UPDATE, payload)
    assert strictly_read(in_format(made, "cloudevents"))["data"] == payload
    (attached,) = strictly_read(in_format(made, "cadf"))["attachments"]
    assert attached["content"] == payload


@pytest.mark.parametrize("module", [cloudevents, cadf])
def test_notification_is_read_from_its_event(module: ModuleType) -> None:
    for made in (fields(**ASKED), fields(EventType.DELETE, IMAGE), fields(priority=Priority.WARN)):
        found = module.notification(module.event(made))
        assert found == {key: made[key] for key in found}
        assert set(made) - set(found) <= {"_context_method"}


def test_each_format_has_its_content_types() -> None:
    assert set(CONTENT_TYPES) == set(BATCH_CONTENT_TYPES) == set(FORMATS)
    assert CONTENT_TYPES["cloudevents"] == "application/cloudevents+json; charset=utf-8"
    assert BATCH_CONTENT_TYPES["cloudevents"] == "application/cloudevents-batch+json; charset=utf-8"
    others = set(FORMATS) - {"cloudevents"}
    assert {CONTENT_TYPES[each] for each in others} == {"application/json"}


def test_option_has_each_format() -> None:
    (option,) = [each for each in general_options.OPTIONS if each.name == "message_format"]
    assert [option.kind.convert(name) for name in FORMATS] == list(FORMATS)
    assert all(f"{name}: " in option.help for name in FORMATS)
