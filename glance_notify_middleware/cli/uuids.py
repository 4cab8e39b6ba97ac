"""UUIDs among arguments: the ids of images and of messages."""

import uuid


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID with its hyphens, as Glance and notifications write it."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
