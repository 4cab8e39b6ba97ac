"""The verdict finds each way in which a promise can be broken."""

import pytest

from tests.faults.tally import Arrival
from tests.long.lives import Operation, Seen
from tests.long.verdict import judge

UPDATE = Operation("PATCH", "/{image}", "image.update")
SEND = Operation("GET", "/{image}/file", "image.send")
UPLOAD = Operation("PUT", "/{image}/file", "image.upload")

DIED = "update image i: the outcome is unknown: the process that served it died"


def came(event: str, payload: object = "", message_id: str = "1") -> Arrival:
    return Arrival("req", event, message_id, "", 0.0, payload)


UPLOADED = [came(f"image.{each} INFO") for each in ("prepare", "upload", "activate")]


@pytest.mark.parametrize(
    ("operation", "status", "was_given", "arrivals", "fault"),
    [
        (UPDATE, 200, True, [came("image.update INFO")], None),
        (UPDATE, 200, True, [came("image.update INFO")] * 2, None),
        (UPDATE, 409, True, [came("image.update WARN")], None),
        (UPDATE, 500, True, [came("image.update ERROR", "update image i: 500")], None),
        (UPLOAD, 204, True, UPLOADED, None),
        (SEND, 200, True, [came("image.send INFO")], None),
        (SEND, 200, True, [came("image.send ERROR")], None),
        (UPDATE, None, True, [came("image.update INFO")], None),
        (UPDATE, None, True, [came("image.update ERROR", DIED)], None),
        (UPDATE, None, False, [], None),
        (UPDATE, 200, True, [], "its event is missing"),
        (UPDATE, 200, True, [came("image.update ERROR", DIED)], "its event is missing"),
        (UPDATE, 500, True, [came("image.update ERROR", DIED)], "its event is missing"),
        (UPDATE, 200, False, [], "Glance was never given it"),
        (UPLOAD, 204, True, UPLOADED[1:], "an event of the upload is missing"),
        (SEND, 200, True, [], "no event and no ERROR"),
        (UPDATE, None, True, [], "it is silent"),
        (
            *(UPDATE, 200, True),
            [came("image.update INFO"), came("image.update ERROR", DIED)],
            "it has two ends",
        ),
        (
            *(UPDATE, 200, True),
            [came("image.update INFO"), came("image.update INFO", "", "2")],
            "under 2 ids",
        ),
    ],
)
def test_each_broken_promise_is_found(
    operation: Operation,
    status: int | None,
    was_given: bool,
    arrivals: list[Arrival],
    fault: str | None,
) -> None:
    seen = Seen({"one": operation}, {} if status is None else {"one": status})
    found = judge(seen, {"one": "req"} if was_given else {}, arrivals).faults
    assert any(fault in each for each in found) if fault else not found, found
