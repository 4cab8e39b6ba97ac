"""The key of a message by which its reader finds out whether another one is missing."""

import json

import pytest

from glance_notify_middleware.events import sequence
from tests.events.notifications import fields, plain

JOURNAL = "00d1c2b3a4f5e6f7"


@pytest.mark.parametrize("after", [None, 0, 7])
def test_sequence_stands_behind_the_other_keys(after: int | None) -> None:
    made = json.loads(sequence.put_into(plain(), JOURNAL, 9, after))
    found = {"journal": JOURNAL, "number": 9, "after": after}
    assert made == {**fields(), "_sequence": found}
    assert list(made)[-1] == sequence.KEY
    assert sequence.known(made) == found
    assert tuple(found) == sequence.PARTS


def test_sequence_of_a_message_without_one_is_empty() -> None:
    assert sequence.known(fields()) == {}
    assert sequence.known({"_sequence": "one of somebody else"}) == {}


def test_key_and_value_have_a_bound() -> None:
    largest = 2**64 - 1
    made = sequence.put_into(b"{}", JOURNAL, largest, largest)
    assert len(made) - len(b"{}") <= sequence.LONGEST
