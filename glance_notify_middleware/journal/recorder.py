"""Takes what requests tell into the journal of the process that serves them."""

from collections.abc import Callable, Sequence

from glance_notify_middleware.events import intent
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Message, Notification
from glance_notify_middleware.journal.writer import Journal, NotWrittenError
from glance_notify_middleware.recorder import NotRecordedError, RunningDownload


class JournalRecorder:
    """`journal` gives the journal of the process that calls: a server may fork at any time."""

    def __init__(self, journal: Callable[[], Journal], *, refuse_when_full: bool) -> None:
        self._journal = journal
        self._refuse_when_full = refuse_when_full

    def begin(self, begun: Intent) -> None:
        """It is in the journal from now on, if that can take it."""
        self._journal().begin(begun.key, intent.encode(begun))

    def progress(self, running: Intent, progress: Progress) -> None:
        """A download is running, and has come so far."""
        self._journal().progress(running.key, intent.encode_progress(progress))

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Raises NotRecordedError with all of them, where they could not be written: then the
        intent has not ended."""
        key = None if ends is None else ends.key
        if notifications:
            try:
                self._journal().record([message(each) for each in notifications], key)
            except NotWrittenError as error:
                raise NotRecordedError(notifications, str(error)) from error
        elif key is not None:
            self._journal().end(key)

    def remind(self, running: RunningDownload) -> None:
        """It is reminded every few seconds."""
        self._journal().reminders.add(running)

    def refuses(self) -> bool:
        """Whether no operation may begin, as its events could not be recorded."""
        return self._refuse_when_full and self._journal().health.is_full


def message(notification: Notification) -> Message:
    """The notification as it is stored."""
    return Message(
        notification.message_id,
        notification.event_type,
        notification.priority,
        notification.timestamp,
        notification.to_json(),
    )
