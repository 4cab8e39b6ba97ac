"""Glance's own tasks, as its lists and its records of them show them.

Pure. Facts of glance 33.0.0: each import and each added location is a task, which Glance lists
below the image; a task of the tasks API (async_/flows/base_import.py) creates the image itself, and
names it once it has ended well. One that failed has no image: Glance removes what it had made. The
id is the only thing about a task that Glance alone chooses: the request's id and, by the tasks API,
the image that a task is listed below are the client's.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import Action, Operation
from glance_notify_middleware.events.rules import IMPORT_TASK_TYPE, ImageEvent

FAILURE, SUCCESS = "failure", "success"
"""What the status of a task that has ended says."""

_TYPES = {Action.IMPORT: "api_image_import", Action.ADD_LOCATION: "location_import"}
_NEEDED = ("import_from", "import_from_format", "image_properties")  # else Glance begins nothing

_MOST_KNOWN = 100  # ids that are kept of one image, for as long as it is followed
_OF_GLANCE = ("id", "status", "size", "checksum", "virtual_size", "created_at", "updated_at")

_Record = Mapping[str, Any]


class Task(NamedTuple):
    """One of a list: its id, its status, and when it was made, as Glance says it."""

    id: str
    status: str
    created_at: str


def parse_listing(answer: _Record | None, action: Action) -> tuple[Task, ...] | None:
    """The tasks of this action in Glance's answer to `{image}/tasks`; None: it gave none."""
    found = None if answer is None else answer.get("tasks")
    if not isinstance(found, list):
        return None
    return tuple(
        Task(str(task.get("id")), str(task.get("status")), str(task.get("created_at")))
        for task in found
        if isinstance(task, Mapping) and task.get("type", _TYPES[action]) == _TYPES[action]
    )


def ids_to_keep(before: Iterable[Task] | None) -> frozenset[str] | None:
    """Their ids; None where there is no list, or where they are too many to be kept."""
    ids = frozenset(task.id for task in before or ())
    return None if before is None or len(ids) > _MOST_KNOWN else ids


def first_new_id(after: Iterable[Task], before: frozenset[str]) -> str | None:
    """The id of the task that came first after those of `before`; None where that is not clear."""
    new = sorted(
        (task for task in after if task.id not in before), key=lambda task: task.created_at
    )
    if len(new) > 1 and new[0].created_at == new[1].created_at:
        return None
    return new[0].id if new else None


def status_of(tasks: Iterable[Task], task_id: object) -> str | None:
    """How the task of this id is doing; None where it is not listed."""
    return next((task.status for task in tasks if task.id == task_id), None)


def may_make_image(task: _Record) -> bool:
    """Whether it may: of another type it never does, and where no type is known it may."""
    return bool(task.get("type", IMPORT_TASK_TYPE) == IMPORT_TASK_TYPE)


def created_image_id(task: _Record) -> str | None:
    """The id of the image that a task has made, which has ended well."""
    result = task.get("result")
    image_id = result.get("image_id") if isinstance(result, Mapping) else None
    return image_id if isinstance(image_id, str) else None


def success_events(operation: Operation, task: _Record, record: _Record | None) -> list[ImageEvent]:
    """The events of a task that has ended well; `record` is its image's, None: not to be had.

    The image was created in the format that was asked for; Glance may have found another in it.
    """
    asked = _asked(task)
    found = {"status": "active", **asked, "id": operation.image_id, **(record or {})}
    created = {**found, "disk_format": asked.get("disk_format", found.get("disk_format"))}
    payload = images.metadata(found)
    return [
        ImageEvent(EventType.CREATE, Priority.INFO, images.saving_metadata(created, "queued")),
        ImageEvent(EventType.PREPARE, Priority.INFO, images.saving_metadata(found)),
        ImageEvent(EventType.UPLOAD, Priority.INFO, payload),
        ImageEvent(EventType.ACTIVATE, Priority.INFO, payload),
    ]


def failure_events(operation: Operation, task: _Record) -> list[ImageEvent]:
    """The events of a task that has failed.

    What it was to create is told as it was asked for, with no id: Glance has removed the image,
    and names it nowhere. Where something that Glance needs was not asked for, none was created.
    """
    said = failure.explanation(str(task.get("message") or "").encode(errors="replace"), "", "")
    how = "Glance accepted it, and it failed" + (f": {said}" if said else "")
    text = failure.background_text(operation, how)
    given = task.get("input")
    if isinstance(given, Mapping) and not all(name in given for name in _NEEDED):
        return [ImageEvent(EventType.CREATE, Priority.ERROR, text)]
    wanted = images.saving_metadata(_asked(task), "queued")
    return [
        ImageEvent(EventType.CREATE, Priority.INFO, wanted),
        ImageEvent(EventType.UPLOAD, Priority.ERROR, text),
    ]


def _asked(task: _Record) -> dict[str, Any]:
    """What was asked for of the image's record, but for what Glance alone sets."""
    given = task.get("input")
    asked = given.get("image_properties") if isinstance(given, Mapping) else None
    named = asked.items() if isinstance(asked, Mapping) else ()
    return {name: value for name, value in named if name not in _OF_GLANCE}
