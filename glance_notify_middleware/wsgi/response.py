"""What has been seen of a response so far: its status, its headers, the start of its body."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from webob.byterange import ContentRange

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.exchange import DATA_STATUSES
from glance_notify_middleware.wsgi.lookup import LONGEST_RECORD

_NO_BODY = (204, 304)


class SeenResponse:
    """A response, as it passes by.

    `status` is None until the application has given it. `is_refusal`: the status is 400 or above.
    `carries_data`: the body of a download is image data; true, too, while the status is None.
    """

    status: int | None = None
    reason = ""
    is_refusal = False
    carries_data = True
    _kept: Sequence[bytes] = ()
    _given: Iterable[tuple[str, str]] = ()
    _known_headers: Mapping[str, str] | None = None
    _bytes_seen = 0  # of the chunks that were added

    def start(self, status: str, headers: Iterable[tuple[str, str]]) -> None:
        """The application gave its status line and headers, or with exc_info replaced them.

        Raises ValueError where the status line does not begin with a number.
        """
        code, _, self.reason = status.partition(" ")
        self._given, self._known_headers = headers, None
        self.status = status_code = int(code)
        self.is_refusal = status_code >= 400
        self.carries_data = status_code in DATA_STATUSES

    def add_chunk(self, chunk: bytes) -> None:
        """Keep a chunk of the body, as far as the record or the explanation may need it."""
        longest = failure.BYTES_READ if self.is_refusal else LONGEST_RECORD
        if self._bytes_seen < longest:
            self._kept = [*self._kept, chunk[: longest - self._bytes_seen]]
        self._bytes_seen += len(chunk)

    @property
    def body_start(self) -> bytes:
        """What was kept of the body: all of it, unless it is longer than any record."""
        return b"".join(self._kept)

    @property
    def is_complete(self) -> bool:
        """Whether the chunks that were added are the whole response, so that the client has it."""
        length = 0 if self.status in _NO_BODY else self.length
        return self.status is not None and length is not None and self._bytes_seen >= length

    def promised_bytes(self, size: Callable[[], int | None]) -> int | None:
        """How many bytes a download has promised; None where any number keeps the promise.

        `size` returns the image's size, if it is known. It is called only where the response does
        not state its own: a cache miss that is seen from above Glance's cache filter has neither a
        length nor a range.
        """
        length = self.length
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
            record = images.parse_json(self.body_start)
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
            self.body_start,
            self._headers.get("content-type", ""),
            self._headers.get("content-encoding", ""),
        )

    @property
    def _headers(self) -> Mapping[str, str]:
        if self._known_headers is None:
            self._known_headers = {name.lower(): value for name, value in self._given}
        return self._known_headers

    @property
    def length(self) -> int | None:
        """The length of the body that the response states; None where it states none."""
        text = self._headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None
