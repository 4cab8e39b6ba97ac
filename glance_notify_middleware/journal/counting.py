"""The recorder of the logging strategy alone, where an operator wants its notifications counted."""

from collections.abc import Callable, Sequence

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import EventType, Message, Notification
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.recorder import Counted, NotRecordedError, Recorder, RunningDownload


class CountingRecorder:
    """Has another recorder write, and counts in the journal of the process, which stores nothing.

    That recorder keeps no intents: an operation whose process dies in the middle counts for
    nothing.
    """

    def __init__(self, writing: Recorder, journal: Callable[[], Journal]) -> None:
        """`writing` writes; `journal` gives the journal of the process that calls."""
        self._writing = writing
        self._journal = journal

    def begin(self, begun: Intent) -> None:
        """See Recorder."""
        self._writing.begin(begun)

    def progress(self, running: Intent, progress: Progress) -> None:
        """See Recorder."""
        self._writing.progress(running, progress)

    def remind(self, running: RunningDownload) -> None:
        """See Recorder."""
        self._writing.remind(running)

    def count(self, what: Counted, change: int = 1) -> None:
        """Count it among the counters of the process."""
        self._journal().count(what, change)

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Have the notifications written, and count them. Raises NotRecordedError, as `writing`
        does, with those that are counted as dropped."""
        lost: Sequence[Notification] = ()
        try:
            self._writing.record(notifications, ends)
        except NotRecordedError as error:
            lost = error.lost
            raise
        finally:
            written = [_message(each) for each in notifications if each not in lost]
            self._journal().count_written(written, len(lost))

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        """Make the notification, and record it."""
        self.record([deferred.made()], ends)

    def refuses(self) -> bool:
        """See Recorder."""
        return self._writing.refuses()


def _message(notification: Notification) -> Message:
    """What is counted of a notification. Only a download is counted by its payload, too."""
    is_download = notification.event_type is EventType.SEND
    return Message(
        notification.message_id,
        notification.event_type,
        notification.priority,
        notification.timestamp,
        notification.to_json() if is_download else b"",
    )
