"""One image, as the Images API shows it and as notifications carry it; requests that concern it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from glance_notify_middleware.events.matching import match
from glance_notify_middleware.events.notification import ImageEvent
from glance_notify_middleware.events.operations import Operation

Summary = tuple[str, str, Any]
"""The type, the priority and the payload of an event."""

IMAGE = "71c675ab-d94f-49cd-a114-e12490b328d9"
MEMBER = "8989447062e04a818baf9e073fd04fa7"
NOW = "2026-11-05T12:00:00Z"

RECORD: Mapping[str, Any] = {
    "id": IMAGE,
    "name": "cirros",
    "status": "active",
    "visibility": "public",
    "protected": False,
    "owner": "5ef70662f8b34079a6eddb8da9d75fe8",
    "size": 13287936,
    "virtual_size": 46137344,
    "checksum": "ee1eca47dc88f4879d8a229cc70a07c6",
    "container_format": "bare",
    "disk_format": "qcow2",
    "min_disk": 1,
    "min_ram": 64,
    "tags": ["blue"],
    "created_at": "2026-11-05T11:00:00Z",
    "updated_at": "2026-11-05T11:30:00Z",
    "os_distro": "cirros",
    "hw_disk_bus": "virtio",
    # what must not reach a payload
    "locations": [{"url": "swift+https://user:secret@store/c/o", "metadata": {}}],
    "direct_url": "file:///var/lib/glance/images/71c675ab",
    "file": f"/v2/images/{IMAGE}/file",
    "self": f"/v2/images/{IMAGE}",
    "schema": "/v2/schemas/image",
    "stores": "fast,cheap",
    "os_hidden": False,
    "os_hash_algo": "sha512",
    "os_hash_value": "1b03ca1b",
    "os_glance_stage_host": "http://glance-1.internal:9292",
    "os_glance_hash_op_host": "http://glance-2.internal:9292",
}

METADATA: Mapping[str, Any] = {
    "checksum": "ee1eca47dc88f4879d8a229cc70a07c6",
    "container_format": "bare",
    "created_at": "2026-11-05T11:00:00Z",
    "deleted": False,
    "deleted_at": None,
    "disk_format": "qcow2",
    "id": IMAGE,
    "is_public": True,
    "min_disk": 1,
    "min_ram": 64,
    "name": "cirros",
    "owner": "5ef70662f8b34079a6eddb8da9d75fe8",
    "properties": {"os_distro": "cirros", "hw_disk_bus": "virtio"},
    "protected": False,
    "size": 13287936,
    "status": "active",
    "tags": ["blue"],
    "updated_at": "2026-11-05T11:30:00Z",
    "virtual_size": 46137344,
    "visibility": "public",
}

SAVING: Mapping[str, Any] = {
    **METADATA,
    "status": "saving",
    "size": None,
    "checksum": None,
    "virtual_size": None,
}

DELETED: Mapping[str, Any] = {
    **METADATA,
    "status": "deleted",
    "deleted": True,
    "deleted_at": "2026-11-05T12:00:00Z",
    "updated_at": "2026-11-05T12:00:00Z",
}

MEMBER_RECORD: Mapping[str, Any] = {
    "image_id": IMAGE,
    "member_id": MEMBER,
    "status": "pending",
    "created_at": "2026-11-05T11:00:00Z",
    "updated_at": "2026-11-05T11:30:00Z",
    "schema": "/v2/schemas/member",
}

SHARED: Mapping[str, Any] = {
    "image_id": IMAGE,
    "member_id": MEMBER,
    "status": "pending",
    "created_at": "2026-11-05T11:00:00Z",
    "updated_at": "2026-11-05T11:30:00Z",
    "deleted": False,
    "deleted_at": None,
}

UNSHARED: Mapping[str, Any] = {**SHARED, "deleted": True, "deleted_at": "2026-11-05T12:00:00Z"}

CREATE = "POST images"
UPLOAD = f"PUT images/{IMAGE}/file"
STAGE = f"PUT images/{IMAGE}/stage"
SEND = f"GET images/{IMAGE}/file"
PATCH = f"PATCH images/{IMAGE}"
DEACTIVATE = f"POST images/{IMAGE}/actions/deactivate"
REACTIVATE = f"POST images/{IMAGE}/actions/reactivate"
TAG = f"PUT images/{IMAGE}/tags/blue"
UNTAG = f"DELETE images/{IMAGE}/tags/blue"
STORE_DELETE = f"DELETE stores/fast/{IMAGE}"
DELETE = f"DELETE images/{IMAGE}"
IMPORT = f"POST images/{IMAGE}/import"
ADD_LOCATION = f"POST images/{IMAGE}/locations"
MEMBER_CREATE = f"POST images/{IMAGE}/members"
MEMBER_UPDATE = f"PUT images/{IMAGE}/members/{MEMBER}"
MEMBER_DELETE = f"DELETE images/{IMAGE}/members/{MEMBER}"

CHANGES = (
    CREATE,
    UPLOAD,
    STAGE,
    PATCH,
    DEACTIVATE,
    REACTIVATE,
    TAG,
    UNTAG,
    STORE_DELETE,
    DELETE,
    IMPORT,
    ADD_LOCATION,
    MEMBER_CREATE,
    MEMBER_UPDATE,
    MEMBER_DELETE,
)
"""A request of each kind that is an operation, without the download."""


def operation(request: str, *, with_metadata: bool = False) -> Operation:
    """The operation of a request that is written like `DELETE images/{id}`.

    The payload of a delete is the id alone, unless `with_metadata` is true.
    """
    method, path = request.split(" ", 1)
    found = match(method, f"/v2/{path}", "", "")
    assert found is not None
    if request == DELETE and not with_metadata:
        found = found._replace(route=replace(found.route, source=None))
    return found


def summaries(events: Iterable[ImageEvent]) -> list[Summary]:
    return [(event.event_type.value, event.priority.value, event.payload) for event in events]
