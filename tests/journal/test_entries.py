"""Entries and their bytes: what was written is read, and nothing else is."""

import dataclasses
import json
import uuid
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.notification import EventType, Message, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import MAX_BODY, Entry, Kind, TooLongError, scan
from tests.journal.sample_journals import encoded, message, of_newer_version

MAGIC = encoded([])[:4]

BODIES = st.builds(
    lambda part, times: part * times,
    st.binary(max_size=64) | st.text(max_size=64).map(str.encode),
    st.sampled_from([1, 1, 1, 90, 5000]),
)
MESSAGES = st.builds(
    Message,
    message_id=st.uuids().map(str),
    event_type=st.text(max_size=40),
    priority=st.sampled_from(Priority),
    timestamp=st.floats(allow_nan=False),
    body=BODIES,
)
NUMBERS = st.integers(0, 2**64 - 1)

FIRST = [message(b'{"a": "\xc3\xa9"}')]
MIDDLE = [message(b"{}"), message(b'{"b": 1}', priority=Priority.ERROR)]
LAST = [message(b"", priority=Priority.WARN, event_type="image.member.create")]
THREE = [
    encoded(FIRST, number=0, clock=5),
    encoded(MIDDLE, number=1, clock=6),
    encoded(LAST, number=3, clock=7),
]

ONE = {"count": 1, "number": 9, "clock": 1}


def messages_of(found: Entry) -> list[Message]:
    return entries.decode_messages(found.body)


def numbers(data: bytes) -> list[int]:
    return [found.number for found in scan(data)]


@given(st.lists(MESSAGES, max_size=4), NUMBERS, NUMBERS)
def test_messages_are_read_as_they_were_written(
    messages: list[Message], number: int, clock: int
) -> None:
    data = encoded(messages, number=number, clock=clock)
    (found,) = scan(data)
    assert messages_of(found) == messages
    assert (found.count, found.number, found.clock) == (len(messages), number, clock)
    assert found.end == len(data)


@pytest.mark.parametrize("kind", Kind)
@given(body=BODIES, number=NUMBERS)
def test_entry_of_every_kind_is_read_as_it_was_written(
    kind: Kind, body: bytes, number: int
) -> None:
    data = entries.encode(kind, body, entries.checksum(body), count=7, number=number, clock=number)
    assert list(scan(data)) == [Entry(entries.VERSION, kind, 7, number, number, body, len(data))]


def test_key_of_an_intent_before_messages_is_no_part_of_them() -> None:
    body = entries.encode_messages(MIDDLE, ends=uuid.uuid4().bytes)
    assert entries.decode_messages(body) == MIDDLE


def test_entries_that_follow_one_another_are_all_found() -> None:
    found = list(scan(b"".join(THREE)))
    assert [messages_of(each) for each in found] == [FIRST, MIDDLE, LAST]
    assert [each.clock for each in found] == [5, 6, 7]
    ends = [len(THREE[0]), len(THREE[0] + THREE[1]), len(b"".join(THREE))]
    assert [each.end for each in found] == ends


def test_empty_bytes_have_no_entry() -> None:
    assert list(scan(b"")) == []


def test_torn_tail_is_no_entry() -> None:
    data = b"".join(THREE)
    whole = [(each.end, each.number) for each in scan(data)]
    for cut in range(len(data)):
        assert numbers(data[:cut]) == [number for end, number in whole if end <= cut], cut


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_damaged_entry_hides_no_other_and_leaves_a_gap_in_the_numbers(flip: int) -> None:
    before, middle, after = THREE
    for at in range(len(middle)):
        damaged = bytearray(middle)
        damaged[at] ^= flip
        found = list(scan(before + bytes(damaged) + after))
        assert [messages_of(each) for each in found] == [FIRST, LAST], at
        assert found[1].number - (found[0].number + found[0].count) == len(MIDDLE)


def test_torn_entry_does_not_hide_the_next_one() -> None:
    before, middle, after = THREE
    for kept in range(len(middle)):
        assert numbers(before + middle[:kept] + after) == [0, 3], kept


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=80) | st.just(MAGIC) | st.just(THREE[1][:20]), max_size=9))
def test_noise_before_and_after_entries_is_skipped(noise: list[bytes]) -> None:
    garbage = b"".join(noise)
    before, middle, after = THREE
    assert numbers(garbage + before + garbage + after + garbage) == [0, 3]
    assert numbers(garbage + middle) == [1]


def test_magic_in_noise_with_a_large_length_hides_no_entry() -> None:
    for length in (0, 1, MAX_BODY, MAX_BODY + 1, 2**32 - 1):
        noise = MAGIC + bytes([1, Kind.EVENTS, 0, 1]) + length.to_bytes(4, "big") + bytes(30)
        assert numbers(noise + THREE[1]) == [1], length


