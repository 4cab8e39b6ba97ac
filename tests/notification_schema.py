"""Holds notifications to the JSON schema in etc/."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

PATH = Path(__file__).parents[1] / "etc" / "notification.schema.json"
SCHEMA: dict[str, Any] = json.loads(PATH.read_text())


def _closed(schema: Any) -> Any:
    """The schema, with no keys beside those that its objects name. Its readers must expect more:
    a later version may have more."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed


_VALIDATOR = Draft202012Validator(_closed(SCHEMA))


def hold_to_schema(notification: dict[str, Any]) -> None:
    """Raises AssertionError where the notification breaks the schema, or has a key beside it."""
    errors = list(_VALIDATOR.iter_errors(notification))
    assert not errors, [f"{error.json_path}: {error.message}" for error in errors]
