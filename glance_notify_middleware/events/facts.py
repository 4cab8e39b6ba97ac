"""Facts as the journal stores them: short texts and numbers, as a JSON array on one line."""

from collections.abc import Sequence

import orjson


def encode_facts(facts: Sequence[object]) -> bytes:
    """The JSON array of these facts. Lone surrogates, which UTF-8 cannot express, are replaced."""
    try:
        return orjson.dumps(facts)
    except TypeError:
        return orjson.dumps([_wire_safe(fact) for fact in facts])


def _wire_safe(value: object) -> object:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
