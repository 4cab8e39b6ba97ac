"""The verdict finds every kind of broken promise."""

import pytest

from tests.faults.arrivals import Arrival
from tests.long.life_clients import Operation, Seen
from tests.long.verdict import judge

UPDATE = Operation("PATCH", "/{image}", "image.update")
SEND = Operation("GET", "/{image}/file", "image.send")
UPLOAD = Operation("PUT", "/{image}/file", "image.upload")

DIED = "update image i: the outcome is unknown: the process that served it died"


def arrival(event: str, payload: object = "", message_id: str = "1") -> Arrival:
    return Arrival("req", event, message_id, "", 0.0, payload)


UPLOADED = [arrival(f"image.{step} INFO") for step in ("prepare", "upload", "activate")]


@pytest.mark.parametrize(
    ("operation", "status", "was_noted", "arrivals", "fault"),
    [
        (UPDATE, 200, True, [arrival("image.update INFO")], None),
        (UPDATE, 200, True, [arrival("image.update INFO")] * 2, None),
        (UPDATE, 409, True, [arrival("image.update WARN")], None),
        (UPDATE, 500, True, [arrival("image.update ERROR", "update image i: 500")], None),
        (UPLOAD, 204, True, UPLOADED, None),
        (SEND, 200, True, [arrival("image.send INFO")], None),
        (SEND, 200, True, [arrival("image.send ERROR")], None),
        (UPDATE, None, True, [arrival("image.update INFO")], None),
        (UPDATE, None, True, [arrival("image.update ERROR", DIED)], None),
        (UPDATE, None, False, [], None),
        (UPDATE, 200, True, [], "its event is missing"),
        (UPDATE, 200, True, [arrival("image.update ERROR", DIED)], "its event is missing"),
        (UPDATE, 500, True, [arrival("image.update ERROR", DIED)], "its event is missing"),
        (UPDATE, 200, False, [], "Glance never received it"),
        (UPLOAD, 204, True, UPLOADED[1:], "an event of the upload is missing"),
        (SEND, 200, True, [], "no event and no ERROR"),
        (UPDATE, None, True, [], "it has no event"),
        (
            *(UPDATE, 200, True),
            [arrival("image.update INFO"), arrival("image.update ERROR", DIED)],
            "it has two ends",
        ),
        (
            *(UPDATE, 200, True),
            [arrival("image.update INFO"), arrival("image.update INFO", "", "2")],
            "under 2 ids",
        ),
    ],
)
def test_broken_promise_is_found(
    operation: Operation,
    status: int | None,
    was_noted: bool,
    arrivals: list[Arrival],
    fault: str | None,
) -> None:
    seen = Seen({"one": operation}, {} if status is None else {"one": status})
    found = judge(seen, {"one": "req"} if was_noted else {}, arrivals).faults
    assert any(fault in line for line in found) if fault else not found, found
