"""Background work: what an image record shows of it, and the events that follow.

Glance goes on with an import, or with an added location, after it has answered 202. Facts of
glance 33.0.0 (async_/flows/api_image_import.py, location_import.py):

* While Glance works, the image record holds the id of the task under LOCK_KEY, from before the 202
  to the very end.
* An import that has begun leaves two lists of stores in the image record. The lists can be empty.
* An import that failed leaves the status at `queued`, and a `glance-direct` import that failed
  leaves it at `importing`. A copy never changes the status.
* When Glance also fails to undo a failed import, the status is `queued` again and the lock stays.

What Glance's list of tasks shows of background work is judged in `tasks`.
"""

from typing import NamedTuple

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.images import ImageRecord
from glance_notify_middleware.events.notification import EventType, ImageEvent, Priority
from glance_notify_middleware.events.operations import Action, Operation

LOCK_KEY = "os_glance_import_task"
"""The key of an image record that holds the id of the task that Glance is working on."""

_PENDING_STORES = "os_glance_importing_to_stores"
_FAILED_STORES = "os_glance_failed_import"
_HAS_DATA = ("active", "deactivated")
_IS_GETTING_DATA = ("importing", "saving", *_HAS_DATA)

_END_EVENT = {Action.IMPORT: EventType.UPLOAD, Action.ADD_LOCATION: EventType.UPDATE}
_FAILED_LATER = "Glance accepted it, and it failed"


class ImportRequest(NamedTuple):
    """What the body of an import request asks for.

    `is_copy` is true when the method is copy-image, and None when the body was not seen. `stores`
    are the stores that the body names; it is empty when the default store is meant, and None when
    all stores are meant or when the body was not seen.
    """

    is_copy: bool | None = None
    stores: frozenset[str] | None = None


class BackgroundWork(NamedTuple):
    """An operation that Glance answered with 202; `before` is the earlier image record, if known.

    `requested` is empty for an operation that is no import.
    """

    operation: Operation
    requested: ImportRequest = ImportRequest()
    before: ImageRecord | None = None

    @property
    def is_copy(self) -> bool:
        """Whether the work only adds stores to an image that is active already."""
        if self.requested.is_copy is None:
            return (self.before or {}).get("status") == "active"
        return self.requested.is_copy


def parse_import(body: bytes | None) -> ImportRequest:
    """What the JSON body of an import, `{"method": {"name": ...}, ...}`, asks for.

    The result is empty when the body was not seen or is no such JSON.
    """
    try:
        request = images.parse_json(body or b"")
        is_copy = request["method"]["name"] == "copy-image"
        named = request.get("stores", ())
        stores = None if request.get("all_stores") else frozenset(map(str, named))
    except (LookupError, TypeError, ValueError, RecursionError):
        return ImportRequest()
    return ImportRequest(is_copy, stores)


def needed_fields(before: ImageRecord | None) -> ImageRecord | None:
    """The fields of an image record that BackgroundWork needs as `before`.

    BackgroundWork is kept for hours, and must not hold the locations of an image meanwhile.
    """
    needed = ("status", "size", "stores", _PENDING_STORES)
    return None if before is None else {key: before[key] for key in needed if key in before}


def has_begun(work: BackgroundWork, record: ImageRecord) -> bool:
    """Whether Glance has begun to bring the data, so that image.prepare is due."""
    if work.operation.action is not Action.IMPORT:
        return False
    return LOCK_KEY in record if work.is_copy else record.get("status") in _IS_GETTING_DATA


def prepare_event(work: BackgroundWork, record: ImageRecord) -> ImageEvent:
    """image.prepare, from an image record that was found while Glance worked, or afterwards.

    Glance may already have brought the data to the first of several stores. So the payload leaves
    out what Glance learns from the data. A copy changes nothing that the metadata shows.
    """
    known = {"id": work.operation.image_id, **record}
    if work.is_copy:
        return ImageEvent(EventType.PREPARE, Priority.INFO, images.metadata(known))
    size = (work.before or {}).get("size")
    payload = images.saving_metadata(known, "importing", size)
    return ImageEvent(EventType.PREPARE, Priority.INFO, payload)


