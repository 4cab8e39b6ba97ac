"""Ceilometer reads the messages of an image's life on a real Glance, in both formats.

The expected values come from the demo's story and from Ceilometer's own definitions, not from the
payloads of the filter.
"""

import pytest

from demo.keystone import ALICE, BOB
from demo.story import SIZE, life
from tests.consumers.image_life import BROKEN, OPTIONS, Life


@pytest.fixture(params=OPTIONS)
def played(request: pytest.FixtureRequest, lives: dict[str, Life]) -> Life:
    return lives[request.param]


DOWNLOADS = [(ALICE, SIZE), (ALICE, 1000), (BOB, SIZE)]


def test_whole_download_is_metered_once_for_its_receiver_and_for_the_owner(played: Life) -> None:
    received, served = played.metered("image.download"), played.metered("image.serve")
    assert [(sample["volume"], sample["user_id"], sample["project_id"]) for sample in received] == [
        (size, person.user_id, person.project_id) for person, size in DOWNLOADS
    ]
    assert [(sample["volume"], sample["project_id"]) for sample in served] == [
        (size, ALICE.project_id) for _, size in DOWNLOADS
    ]
    for sample in received + served:
        assert (sample["type"], sample["unit"]) == ("delta", "B")
        assert sample["resource_id"] == played.image
        assert sample["resource_metadata"]["destination_ip"] == "127.0.0.1"


def test_samples_have_the_time_of_the_event(played: Life) -> None:
    sent = [
        notification["timestamp"]
        for notification in played.of_type("image.send")
        if notification["priority"] == "INFO"
    ]
    assert [sample["timestamp"] for sample in played.metered("image.download")] == [
        f"{timestamp.replace(' ', 'T')}+00:00" for timestamp in sent
    ]


def test_size_is_a_gauge_at_each_change_and_at_a_delete_with_metadata(
    played: Life, request: pytest.FixtureRequest
) -> None:
    found = played.metered("image.size")
    changes = ["image.upload", "image.update", "image.update", "image.update"]
    deletes = ["image.delete"] if "oslo" in request.node.name else []
    assert [sample["resource_metadata"]["event_type"] for sample in found] == changes + deletes
    for sample in found:
        assert (sample["type"], sample["unit"], sample["volume"]) == ("gauge", "B", SIZE)
        assert (sample["resource_id"], sample["project_id"]) == (played.image, ALICE.project_id)
        assert sample["resource_metadata"]["disk_format"] == "raw"


def test_download_is_an_event_with_all_its_traits_also_when_it_was_cut_short(played: Life) -> None:
    traits = played.traits("image.send")
    whole, part, cut_short, bobs = (event["bytes_sent"] for event in traits)
    assert (whole, part, bobs) == (SIZE, 1000, SIZE)
    assert 0 < cut_short < SIZE
    assert [event["receiver_user"] for event in traits] == [ALICE.user_id] * 3 + [BOB.user_id]
    for event in traits:
        assert event["user_id"] == ALICE.project_id  # Ceilometer's name for the owner
        assert (event["image_id"], event["destination_ip"]) == (played.image, "127.0.0.1")


def test_change_is_an_event_with_all_its_traits(played: Life) -> None:
    created, uploaded, renamed = (
        *played.traits("image.create")[1:],
        *played.traits("image.upload")[1:],
        played.traits("image.update")[0],
    )
    for event in (created, uploaded, renamed):
        assert event["resource_id"] == played.image
        assert event["project_id"] == event["user_id"] == ALICE.project_id
        assert event["created_at"]
        assert event["service"]
        assert event["request_id"].startswith("req-")
    assert (created["name"], created["status"], "size" in created) == ("demo", "queued", False)
    assert (uploaded["name"], uploaded["status"], uploaded["size"]) == ("demo", "active", SIZE)
    assert (renamed["name"], renamed["status"], renamed["size"]) == ("renamed", "active", SIZE)


def test_upload_that_broke_off_is_an_event_with_its_request_and_no_sample(played: Life) -> None:
    broke_off = played.traits("image.upload")[0]
    assert (broke_off["request_id"], broke_off["service"]) == (
        played.notifications[2]["_context_request_id"],
        played.notifications[2]["publisher_id"],
    )
    assert not {"resource_id", "size", "status"} & set(broke_off)
    assert [sample for sample in played.samples if sample["resource_id"] == played.broken] == []


def test_delete_with_metadata_ends_the_resource(lives: dict[str, Life]) -> None:
    played = lives["oslo"]
    (deleted,) = played.traits("image.delete")
    assert (deleted["resource_id"], deleted["size"]) == (played.image, SIZE)
    assert deleted["status"] == "deleted"
    assert deleted["deleted_at"]
    assert played.ended


def test_delete_with_the_id_is_an_event_that_ends_no_resource(lives: dict[str, Life]) -> None:
    played = lives["plain"]
    (deleted,) = played.traits("image.delete")
    assert not {"resource_id", "size", "status", "deleted_at"} & set(deleted)
    assert deleted["request_id"].startswith("req-")
    assert not played.ended


def test_every_notification_except_a_refusal_is_one_event_with_its_id(played: Life) -> None:
    refused = [found for found in played.notifications if found["priority"] == "WARN"]
    assert len(refused) == 5
    assert sorted(event["message_id"] for event in played.events) == sorted(
        found["message_id"] for found in played.notifications if found["priority"] != "WARN"
    )


def test_no_message_is_requeued_and_repeats_stay_unacknowledged(played: Life) -> None:
    expected = len(BROKEN) + sum(len(step.expected) for step in life())
    assert played.repeated == 3
    assert played.queues == {
        "ack": expected + len(played.trial_events),
        "redeliver": 0,
        "ready": 0,
        "unacked": played.repeated,
    }


def test_notification_of_send_test_is_not_metered_and_is_an_event_without_traits_of_its_own(
    played: Life,
) -> None:
    assert played.trial_samples == []
    (event,) = played.trial_events
    assert event["event_type"] == "glance_notify.test"
    assert event["traits"].keys() <= {"service", "request_id", "project_id", "user_id"}
