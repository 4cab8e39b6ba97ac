"""What was seen of one request and its response: the facts that the rules judge."""

from typing import NamedTuple

from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.images import ImageRecord
from glance_notify_middleware.events.operations import Operation

DATA_STATUSES = (200, 206)
"""The statuses of a download whose body is the data of the image."""


class RequestFacts(NamedTuple):
    """What is known of a request once the application has it.

    `bytes_read` is how many bytes of the body the application has read, at least: 0 is exact. It is
    None when the server hides the reads. `body_start` is the first of these bytes; it is None when
    no body was seen. `prepared` is true when image.prepare has been emitted.
    """

    requester: Requester
    destination_ip: str | None
    bytes_read: int | None = 0
    body_start: bytes | None = None
    prepared: bool = False


class ResponseFacts(NamedTuple):
    """What is known of a response when its event is due.

    `status` is None when the application raised before it gave one. `explanation` is what
    `failure.explanation` returned for an error. `error` names the class of the exception that the
    application raised. `bytes_sent` counts image data. `kept` is true when every promised byte of
    image data was sent.
    """

    status: int | None
    reason: str = ""
    explanation: str = ""
    error: str | None = None
    bytes_sent: int = 0
    kept: bool = False


class Exchange(NamedTuple):
    """One request/response pair as it was seen.

    `before` is the image record (when a member is removed: the member record) as it was before the
    request. It is None when the rules do not ask for it or when Glance did not give it.
    """

    operation: Operation
    request: RequestFacts
    response: ResponseFacts
    before: ImageRecord | None = None
