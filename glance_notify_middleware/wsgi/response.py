"""What has been seen of a response so far: its status, its headers, the start of its body."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse

from webob.byterange import ContentRange

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.exchange import DATA_STATUSES
from glance_notify_middleware.wsgi.lookup import LONGEST_RECORD

_NO_BODY = (204, 304)


def pass_start_response(
    start_response: StartResponse,
    started: Callable[[str, list[tuple[str, str]]], object],
    status: str,
    headers: list[tuple[str, str]],
    exc_info: Any = None,
) -> Callable[[bytes], object]:
    """Call `start_response` as the application has called it, then `started`.

    Returns the server's write(). `started` is given a copy of the headers as the application gave
    them, as a filter above may change the list (an empty list where they are no list).
    """
    given = list(headers) if isinstance(headers, list) else []
    if exc_info is None:
        write = start_response(status, headers)
    else:
        write = start_response(status, headers, exc_info)
    started(status, given)
    return write


class SeenResponse:
    """A response, as it passes by.

    `status` is None until the application has given it. `is_refusal`: the status is 400 or above.
    `carries_data`: the body of a download is image data; true, too, while the status is None.
    """

    __slots__ = (
        "_bytes_seen",
        "_headers",
        "_kept",
        "carries_data",
        "is_refusal",
        "reason",
        "status",
    )

    def __init__(self) -> None:
        self.status: int | None = None
        self.reason = ""
        self.is_refusal = False
        self.carries_data = True
        self._headers: dict[str, str] = {}
        self._kept: list[bytes] = []
        self._bytes_seen = 0  # of the chunks that were added

    def start(self, status: str, headers: Iterable[tuple[str, str]]) -> None:
        """The application gave its status line and headers, or with exc_info replaced them.

        Raises ValueError where the status line does not begin with a number.
        """
        code, _, self.reason = status.partition(" ")
        self._headers = {name.lower(): value for name, value in headers}
        self.status = status_code = int(code)
        self.is_refusal = status_code >= 400
        self.carries_data = status_code in DATA_STATUSES

    def add_chunk(self, chunk: bytes) -> None:
        """Keep a chunk of the body, as far as the record or the explanation may need it."""
        longest = failure.BYTES_READ if self.is_refusal else LONGEST_RECORD
        if self._bytes_seen < longest:
            self._kept.append(chunk[: longest - self._bytes_seen])
        self._bytes_seen += len(chunk)

    @property
    def is_complete(self) -> bool:
        """Whether the chunks that were added are the whole response, so that the client has it."""
        length = 0 if self.status in _NO_BODY else self._content_length()
        return self.status is not None and length is not None and self._bytes_seen >= length

    def promised_bytes(self, size: Callable[[], int | None]) -> int | None:
        """How many bytes a download has promised; None where any number keeps the promise.

        `size` returns the image's size, if it is known. It is called only where the response does
        not state its own: a cache miss that is seen from above Glance's cache filter has neither a
        length nor a range.
        """
        length = self._content_length()
        if length is not None or self._headers.get("content-encoding"):
            return length
        if self.status == 206:
            part = ContentRange.parse(self._headers.get("content-range"))
            if part is None or part.start is None or part.stop is None:
                return None
            return part.stop - part.start
        return size()

    def record_in_body(self, version: int) -> Mapping[str, Any] | None:
        """The record in the body; where the body holds none, the id that Location ends with.

        `version` is the API's: in version 1 the record stands in an envelope. None where neither
        is there.
        """
        try:
            record = images.parse_json(b"".join(self._kept))
        except (ValueError, RecursionError):
            record = None
        if version == 1 and isinstance(record, dict):
            record = record.get("image")
        if isinstance(record, dict):
            return images.record_from_v1(record) if version == 1 else record
        location = self._headers.get("location", "")
        return {"id": location.rpartition("/")[2]} if location else None

    def record_in_headers(self) -> Mapping[str, Any]:
        """The image record that version 1 of the API gives in headers."""
        return images.record_from_v1_headers(self._headers)

    def explanation(self) -> str:
        """What the body of a refusal explains; empty for any other response."""
        if not self.is_refusal:
            return ""
        return failure.explanation(
            b"".join(self._kept),
            self._headers.get("content-type", ""),
            self._headers.get("content-encoding", ""),
        )

    def _content_length(self) -> int | None:
        text = self._headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None
