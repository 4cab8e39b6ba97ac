"""The event contract, pure: from what was seen of a request to events and messages."""
