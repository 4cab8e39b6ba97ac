"""Ceilometer reads what a real Glance's life of an image tells, in both formats of a message.

What must come of it is told by the story and by Ceilometer's own definitions, not by our payloads.
"""

import pytest

from demo.keystone import ALICE, BOB
from demo.story import SIZE, life
from tests.consumers.lives import BROKEN, OPTIONS, Life


@pytest.fixture(params=OPTIONS)
def of(request: pytest.FixtureRequest, lives: dict[str, Life]) -> Life:
    return lives[request.param]


DOWNLOADS = [(ALICE, SIZE), (ALICE, 1000), (BOB, SIZE)]


def test_each_whole_download_is_billed_once_to_who_received_it_and_to_the_owner(of: Life) -> None:
    received, served = of.metered("image.download"), of.metered("image.serve")
    assert [(each["volume"], each["user_id"], each["project_id"]) for each in received] == [
        (size, person.user_id, person.project_id) for person, size in DOWNLOADS
    ]
    assert [(each["volume"], each["project_id"]) for each in served] == [
        (size, ALICE.project_id) for _, size in DOWNLOADS
    ]
    for each in received + served:
        assert (each["type"], each["unit"], each["resource_id"]) == ("delta", "B", of.image)
        assert each["resource_metadata"]["destination_ip"] == "127.0.0.1"


def test_the_samples_have_the_time_of_the_event(of: Life) -> None:
    sent = [each["timestamp"] for each in of.of_type("image.send") if each["priority"] == "INFO"]
    assert [each["timestamp"] for each in of.metered("image.download")] == [
        f"{timestamp.replace(' ', 'T')}+00:00" for timestamp in sent
    ]


def test_the_size_is_a_gauge_at_each_change_and_at_a_delete_that_tells_it(
    of: Life, request: pytest.FixtureRequest
) -> None:
    found = of.metered("image.size")
    changes = ["image.upload", "image.update", "image.update", "image.update"]
    deletes = ["image.delete"] if "oslo" in request.node.name else []
    assert [each["resource_metadata"]["event_type"] for each in found] == changes + deletes
    for each in found:
        assert (each["type"], each["unit"], each["volume"]) == ("gauge", "B", SIZE)
        assert (each["resource_id"], each["project_id"]) == (of.image, ALICE.project_id)
        assert each["resource_metadata"]["disk_format"] == "raw"


def test_a_download_is_an_event_with_all_its_traits_also_when_it_was_cut_short(of: Life) -> None:
    traits = of.traits("image.send")
    whole, part, cut_short, bobs = (each["bytes_sent"] for each in traits)
    assert (whole, part, bobs) == (SIZE, 1000, SIZE)
    assert 0 < cut_short < SIZE
    assert [each["receiver_user"] for each in traits] == [ALICE.user_id] * 3 + [BOB.user_id]
    for each in traits:
        assert each["user_id"] == ALICE.project_id  # who owns it, as Ceilometer calls that
        assert (each["image_id"], each["destination_ip"]) == (of.image, "127.0.0.1")


def test_a_change_is_an_event_with_all_its_traits(of: Life) -> None:
    created, uploaded, renamed = (
        *of.traits("image.create")[1:],
        *of.traits("image.upload")[1:],
        of.traits("image.update")[0],
    )
    for each in (created, uploaded, renamed):
        assert each["resource_id"] == of.image
        assert each["project_id"] == each["user_id"] == ALICE.project_id
        assert each["created_at"]
        assert each["service"]
        assert each["request_id"].startswith("req-")
    assert (created["name"], created["status"], "size" in created) == ("demo", "queued", False)
    assert (uploaded["name"], uploaded["status"], uploaded["size"]) == ("demo", "active", SIZE)
    assert (renamed["name"], renamed["status"], renamed["size"]) == ("renamed", "active", SIZE)


def test_an_upload_that_broke_off_is_an_event_with_who_tried_it_and_no_sample(of: Life) -> None:
    broke_off = of.traits("image.upload")[0]
    assert (broke_off["request_id"], broke_off["service"]) == (
        of.told[2]["_context_request_id"],
        of.told[2]["publisher_id"],
    )
    assert not {"resource_id", "size", "status"} & set(broke_off)
    assert [each for each in of.samples if each["resource_id"] == of.broken] == []


def test_a_delete_that_tells_metadata_ends_the_resource(lives: dict[str, Life]) -> None:
    of = lives["oslo"]
    (deleted,) = of.traits("image.delete")
    assert (deleted["resource_id"], deleted["size"]) == (of.image, SIZE)
    assert deleted["status"] == "deleted"
    assert deleted["deleted_at"]
    assert of.ended


def test_a_delete_that_tells_the_id_is_an_event_that_ends_nothing(lives: dict[str, Life]) -> None:
    of = lives["plain"]
    (deleted,) = of.traits("image.delete")
    assert not {"resource_id", "size", "status", "deleted_at"} & set(deleted)
    assert deleted["request_id"].startswith("req-")
    assert not of.ended


def test_each_notification_but_a_refusal_is_one_event_with_its_id(of: Life) -> None:
    refused = [each for each in of.told if each["priority"] == "WARN"]
    assert len(refused) == 5
    assert sorted(each["message_id"] for each in of.events) == sorted(
        each["message_id"] for each in of.told if each["priority"] != "WARN"
    )


def test_nothing_is_requeued_and_repeats_stay_unacknowledged(of: Life) -> None:
    owed = len(BROKEN) + sum(len(step.tells) for step in life())
    assert of.repeated == 3
    assert of.queues == {"ack": owed, "redeliver": 0, "ready": 0, "unacked": of.repeated}