def test_longest_body_is_read_and_a_longer_one_is_not() -> None:
    longest = entries.encode(Kind.EVENTS, bytes(MAX_BODY), entries.checksum(bytes(MAX_BODY)), **ONE)
    assert numbers(longest + THREE[2]) == [9, 3]
    body = bytes(MAX_BODY + 1)
    fields = longest[:8] + len(body).to_bytes(4, "big") + longest[12:28]
    checksum = zlib.crc32(fields, entries.checksum(body)).to_bytes(4, "big")
    assert numbers(fields + checksum + body + THREE[2]) == [3]


def test_entry_that_is_too_long_to_be_read_is_not_made() -> None:
    body = bytes(MAX_BODY + 1)
    with pytest.raises(TooLongError, match="4194304 bytes at most, not 4194305"):
        entries.encode(Kind.EVENTS, body, entries.checksum(body), **ONE)


@pytest.mark.parametrize("size", [1, 1_000_000, 2_000_000, 3_000_000])
def test_messages_that_are_too_long_for_one_entry_are_split_in_their_order(size: int) -> None:
    made = [message(bytes(size)) for _ in range(5)]
    groups = list(entries.split(made))
    assert [each for group in groups for each in group] == made
    bodies = [len(entries.encode_messages(group)) for group in groups]
    assert max(bodies) <= MAX_BODY
    assert all(one + size > MAX_BODY for one in bodies[:-1]), (
        "there are no more groups than are needed"
    )


def test_message_that_fills_an_entry_is_a_group_of_its_own() -> None:
    least = len(entries.encode_messages([message(b"")]))
    made = [message(b""), message(bytes(MAX_BODY - least)), message(b"")]
    assert list(entries.split(made)) == [[each] for each in made]


def test_entry_of_a_newer_version_is_found_with_its_version() -> None:
    (found,) = scan(of_newer_version(THREE[1]))
    assert (found.version, found.number) == (entries.VERSION + 1, 1)


def test_magic_stands_in_no_utf_8() -> None:
    with pytest.raises(UnicodeDecodeError):
        MAGIC.decode()


@pytest.mark.parametrize("size", [0, 1, 4999, 5000, 5001, 9999, 10_000, 10_001, 262_144])
def test_checksum_is_crc_32_of_a_body_of_any_size(size: int) -> None:
    body = bytes(at * 7 % 256 for at in range(size))
    assert entries.checksum(body) == zlib.crc32(body)


def test_damaged_entry_still_counts_its_notifications() -> None:
    entry = bytearray(THREE[1])
    entry[-1] ^= 1
    assert entries.damaged_count(bytes(entry)) == len(MIDDLE)
    assert entries.damaged_count(bytes(entry) + THREE[2]) == len(MIDDLE)


def test_entry_that_was_not_written_to_its_end_counts_none() -> None:
    for cut in range(len(THREE[1])):
        assert entries.damaged_count(THREE[1][:cut]) == 0, cut


def test_good_entry_and_noise_and_entries_of_other_kinds_count_none() -> None:
    assert entries.damaged_count(bytes(200)) == 0
    assert entries.damaged_count(encoded(MIDDLE, kind=Kind.PROGRESS)) == 0
    assert entries.damaged_count(THREE[1]) == 0


def test_dropped_entry_is_read_in_its_place_with_another_kind() -> None:
    made = [encoded([message()], number=number) for number in (0, 1, 0)]
    first, second, third = entries.scan(b"".join(made))
    header = entries.changed_header(second, kind=Kind.DROPPED)
    assert len(header) == entries.HEADER_SIZE
    data = made[0] + header + made[1][len(header) :] + made[2]
    found = list(entries.scan(data))
    assert [entry.kind for entry in found] == [Kind.EVENTS, Kind.DROPPED, Kind.EVENTS]
    assert found[1] == dataclasses.replace(second, kind=Kind.DROPPED)
    assert [found[0], found[2]] == [first, third]


def test_deferred_notification_is_read_as_the_message_that_is_made_of_it() -> None:
    key = uuid.uuid4()
    deferred = DeferredNotification(
        *(key.bytes, 1.5, EventType.CREATE, Priority.INFO, "publisher", "CREATE", None, None),
        *(Requester("p", "u", "req"), 201, b'{"id": "i", "name": "n"}'),
    )
    body = entries.encode_deferred(deferred, ends=uuid.uuid4().bytes)
    (message,) = entries.decode_messages(body)
    assert message == Message.of(deferred.made())
    assert message.message_id == str(key)
    assert json.loads(message.body)["payload"]["name"] == "n"


def test_deferred_notification_that_is_not_wanted_is_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DeferredNotification, "made", lambda deferred: pytest.fail("it is made"))
    deferred = DeferredNotification(
        *(uuid.uuid4().bytes, 1.5, EventType.CREATE, Priority.INFO, "publisher", "CREATE"),
        *(None, None, Requester("p", "u", "req"), 201, b'{"id": "i"}'),
    )
    asked: list[tuple[str, Priority]] = []

    def wants(event_type: str, priority: Priority) -> bool:
        asked.append((event_type, priority))
        return False

    body = entries.encode_deferred(deferred)
    (message,) = entries.decode_messages(body, wants)
    assert message == Message("", EventType.CREATE, Priority.INFO, 1.5, b"")
    assert asked == [(EventType.CREATE, Priority.INFO)]
