"""Takes the notifications of requests into the journal of the process that serves them."""

from collections.abc import Callable, Sequence

from glance_notify_middleware.journal.writer import Journal, NotWrittenError
from glance_notify_middleware.notification import Message, Notification, NotRecordedError


class JournalRecorder:
    """`journal` gives the journal of the process that calls: a server may fork at any time."""

    def __init__(self, journal: Callable[[], Journal], *, refuse_when_full: bool) -> None:
        self._journal = journal
        self._refuse_when_full = refuse_when_full

    def record(self, notifications: Sequence[Notification]) -> None:
        """Raises NotRecordedError with all of them, where they could not be written."""
        messages = [
            Message(
                each.message_id,
                each.event_type,
                each.priority,
                each.timestamp,
                each.to_json(),
            )
            for each in notifications
        ]
        try:
            self._journal().record(messages)
        except NotWrittenError as error:
            raise NotRecordedError(notifications, str(error)) from error

    def refuses(self) -> bool:
        """Whether no operation may begin, as its events could not be recorded."""
        return self._refuse_when_full and self._journal().is_full
