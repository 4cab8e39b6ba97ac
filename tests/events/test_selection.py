"""What one target gets of all that is recorded."""

from typing import Any

import orjson
import pytest

from glance_notify_middleware.events.notification import (
    EventType,
    Message,
    Notification,
    Payload,
    Priority,
)
from glance_notify_middleware.events.selection import ALL_KINDS, Selection, projects_of

DELETED = {"id": "i", "owner": "o", "name": "ü"}


def notification(
    payload: Payload,
    event_type: EventType = EventType.SEND,
    priority: Priority = Priority.INFO,
    project: str | None = "asks",
) -> Notification:
    return Notification("id", "host", event_type, priority, 0.0, payload, "r", project, "u")


def got(selection: Selection, one: Notification) -> Payload | None:
    """The payload that the target gets, the same as a notification and as a message; None where it
    does not get it."""
    as_notification = selection.notification(one)
    as_message = selection.message(Message.of(one))
    payload = None if as_notification is None else as_notification.payload
    stored = None if as_message is None else orjson.loads(as_message.body)
    assert (None if stored is None else stored["payload"]) == payload
    if as_notification is not None and as_message is not None:
        assert as_message == Message.of(as_notification)
    return payload


def test_kinds_are_those_that_a_target_gets() -> None:
    selection = Selection(frozenset({(EventType.SEND, Priority.ERROR)}))
    assert selection.has("image.send", Priority.ERROR)
    assert got(selection, notification({}, priority=Priority.ERROR)) == {}
    assert got(selection, notification({}, priority=Priority.INFO)) is None
    assert got(selection, notification({}, EventType.UPDATE, Priority.ERROR)) is None


def test_what_needs_no_change_is_passed_on_as_it_is() -> None:
    one = notification(DELETED, EventType.DELETE)
    message = Message.of(one)
    for selection in (
        Selection(ALL_KINDS),
        Selection(ALL_KINDS, frozenset({"o"})),
        Selection(ALL_KINDS, deletes_by_id=True),
    ):
        update = one._replace(event_type=EventType.UPDATE)
        assert selection.notification(update) is update
        changed = message._replace(event_type=EventType.UPDATE)
        assert selection.message(changed) is changed


@pytest.mark.parametrize("number", [10**30, 10**400, -(10**400)])
def test_number_of_any_length_is_read(number: int) -> None:
    payload = {"id": "i", "owner": "o", "size": number}
    for event_type in (EventType.UPDATE, EventType.DELETE):
        message = Message.of(notification(payload, event_type))
        assert Selection(ALL_KINDS, frozenset({"o"})).message(message) is message
        assert Selection(ALL_KINDS, frozenset({"p"})).message(message) is None
    reduced = Selection(ALL_KINDS, deletes_by_id=True).message(message)
    assert reduced is not None
    assert orjson.loads(reduced.body)["payload"] == "i"


def test_payload_of_a_delete_becomes_the_id_and_no_other_does() -> None:
    selection = Selection(ALL_KINDS, deletes_by_id=True)
    assert got(selection, notification(DELETED, EventType.DELETE)) == "i"
    assert got(selection, notification("text", EventType.DELETE, Priority.WARN)) == "text"
    assert got(selection, notification(DELETED, EventType.UPDATE)) == DELETED


@pytest.mark.parametrize(
    ("payload", "project", "projects"),
    [
        ({"owner": "o", "id": "i"}, "asks", {"o"}),
        ({"owner_id": "o", "receiver_tenant_id": "r"}, "asks", {"o", "r"}),
        ({"owner_id": None, "receiver_tenant_id": "r"}, "r", {"r"}),
        ({"member_id": "m", "image_id": "i"}, "asks", {"m", "asks"}),
        ("image i could not be found", "asks", {"asks"}),
        ("image i could not be found", None, set()),
    ],
)
def test_projects_are_owner_receiver_and_member_or_for_the_owner_the_one_that_asked(
    payload: Any, project: str | None, projects: set[str]
) -> None:
    assert set(projects_of(payload, project)) == projects
    one = notification(payload, project=project)
    for each in ("o", "r", "m", "asks", "i"):
        selection = Selection(ALL_KINDS, frozenset({each, "none"}))
        assert got(selection, one) == (payload if each in projects else None)


@pytest.mark.parametrize("member", [["x"], {"x": "y"}, 3, None])
def test_member_of_any_type_is_no_project(member: object) -> None:
    """A client of version 1 writes it."""
    assert list(projects_of({"member_id": member}, "asks")) == ["asks"]
    one = notification({"member_id": member})
    assert got(Selection(ALL_KINDS, frozenset({"x", "y"})), one) is None


def test_project_of_a_delete_is_found_before_its_payload_becomes_the_id() -> None:
    one = notification(DELETED, EventType.DELETE)
    assert got(Selection(ALL_KINDS, frozenset({"o"}), deletes_by_id=True), one) == "i"
    assert got(Selection(ALL_KINDS, frozenset({"asks"}), deletes_by_id=True), one) is None


@pytest.mark.parametrize(
    ("selection", "is_all"),
    [
        (Selection(ALL_KINDS), True),
        (Selection(ALL_KINDS - {(EventType.SEND, Priority.WARN)}), False),
        (Selection(ALL_KINDS, frozenset({"p"})), False),
        (Selection(ALL_KINDS, deletes_by_id=True), False),
    ],
)
def test_selection_is_all_where_nothing_is_left_out_or_changed(
    selection: Selection, is_all: bool
) -> None:
    assert selection.is_all_of(ALL_KINDS) == is_all