def has_ended(
    work: BackgroundWork, record: ImageRecord, task: object = None, *, prepared: bool = False
) -> bool:
    """Whether Glance has ended the work.

    `task` is the task id that was first seen under LOCK_KEY, None when none was seen yet.
    `prepared` is true when the work was seen to have begun.

    An absent lock alone is no proof that an import has failed: a property_protection_file can hide
    the lock from the user (glance 33.0.0 itself lets every user read it).
    """
    has_data = record.get("status") in _HAS_DATA
    if work.operation.action is Action.ADD_LOCATION and has_data:
        return True  # Glance may go on for hours, with the checksum
    holder = record.get(LOCK_KEY)
    if holder is not None:
        lock_is_of_another_task = task not in (None, holder)
        return lock_is_of_another_task or _fell_back_to_queued(work, record, prepared=prepared)
    if work.operation.action is Action.ADD_LOCATION:
        return True
    if work.is_copy and work.requested.stores and not _new_stores(work, record):
        return _PENDING_STORES in record
    return has_data or _PENDING_STORES in record


def _fell_back_to_queued(work: BackgroundWork, record: ImageRecord, *, prepared: bool) -> bool:
    """Whether the image waits for data again, after Glance had begun the import."""
    if work.operation.action is not Action.IMPORT or record.get("status") != "queued":
        return False
    before = work.before or {}
    may_have_had_lists = work.before is None or _PENDING_STORES in before
    return (
        prepared
        or before.get("status") == "uploading"
        or (_PENDING_STORES in record and not may_have_had_lists)
    )


def may_hold_later_data(record: ImageRecord, task: object = None) -> bool:
    """Whether the image has data that a later request can have brought.

    Such a request is an upload, or an import that another process has accepted. While `task` holds
    the lock, no other request brings data.
    """
    holder = record.get(LOCK_KEY)
    is_free = holder is None or task not in (None, holder)
    return record.get("status") in _HAS_DATA and is_free


def without_pending_stores(record: ImageRecord) -> ImageRecord:
    """The record without the list of stores that a later operation may be filling by then."""
    return {key: value for key, value in record.items() if key != _PENDING_STORES}


def end_events(
    work: BackgroundWork, record: ImageRecord, *, prepared: bool, failed: bool | None = None
) -> list[ImageEvent]:
    """The events of work that has ended, in order.

    `prepared` is true when image.prepare has been emitted. `failed` is the outcome when it is known
    otherwise, whatever the record shows; it is None when the record shows the outcome. There is no
    event when a copy found the image in all stores already.
    """
    operation = work.operation
    succeeded = record.get("status") in _HAS_DATA
    unfilled = _unfilled_stores(work, record)
    if work.is_copy:
        grew = work.before is None or bool(_new_stores(work, record))
        names_stores = work.requested.stores is not None
        if not (grew or unfilled or prepared or failed or names_stores):
            return []
        succeeded = grew
    if failed is not None:
        succeeded = not failed
    payload = images.metadata({"id": operation.image_id, **record})
    end = ImageEvent(_END_EVENT[operation.action], Priority.INFO, payload)
    if unfilled or not succeeded:
        how = f"{_FAILED_LATER} in {', '.join(sorted(unfilled))}" if unfilled else _FAILED_LATER
        text = failure.background_text(operation, how)
        end = ImageEvent(end.event_type, Priority.ERROR, text)
    events = [end]
    if operation.action is Action.IMPORT and not prepared:
        events.insert(0, prepare_event(work, record))
    if succeeded and not work.is_copy:
        events.append(ImageEvent(EventType.ACTIVATE, Priority.INFO, payload))
    return events


def unknown_outcome_event(operation: Operation, why: str) -> ImageEvent:
    """The ERROR for background work whose outcome is unknown; `why` is the reason, as a text."""
    text = failure.unknown_outcome_text(failure.TRIED[operation.action], operation.subject_id, why)
    return ImageEvent(operation.route.failure_event, Priority.ERROR, text)


def _unfilled_stores(work: BackgroundWork, record: ImageRecord) -> set[str]:
    """The stores of this import that did not get the data.

    The lists in the image record also keep the stores of earlier imports.
    """
    if work.operation.action is not Action.IMPORT:
        return set()
    listed = _store_names(record, _FAILED_STORES) | _store_names(record, _PENDING_STORES)
    if work.requested.stores is None:
        return listed - _store_names(record, "stores")
    return listed & work.requested.stores


def _new_stores(work: BackgroundWork, record: ImageRecord) -> set[str]:
    return _store_names(record, "stores") - _store_names(work.before or {}, "stores")


def _store_names(record: ImageRecord, key: str) -> set[str]:
    """The names in a list that Glance writes as one text with commas."""
    return {name for name in str(record.get(key) or "").split(",") if name}
