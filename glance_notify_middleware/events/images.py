"""Image records and member records, as the Images API shows them, and the payloads made of them."""

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from glance_notify_middleware.events.bounds import bounded

ImageRecord = Mapping[str, Any]
"""Glance's JSON of an image, as version 2 of the API shows it."""

MemberRecord = Mapping[str, Any]
"""Glance's JSON of a member of an image."""

Metadata = dict[str, Any]
"""A payload of a notification: image metadata, or the metadata of a member."""

# The keys of image metadata that are copied from the record. They are the keys of native Glance
# (glance.notifier.format_image_notification, glance 33.0.0) without the four that are not simply
# copied: is_public, properties, deleted, deleted_at.
_COPIED = (
    "checksum",
    "container_format",
    "created_at",
    "disk_format",
    "id",
    "min_disk",
    "min_ram",
    "name",
    "owner",
    "protected",
    "size",
    "status",
    "tags",
    "updated_at",
    "virtual_size",
    "visibility",
)

# Keys of a v2 record that are no free properties and must not reach a payload: they hold
# locations, point to the API, or reveal internal host names.
_WITHHELD = frozenset(
    (
        "locations",
        "direct_url",
        "file",
        "self",
        "schema",
        "stores",
        "os_hidden",
        "os_hash_algo",
        "os_hash_value",
        "os_glance_stage_host",
        "os_glance_hash_op_host",
    )
)


def parse_json(body: bytes | str) -> Any:
    """The value of a JSON text that Glance, a client or this package wrote.

    Raises ValueError when `body` is no JSON, and RecursionError when it is nested too deeply.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        # Takes NaN and lone surrogates, which Glance's encoder writes, and any long number.
        return json.loads(body)


# The fields of a v1 record that reach a payload. Its other fields hold locations, or repeat what
# every payload holds anyway.
_COPIED_V1 = frozenset(_COPIED) - {"tags", "visibility"}
_NOT_PROPERTIES_V1 = frozenset((*_COPIED, "location", "copy_from", "uri"))
_NUMBERS_V1 = ("size", "virtual_size", "min_disk", "min_ram")
_FLAGS_V1 = ("is_public", "protected")
_TIMES_V1 = ("created_at", "updated_at")
_FIELD_HEADER_V1 = "x-image-meta-"
_PROPERTY_HEADER_V1 = "x-image-meta-property-"
_TO_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def record_from_v1(image: Mapping[str, Any]) -> Metadata:
    """A v1 image record, the `image` in the body of a response, as version 2 would show it.

    A free property with the name of a field is left out: it must not be taken for the field.
    """
    known = {key: value for key, value in image.items() if key in _COPIED_V1}
    for key in _TIMES_V1:
        seconds = _TO_SECONDS.match(str(known.get(key)))
        if seconds:
            known[key] = f"{seconds[0]}Z"
    public = image.get("is_public")
    known["visibility"] = None if public is None else "public" if public else "private"
    properties = image.get("properties")
    named = properties if isinstance(properties, Mapping) else {}
    free = {key: value for key, value in named.items() if key not in _NOT_PROPERTIES_V1}
    return {**free, **known, "tags": []}


def record_from_v1_headers(headers: Mapping[str, str]) -> Metadata:
    """The v1 image record in the headers of a response, as version 2 would show it.

    The names of `headers` are in lower case. The values are those of WSGI: each character is one
    byte of UTF-8.
    """
    image: Metadata = {"properties": {}}
    for name, value in headers.items():
        text = value.encode("latin-1", "replace").decode(errors="replace")
        if name.startswith(_PROPERTY_HEADER_V1):
            image["properties"][name.removeprefix(_PROPERTY_HEADER_V1)] = text
        elif name.startswith(_FIELD_HEADER_V1):
            key = name.removeprefix(_FIELD_HEADER_V1).replace("-", "_")
            image[key] = _typed_v1(key, text)
    return record_from_v1(image)


def _typed_v1(key: str, text: str) -> str | int | bool | None:
    """The value of a field that a header holds as text; None for a number that is none."""
    if key in _FLAGS_V1:
        return text.lower() == "true"
    if key in _NUMBERS_V1:
        return int(text) if text.isascii() and text.isdigit() else None
    return text or None


def metadata(record: ImageRecord) -> Metadata:
    """The 20 keys of image metadata.

    A key that the record lacks is null: Glance can refuse a look-up, and then little more than the
    id is known.
    """
    known: Metadata = dict.fromkeys(_COPIED)
    properties: Metadata = {}
    for key, value in record.items():
        if key in known:
            known[key] = value
        elif key not in _WITHHELD:
            properties[key] = value
    visibility = known["visibility"]
    known["is_public"] = None if visibility is None else visibility == "public"
    known["properties"] = properties
    known["deleted"] = False
    known["deleted_at"] = None
    return known


def deleted_metadata(record: ImageRecord, now: str) -> Metadata:
    """The metadata of an image that was deleted; `now` as `YYYY-MM-DDTHH:MM:SSZ`."""
    return metadata(record) | {
        "status": "deleted",
        "deleted": True,
        "deleted_at": now,
        "updated_at": now,
    }


def saving_metadata(
    record: ImageRecord, status: str = "saving", size: int | None = None
) -> Metadata:
    """The metadata of an image as it was when its upload began, from a later record.

    An import gives the image another `status` at that time. Data that was staged has its `size`, in
    bytes, already.
    """
    return metadata(record) | {
        "status": status,
        "size": size,
        "checksum": None,
        "virtual_size": None,
    }


def member_metadata(record: MemberRecord) -> Metadata:
    """The payload of image.member.create and image.member.update."""
    known = ("image_id", "member_id", "status", "created_at", "updated_at")
    return {key: record.get(key) for key in known} | {"deleted": False, "deleted_at": None}


def deleted_member_metadata(record: MemberRecord, now: str) -> Metadata:
    """The payload of image.member.delete; `now` as `YYYY-MM-DDTHH:MM:SSZ`."""
    return member_metadata(record) | {"deleted": True, "deleted_at": now}


def members_v1(image_id: str | None, body: bytes) -> list[Metadata]:
    """The payloads of image.member.update for the members in the body of a v1 `PUT .../members`.

    For a body that cannot be read there is one payload, and its member is unknown.
    """
    try:
        ids = [bounded(member["member_id"]) for member in parse_json(body)["memberships"]]
    except (LookupError, TypeError, ValueError, RecursionError):
        ids = [None]
    return [member_metadata({"image_id": image_id, "member_id": member_id}) for member_id in ids]
