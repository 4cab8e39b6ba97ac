"""Intents: what is stored of an operation, and the notification about its unknown outcome."""

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
def test_decoded_intent_is_the_encoded_one(event_type: EventType, facts: list[str]) -> None:
    begun = some(event_type, *facts)
    assert intent.decode(KEY, intent.encode(begun)) == begun


@given(st.lists(TEXTS, min_size=5, max_size=5))
@example(["\ud800", None, None, None, None])
def test_intent_takes_any_text_of_a_client(facts: list[str]) -> None:
    begun = intent.decode(KEY, intent.encode(some(EventType.SEND, *facts)))
    assert intent.unknown_outcome(begun, Progress()).to_json()


@given(st.builds(Progress, st.integers(0, 2**60), UTF_8))
def test_decoded_progress_is_the_encoded_one_or_empty(progress: Progress) -> None:
    assert intent.decode_progress(intent.encode_progress(progress)) == progress
    assert intent.decode_progress(None) == Progress(0, None)


def test_unknown_outcome_is_the_same_whichever_process_makes_it() -> None:
    begun = some(EventType.UPDATE, "i1", "req-1", "p1", "u1", None)
    unknown = intent.unknown_outcome(begun, Progress())
    assert unknown == intent.unknown_outcome(intent.decode(KEY, intent.encode(begun)), Progress())
    assert unknown.message_id == "00010203-0405-0607-0809-0a0b0c0d0e0f"
    assert (unknown.priority, unknown.timestamp) == (Priority.ERROR, begun.timestamp)
    assert (unknown.request_id, unknown.project_id, unknown.user_id) == ("req-1", "p1", "u1")
    assert "outcome is unknown" in str(unknown.payload)


def test_unknown_outcome_of_a_download_has_the_six_fields() -> None:
    begun = some(EventType.SEND, "i1", "req-1", "p1", "u1", "192.0.2.7")
    assert intent.unknown_outcome(begun, Progress(7, "o1")).payload == {
        **{"image_id": "i1", "owner_id": "o1", "receiver_tenant_id": "p1"},
        **{"receiver_user_id": "u1", "destination_ip": "192.0.2.7", "bytes_sent": 7},
    }
