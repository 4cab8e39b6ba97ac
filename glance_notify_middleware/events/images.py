"""An image record, as the Images API shows it -> image metadata, as notifications carry it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from glance_notify_middleware.events.bounds import bounded

Metadata = dict[str, Any]

# What native Glance sends (glance.notifier.format_image_notification, glance 33.0.0),
# less the four that are not simply copied: is_public, properties, deleted, deleted_at.
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
# locations, point to the API, or tell internal host names.
_NEVER_TOLD = (
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

_NO_PROPERTIES = frozenset(_COPIED + _NEVER_TOLD)


def parse_json(body: bytes) -> Any:
    """What the JSON of a record says. Raises ValueError, or RecursionError, where it is none."""
    try:
        return orjson.loads(body)
    except ValueError:
        return json.loads(body)  # which takes NaN and lone surrogates, as Glance's encoder makes


# The fields of a v1 record that are told. Its others hold locations, or say what every payload
# says anyway.
_TOLD_V1 = frozenset(_COPIED) - {"tags", "visibility"}
_NO_PROPERTIES_V1 = frozenset((*_COPIED, "location", "copy_from", "uri"))
_NUMBERS_V1 = ("size", "virtual_size", "min_disk", "min_ram")
_FLAGS_V1 = ("is_public", "protected")
_TIMES_V1 = ("created_at", "updated_at")
_META_V1 = "x-image-meta-"
_PROPERTY_V1 = "x-image-meta-property-"
_TO_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def record_from_v1(image: Mapping[str, Any]) -> Metadata:
    """A v1 record, the `image` of an answer's body, as v2 would show it.

    A free property that is named like a field is not told: it is not to be taken for the field.
    """
    known = {key: value for key, value in image.items() if key in _TOLD_V1}
    for key in _TIMES_V1:
        seconds = _TO_SECONDS.match(str(known.get(key)))
        if seconds:
            known[key] = f"{seconds[0]}Z"
    public = image.get("is_public")
    known["visibility"] = None if public is None else "public" if public else "private"
    properties = image.get("properties")
    named = properties if isinstance(properties, Mapping) else {}
    free = {key: value for key, value in named.items() if key not in _NO_PROPERTIES_V1}
    return {**free, **known, "tags": []}


def record_from_v1_headers(headers: Mapping[str, str]) -> Metadata:
    """The v1 record that is in an answer's headers, as v2 would show it.

    The names in lower case, the values as WSGI has them: each character is a byte of UTF-8.
    """
    image: Metadata = {"properties": {}}
    for name, value in headers.items():
        text = value.encode("latin-1", "replace").decode(errors="replace")
        if name.startswith(_PROPERTY_V1):
            image["properties"][name.removeprefix(_PROPERTY_V1)] = text
        elif name.startswith(_META_V1):
            key = name.removeprefix(_META_V1).replace("-", "_")
            image[key] = _typed_v1(key, text)
    return record_from_v1(image)


def _typed_v1(key: str, text: str) -> str | int | bool | None:
    """The value of a field that is text in a header; what is no number where one should be: none"""
    if key in _FLAGS_V1:
        return text.lower() == "true"
    if key in _NUMBERS_V1:
        return int(text) if text.isascii() and text.isdigit() else None
    return text or None


def metadata(record: Mapping[str, Any]) -> Metadata:
    """The 20 keys of image metadata from a v2 image record.

    A key that the record lacks is null: a look-up can be refused, and then little more
    than the id is known.
    """
    get = record.get
    known = {key: get(key) for key in _COPIED}
    visibility = known["visibility"]
    known["is_public"] = None if visibility is None else visibility == "public"
    known["properties"] = {k: v for k, v in record.items() if k not in _NO_PROPERTIES}
    known["deleted"] = False
    known["deleted_at"] = None
    return known


def deleted_metadata(record: Mapping[str, Any], now: str) -> Metadata:
    """Image metadata of a record that is no more; `now` as `YYYY-MM-DDTHH:MM:SSZ`."""
    return metadata(record) | {
        "status": "deleted",
        "deleted": True,
        "deleted_at": now,
        "updated_at": now,
    }


def saving_metadata(
    record: Mapping[str, Any], status: str = "saving", size: int | None = None
) -> Metadata:
    """Image metadata as it was when the upload began, from a record found after it.

    An import gives the image another `status` then; data that was staged has its `size` already.
    """
    return metadata(record) | {
        "status": status,
        "size": size,
        "checksum": None,
        "virtual_size": None,
    }


def member_metadata(record: Mapping[str, Any]) -> Metadata:
    """The payload of image.member.create and .update from a v2 member record."""
    known = ("image_id", "member_id", "status", "created_at", "updated_at")
    return {key: record.get(key) for key in known} | {"deleted": False, "deleted_at": None}


def deleted_member_metadata(record: Mapping[str, Any], now: str) -> Metadata:
    """The payload of image.member.delete; `now` as `YYYY-MM-DDTHH:MM:SSZ`."""
    return member_metadata(record) | {"deleted": True, "deleted_at": now}


def members_v1(image_id: str | None, body: bytes) -> list[Metadata]:
    """The payloads of image.member.update of all that a v1 `PUT .../members` names in its body.

    Where that cannot be read there is one, of a member that is not known.
    """
    try:
        named = [bounded(each["member_id"]) for each in parse_json(body)["memberships"]]
    except (LookupError, TypeError, ValueError, RecursionError):
        named = [None]
    return [member_metadata({"image_id": image_id, "member_id": each}) for each in named]
