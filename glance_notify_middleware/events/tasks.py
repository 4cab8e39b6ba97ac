"""Tasks of Glance: what its lists and its task records show of background work.

Facts of glance 33.0.0:

* Each import and each added location is a task, and Glance lists it below the image.
* A task of the tasks API (async_/flows/base_import.py) creates the image itself. Its task record
  names the image once the task has ended well. A task that failed names none: Glance has removed
  what the task had made.
* The id is the only thing about a task that Glance alone chooses. The client chooses the request id
  and, with the tasks API, the image below which a task is listed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.images import ImageRecord
from glance_notify_middleware.events.notification import EventType, ImageEvent, Priority
from glance_notify_middleware.events.operations import Action, Operation

FAILURE, SUCCESS = "failure", "success"
"""The statuses of a task that has ended."""

TaskRecord = Mapping[str, Any]
"""Glance's JSON of a task."""

_TYPES = {Action.IMPORT: "api_image_import", Action.ADD_LOCATION: "location_import"}
_IMAGE_MAKING_TYPE = "import"  # of the tasks API

# Without all of these in its input, a task of the tasks API does nothing.
_REQUIRED_INPUT = ("import_from", "import_from_format", "image_properties")
_SET_BY_GLANCE = ("id", "status", "size", "checksum", "virtual_size", "created_at", "updated_at")

_MOST_IDS = 100  # ids of tasks that are kept for one image, for as long as its work is followed


class Task(NamedTuple):
    """One task of a list; `created_at` is as Glance writes it."""

    id: str
    status: str
    created_at: str


def parse_listing(answer: Mapping[str, Any] | None, action: Action) -> tuple[Task, ...] | None:
    """The tasks of `action` in Glance's answer to `{image}/tasks`; None when it holds no list."""
    listed = None if answer is None else answer.get("tasks")
    if not isinstance(listed, list):
        return None
    return tuple(
        Task(str(task.get("id")), str(task.get("status")), str(task.get("created_at")))
        for task in listed
        if isinstance(task, Mapping) and task.get("type", _TYPES[action]) == _TYPES[action]
    )


def ids_to_keep(tasks: Iterable[Task] | None) -> frozenset[str] | None:
    """The ids of `tasks`; None when there is no list, or when it has more than 100 tasks."""
    ids = frozenset(task.id for task in tasks or ())
    return None if tasks is None or len(ids) > _MOST_IDS else ids


def first_new_id(tasks: Iterable[Task], earlier: frozenset[str]) -> str | None:
    """The id of the oldest task that is not one of `earlier`.

    None when there is no such task, or when two such tasks were created at the same time.
    """
    new = sorted(
        (task for task in tasks if task.id not in earlier), key=lambda task: task.created_at
    )
    if len(new) > 1 and new[0].created_at == new[1].created_at:
        return None
    return new[0].id if new else None


def status_of(tasks: Iterable[Task], task_id: object) -> str | None:
    """The status of the task with this id; None when it is not listed."""
    return next((task.status for task in tasks if task.id == task_id), None)


def may_make_image(task: Mapping[str, Any]) -> bool:
    """Whether a task, or the request for one, can make an image: its type is `import` or absent."""
    return bool(task.get("type", _IMAGE_MAKING_TYPE) == _IMAGE_MAKING_TYPE)


def created_image_id(task: TaskRecord) -> str | None:
    """The id of the image that a task has made which has ended well; None when it names none."""
    result = task.get("result")
    image_id = result.get("image_id") if isinstance(result, Mapping) else None
    return image_id if isinstance(image_id, str) else None


def success_events(
    operation: Operation, task: TaskRecord, record: ImageRecord | None
) -> list[ImageEvent]:
    """The events of a task that has ended well.

    `record` is the record of its image, None when Glance did not give it. Glance creates the image
    with the disk format that was requested, and may find another one in the data.
    """
    requested = _requested_properties(task)
    known = {"status": "active", **requested, "id": operation.image_id, **(record or {})}
    disk_format = requested.get("disk_format", known.get("disk_format"))
    created = images.saving_metadata({**known, "disk_format": disk_format}, "queued")
    payload = images.metadata(known)
    return [
        ImageEvent(EventType.CREATE, Priority.INFO, created),
        ImageEvent(EventType.PREPARE, Priority.INFO, images.saving_metadata(known)),
        ImageEvent(EventType.UPLOAD, Priority.INFO, payload),
        ImageEvent(EventType.ACTIVATE, Priority.INFO, payload),
    ]


def failure_events(operation: Operation, task: TaskRecord) -> list[ImageEvent]:
    """The events of a task that has failed.

    image.create carries the properties that were requested, and no id: Glance has removed the image
    and names it nowhere. When the input lacks something that Glance requires, Glance created no
    image.
    """
    message = str(task.get("message") or "").encode(errors="replace")
    explained = failure.explanation(message, "", "")
    how = "Glance accepted it, and it failed" + (f": {explained}" if explained else "")
    text = failure.background_text(operation, how)
    given = task.get("input")
    if isinstance(given, Mapping) and not all(name in given for name in _REQUIRED_INPUT):
        return [ImageEvent(EventType.CREATE, Priority.ERROR, text)]
    requested = images.saving_metadata(_requested_properties(task), "queued")
    return [
        ImageEvent(EventType.CREATE, Priority.INFO, requested),
        ImageEvent(EventType.UPLOAD, Priority.ERROR, text),
    ]


def _requested_properties(task: TaskRecord) -> dict[str, Any]:
    """The properties that the input requests for the image, without what Glance alone sets."""
    given = task.get("input")
    requested = given.get("image_properties") if isinstance(given, Mapping) else None
    named = requested.items() if isinstance(requested, Mapping) else ()
    return {name: value for name, value in named if name not in _SET_BY_GLANCE}
