"""The recorder whose notifications go into the journal of the process that serves the request."""

from collections.abc import Callable, Sequence

from glance_notify_middleware.events import intent
from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Message, Notification
from glance_notify_middleware.journal.writer import Journal, NotWrittenError
from glance_notify_middleware.recorder import Counted, NotRecordedError, RunningDownload


class JournalRecorder:
    """A Recorder: see glance_notify_middleware.recorder."""

    def __init__(self, journal: Callable[[], Journal], *, refuse_when_full: bool) -> None:
        """`journal` gives the journal of the process that calls: a server may fork at any time.
        `refuse_when_full` is journal_when_full = refuse."""
        self._journal = journal
        self._refuse_when_full = refuse_when_full

    def begin(self, begun: Intent) -> None:
        """Append the intent, if that is possible at present."""
        self._journal().begin(begun.key, intent.encode(begun))

    def progress(self, running: Intent, progress: Progress) -> None:
        """Append how far the download of the intent has come."""
        self._journal().progress(running.key, intent.encode_progress(progress))

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Append the notifications of one moment, which end the intent `ends`.

        Raises NotRecordedError with all of them, where they cannot be appended: then the intent is
        still open.
        """
        key = None if ends is None else ends.key
        if notifications:
            try:
                self._journal().record([Message.of(each) for each in notifications], key)
            except NotWrittenError as error:
                raise NotRecordedError(notifications, str(error)) from error
        elif key is not None:
            self._journal().end(key)

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        """Append the notification with the answer as it is. Raises as `record` does."""
        try:
            self._journal().record_deferred(deferred, None if ends is None else ends.key)
        except NotWrittenError as error:
            raise NotRecordedError([deferred.made()], str(error)) from error

    def remind(self, running: RunningDownload) -> None:
        """Remind the download every few seconds to record its progress."""
        self._journal().reminders.add(running)

    def count(self, what: Counted, change: int = 1) -> None:
        """Count it among the counters of the process."""
        self._journal().count(what, change)

    def refuses(self) -> bool:
        """Whether no operation may begin, as its events could not be recorded."""
        return self._refuse_when_full and self._journal().health.is_full
