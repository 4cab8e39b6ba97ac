"""The operations of the event contract, as a table of their own beside ROUTES."""

from hypothesis import strategies as st

from glance_notify_middleware.events.operations import Operation

IMAGE = "71c675ab-d94f-49cd-a114-e12490b328d9"
MEMBER = "8989447062e04a818baf9e073fd04fa7"

UPLOAD = ["image.prepare", "image.upload", "image.activate"]

# (method, path below the version), event types of a success, event type of a refusal
TABLE = {
    ("POST", "images"): (["image.create"], "image.create"),
    ("PUT", f"images/{IMAGE}/file"): (UPLOAD, "image.upload"),
    ("PUT", f"images/{IMAGE}/stage"): (["image.update"], "image.update"),
    ("GET", f"images/{IMAGE}/file"): (["image.send"], "image.send"),
    ("POST", f"images/{IMAGE}/import"): (UPLOAD, "image.upload"),
    ("POST", f"images/{IMAGE}/locations"): (["image.update", "image.activate"], "image.update"),
    ("POST", "tasks"): (["image.create", *UPLOAD], "image.create"),
    ("PATCH", f"images/{IMAGE}"): (["image.update", "image.activate"], "image.update"),
    ("POST", f"images/{IMAGE}/actions/deactivate"): (["image.update"], "image.update"),
    ("POST", f"images/{IMAGE}/actions/reactivate"): (["image.update"], "image.update"),
    ("PUT", f"images/{IMAGE}/tags/blue"): (["image.update"], "image.update"),
    ("DELETE", f"images/{IMAGE}/tags/blue"): (["image.update"], "image.update"),
    ("DELETE", f"stores/fast/{IMAGE}"): (["image.update"], "image.update"),
    ("DELETE", f"images/{IMAGE}"): (["image.delete"], "image.delete"),
    ("POST", f"images/{IMAGE}/members"): (["image.member.create"], "image.member.create"),
    ("PUT", f"images/{IMAGE}/members/{MEMBER}"): (["image.member.update"], "image.member.update"),
    ("DELETE", f"images/{IMAGE}/members/{MEMBER}"): (
        ["image.member.delete"],
        "image.member.delete",
    ),
}
TABLE_V1 = {
    ("POST", "images"): (["image.create", *UPLOAD], "image.create"),
    ("PUT", f"images/{IMAGE}"): ([*UPLOAD, "image.update"], "image.update"),
    ("GET", f"images/{IMAGE}"): (["image.send"], "image.send"),
    ("DELETE", f"images/{IMAGE}"): (["image.delete"], "image.delete"),
    ("PUT", "images/detail"): ([*UPLOAD, "image.update"], "image.update"),
    ("DELETE", "images/detail"): (["image.delete"], "image.delete"),
    ("PUT", f"images/{IMAGE}/members"): (["image.member.update"], "image.member.update"),
    ("PUT", f"images/{IMAGE}/members/{MEMBER}"): (["image.member.create"], "image.member.create"),
    ("DELETE", f"images/{IMAGE}/members/{MEMBER}"): (
        ["image.member.delete"],
        "image.member.delete",
    ),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = sorted({path for _, path in TABLE})

# The texts in a WSGI environ: each character stands for one byte.
WSGI_TEXT = st.text(st.characters(max_codepoint=255))
TABLE_ROWS = st.sampled_from(sorted(TABLE))


def types(operation: Operation | None) -> tuple[list[str], str] | None:
    """The event types of an operation that succeeds, and of one that does not."""
    if operation is None:
        return None
    route = operation.route
    return [event_type.value for event_type in route.success_events], route.failure_event.value
