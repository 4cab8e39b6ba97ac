"""An intent: what is stored of an operation, and what it tells when nobody saw its end."""

from hypothesis import example, given
from hypothesis import strategies as st

from glance_notify_middleware.events import intent
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import EventType, Priority

KEY = bytes(range(16))
TEXTS = st.none() | st.text(st.characters())
UTF_8 = st.none() | st.text(st.characters(codec="utf-8"))


def some(event_type: EventType, *facts: str | None) -> Intent:
    return Intent(KEY, 1_790_000_000.25, "glance-1", event_type, "update image", *facts)


@given(st.sampled_from(EventType), st.lists(UTF_8, min_size=5, max_size=5))
def test_what_is_read_back_is_what_was_stored(event_type: EventType, facts: list[str]) -> None:
    begun = some(event_type, *facts)
    assert intent.decode(KEY, intent.encode(begun)) == begun


@given(st.lists(TEXTS, min_size=5, max_size=5))
@example(["\ud800", None, None, None, None])
def test_whatever_a_client_sends_can_be_stored(facts: list[str]) -> None:
    begun = intent.decode(KEY, intent.encode(some(EventType.SEND, *facts)))
    assert intent.unknown_outcome(begun, Progress()).to_json()


@given(st.builds(Progress, st.integers(0, 2**60), UTF_8))
def test_progress_is_read_back_and_is_nothing_where_there_was_none(progress: Progress) -> None:
    assert intent.decode_progress(intent.encode_progress(progress)) == progress
    assert intent.decode_progress(None) == Progress(0, None)


def test_the_one_that_tells_it_does_not_matter() -> None:
    begun = some(EventType.UPDATE, "i1", "req-1", "p1", "u1", None)
    told = intent.unknown_outcome(begun, Progress())
    assert told == intent.unknown_outcome(intent.decode(KEY, intent.encode(begun)), Progress())
    assert told.message_id == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert (told.priority, told.timestamp) == (Priority.ERROR, begun.timestamp)
    assert (told.request_id, told.project_id, told.user_id) == ("req-1", "p1", "u1")
    assert "outcome is unknown" in str(told.payload)


def test_of_a_download_it_tells_the_six_fields() -> None:
    begun = some(EventType.SEND, "i1", "req-1", "p1", "u1", "192.0.2.7")
    assert intent.unknown_outcome(begun, Progress(7, "o1")).payload == {
        **{"image_id": "i1", "owner_id": "o1", "receiver_tenant_id": "p1"},
        **{"receiver_user_id": "u1", "destination_ip": "192.0.2.7", "bytes_sent": 7},
    }
