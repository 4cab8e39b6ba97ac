"""What Glance works on after a 202, as the image's record shows it -> the events that it means.

Pure. What Glance's tasks show of it stands in `tasks`. Facts of glance 33.0.0
(async_/flows/api_image_import.py, location_import.py): while it works the record names the task in
LOCK_KEY, from before the 202 to the very end. An import that has
begun leaves two lists of stores in the record, be they empty. One that failed leaves the status
at `queued`, and a `glance-direct` at `importing`; a copy never changes it. An import that fails
so that Glance fails again to undo it is back at `queued`, and keeps the lock.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import Action, Operation
from glance_notify_middleware.events.rules import ImageEvent

LOCK_KEY = "os_glance_import_task"

_TO_STORES = "os_glance_importing_to_stores"
_FAILED_STORES = "os_glance_failed_import"
_HAS_DATA = ("active", "deactivated")
_IS_GETTING_DATA = ("importing", "saving", *_HAS_DATA)

_Record = Mapping[str, Any]


class ImportRequest(NamedTuple):
    """What the body of an import asks for.

    `copies`: the method is copy-image; None where the body was not seen. `stores` are those that
    it names (none: the default one); None where it asks for all, or was not seen.
    """

    is_copy: bool | None = None
    stores: frozenset[str] | None = None


class BackgroundWork(NamedTuple):
    """An operation that Glance answered with 202; `before` is the record before it, if known."""

    operation: Operation
    requested: ImportRequest = ImportRequest()
    before: _Record | None = None

    @property
    def is_copy(self) -> bool:
        """Whether it only adds stores to an image that is active already."""
        if self.requested.is_copy is None:
            return (self.before or {}).get("status") == "active"
        return self.requested.is_copy


def parse_import(body: bytes | None) -> ImportRequest:
    """What the JSON in the body of an import says, `{"method": {"name": ...}, ...}`."""
    try:
        said = images.parse_json(body or b"")
        copies = said["method"]["name"] == "copy-image"
        stores = None if said.get("all_stores") else frozenset(map(str, said.get("stores", ())))
    except (LookupError, TypeError, ValueError, RecursionError):
        return ImportRequest()
    return ImportRequest(copies, stores)


def needed_fields(before: _Record | None) -> _Record | None:
    """What `before` of BackgroundWork needs of a record: not the image's locations, for hours."""
    needed = ("status", "size", "stores", _TO_STORES)
    return None if before is None else {key: before[key] for key in needed if key in before}


def has_begun(accepted: BackgroundWork, record: _Record) -> bool:
    """Whether Glance is at it, so that image.prepare can be told."""
    if accepted.operation.action is not Action.IMPORT:
        return False
    return LOCK_KEY in record if accepted.is_copy else record.get("status") in _IS_GETTING_DATA


def prepare_event(accepted: BackgroundWork, record: _Record) -> ImageEvent:
    """image.prepare, from a record that was found while Glance was at it, or after.

    Of several stores the first may be done by then: what Glance learns from the data is left out.
    A copy does not change what is known of the image.
    """
    known = {"id": accepted.operation.image_id, **record}
    if accepted.is_copy:
        return ImageEvent(EventType.PREPARE, Priority.INFO, images.metadata(known))
    size = (accepted.before or {}).get("size")
    payload = images.saving_metadata(known, "importing", size)
    return ImageEvent(EventType.PREPARE, Priority.INFO, payload)


def has_ended(
    accepted: BackgroundWork, record: _Record, task: object = None, *, prepared: bool = False
) -> bool:
    """Whether Glance has ended it; `task` is who was first seen to hold the lock, None: nobody yet.
    `prepared`: it was seen to have begun.

    Where the user may not read the lock (by a property_protection_file; glance 33.0.0 lets all
    read it), its absence says nothing: then an import is not believed to have failed.
    """
    has_data = record.get("status") in _HAS_DATA
    if accepted.operation.action is Action.ADD_LOCATION and has_data:
        return True  # Glance may be at its checksum for hours
    holder = record.get(LOCK_KEY)
    if holder is not None:
        is_anothers = task not in (None, holder)
        return is_anothers or _went_back(accepted, record, prepared=prepared)
    if accepted.operation.action is Action.ADD_LOCATION:
        return True
    if accepted.is_copy and accepted.requested.stores and not _new_stores(accepted, record):
        return _TO_STORES in record
    return has_data or _TO_STORES in record


