"""An image record, as the Images API shows it -> image metadata, as notifications carry it."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

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


def parsed(body: bytes) -> Any:
    """What the JSON of a record says. Raises ValueError, or RecursionError, where it is none."""
    try:
        return orjson.loads(body)
    except ValueError:
        return json.loads(body)  # which takes NaN and lone surrogates, as Glance's encoder makes


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


def saving_metadata(record: Mapping[str, Any]) -> Metadata:
    """Image metadata as it was when the upload began, from a record found after it."""
    return metadata(record) | {
        "status": "saving",
        "size": None,
        "checksum": None,
        "virtual_size": None,
    }


def member(record: Mapping[str, Any]) -> Metadata:
    """The payload of image.member.create and .update from a v2 member record."""
    known = ("image_id", "member_id", "status", "created_at", "updated_at")
    return {key: record.get(key) for key in known} | {"deleted": False, "deleted_at": None}


def deleted_member(record: Mapping[str, Any], now: str) -> Metadata:
    """The payload of image.member.delete; `now` as `YYYY-MM-DDTHH:MM:SSZ`."""
    return member(record) | {"deleted": True, "deleted_at": now}
