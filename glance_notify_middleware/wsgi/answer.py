"""What has been seen of a response so far: its status, some headers, the start of its body."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse

from webob.byterange import ContentRange

from glance_notify_middleware.events import failure, images
from glance_notify_middleware.events.exchange import DATA_STATUSES
from glance_notify_middleware.wsgi.lookup import LONGEST_RECORD

_NO_BODY = (204, 304)


def hand_on(
    start_response: StartResponse,
    started: Callable[[str, list[tuple[str, str]]], object],
    status: str,
    headers: list[tuple[str, str]],
    exc_info: Any = None,
) -> Callable[[bytes], object]:
    """Call `start_response` as the application did, then `started`; returns the server's write().

    `started` is given the headers as the application gave them: a filter above may edit the list.
    """
    given = list(headers) if isinstance(headers, list) else []
    if exc_info is None:
        write = start_response(status, headers)
    else:
        write = start_response(status, headers, exc_info)
    started(status, given)
    return write


class Answer:
    """A response, as it passes by."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.reason = ""
        self.bytes_seen = 0
        self._headers: dict[str, str] = {}
        self._kept: list[bytes] = []

    def started(self, status: str, headers: Iterable[tuple[str, str]]) -> None:
        """The application gave (or, with exc_info, replaced) its status and headers."""
        code, _, self.reason = status.partition(" ")
        self._headers = {name.lower(): value for name, value in headers}
        self.status = int(code)

    def saw(self, chunk: bytes) -> None:
        """A piece of a small body; as much of it is kept as can be of use."""
        longest = failure.BYTES_READ if self.is_refusal else LONGEST_RECORD
        if self.bytes_seen < longest:
            self._kept.append(chunk[: longest - self.bytes_seen])
        self.bytes_seen += len(chunk)

    @property
    def is_refusal(self) -> bool:
        return self.status is not None and self.status >= 400

    @property
    def carries_data(self) -> bool:
        """Whether the body of a download is (or, before the status is known, may be) data."""
        return self.status is None or self.status in DATA_STATUSES

    @property
    def is_complete(self) -> bool:
        """Whether the client will have the whole answer with what was seen of it."""
        length = 0 if self.status in _NO_BODY else self._length()
        return self.status is not None and length is not None and self.bytes_seen >= length

    def promised_data(self, size: int | None) -> int | None:
        """How many bytes a download promised; None when any number keeps the promise.

        `size` is the image's, if known: a miss seen from above Glance's cache filter has
        neither a length nor a range.
        """
        length = self._length()
        if length is not None or self._headers.get("content-encoding"):
            return length
        if self.status == 206:
            part = ContentRange.parse(self._headers.get("content-range"))
            if part is None or part.start is None or part.stop is None:
                return None
            return part.stop - part.start
        return size

    def record(self, version: int) -> Mapping[str, Any] | None:
        """The record in the body. Where there is none to be read, what the headers tell of it.

        `version` is the API's: in 1 the record stands in an envelope.
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
        """The record that version 1 has in its headers."""
        return images.record_from_v1_headers(self._headers)

    def explanation(self) -> str:
        """What the body of a refusal explains; empty for any other answer."""
        if not self.is_refusal:
            return ""
        return failure.explanation(
            b"".join(self._kept),
            self._headers.get("content-type", ""),
            self._headers.get("content-encoding", ""),
        )

    def _length(self) -> int | None:
        text = self._headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None