def may_hold_later_data(record: _Record, task: object = None) -> bool:
    """Whether the image has its data, which a later request can have brought: an import of another
    process, an upload. While `task` holds the lock nobody else brings any.
    """
    holder = record.get(LOCK_KEY)
    is_free = holder is None or task not in (None, holder)
    return record.get("status") in _HAS_DATA and is_free


def without_pending_stores(record: _Record) -> _Record:
    """The record without the list of stores that a later operation may be at by now."""
    return {key: value for key, value in record.items() if key != _TO_STORES}


def end_events(
    accepted: BackgroundWork, record: _Record, *, prepared: bool, failed: bool | None = None
) -> list[ImageEvent]:
    """The events of what has settled, in order; `prepared`: image.prepare has been told; `failed`:
    it is known whether it has, whatever the record shows; None: the record shows it.

    None where a copy found the image in all stores already.
    """
    operation = accepted.operation
    succeeded = record.get("status") in _HAS_DATA
    unfilled = _unfilled(accepted, record)
    if accepted.is_copy:
        grew = accepted.before is None or bool(_new_stores(accepted, record))
        if not (grew or unfilled or prepared or failed or accepted.requested.stores is not None):
            return []
        succeeded = grew
    if failed is not None:
        succeeded = not failed
    how = f"{_HOW_IN_STORES} {', '.join(sorted(unfilled))}" if unfilled else _HOW
    payload = images.metadata({"id": operation.image_id, **record})
    done = ImageEvent(_END[operation.action], Priority.INFO, payload)
    if unfilled or not succeeded:
        done = done._replace(
            priority=Priority.ERROR, payload=failure.background_text(operation, how)
        )
    told = [done]
    if operation.action is Action.IMPORT and not prepared:
        told.insert(0, prepare_event(accepted, record))
    if succeeded and not accepted.is_copy:
        told.append(ImageEvent(EventType.ACTIVATE, Priority.INFO, payload))
    return told


def unknown_outcome_event(operation: Operation, why: str) -> ImageEvent:
    """The ERROR that says that nobody knows how it ended."""
    text = failure.unknown_outcome_text(failure.TRIED[operation.action], operation.subject_id, why)
    return ImageEvent(operation.route.failure_event, Priority.ERROR, text)


def _went_back(accepted: BackgroundWork, record: _Record, *, prepared: bool) -> bool:
    """Whether the image waits for data again, after Glance had begun."""
    if accepted.operation.action is not Action.IMPORT or record.get("status") != "queued":
        return False
    before = accepted.before or {}
    had_lists = accepted.before is None or _TO_STORES in before
    return (
        prepared or before.get("status") == "uploading" or (_TO_STORES in record and not had_lists)
    )


_END = {Action.IMPORT: EventType.UPLOAD, Action.ADD_LOCATION: EventType.UPDATE}
_HOW = "Glance accepted it, and it failed"
_HOW_IN_STORES = f"{_HOW} in"


def _unfilled(accepted: BackgroundWork, record: _Record) -> set[str]:
    """The stores of this import that did not get the data. The lists keep those of earlier ones."""
    if accepted.operation.action is not Action.IMPORT:
        return set()
    named = _names(record, _FAILED_STORES) | _names(record, _TO_STORES)
    if accepted.requested.stores is None:
        return named - _names(record, "stores")
    return named & accepted.requested.stores


def _new_stores(accepted: BackgroundWork, record: _Record) -> set[str]:
    return _names(record, "stores") - _names(accepted.before or {}, "stores")


def _names(record: _Record, key: str) -> set[str]:
    """The names of a list that is a text with commas."""
    return {name for name in str(record.get(key) or "").split(",") if name}
