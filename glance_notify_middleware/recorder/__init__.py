"""The seam between the WSGI side and delivery: the recorder, and several recorders as one."""

import enum
from collections.abc import Callable, Sequence
from typing import Protocol

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification


class NotRecordedError(Exception):
    """Some notifications could not be recorded: `lost`. The message is the reason."""

    def __init__(self, lost: Sequence[Notification], reason: str) -> None:
        super().__init__(reason)
        self.lost = lost


class Counted(enum.Enum):
    """What a recorder counts beside notifications, for operators."""

    LOOKUP_FOUND = "found"
    """A look-up that Glance has answered with a record."""
    LOOKUP_REFUSED = "refused"
    """A look-up that Glance has answered with 4xx."""
    LOOKUP_FAILED = "failed"
    """A look-up that had another answer, or at which Glance has raised."""
    UNKNOWN = "unknown"
    """Background work whose outcome is recorded as unknown."""
    FOLLOWED = "followed"
    """Background work that is followed now: 1 when that begins, -1 when it ends."""


class RunningDownload(Protocol):
    """A download whose body is being sent. It records its progress once it has sent `due` bytes."""

    due: float


class Recorder(Protocol):
    """Takes what the WSGI side records. The methods are called on the threads of requests."""

    def begin(self, begun: Intent) -> None:
        """Record that an operation is about to be given to Glance. Must not wait, as `record`."""

    def progress(self, running: Intent, progress: Progress) -> None:
        """Record how far a download has come."""

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Record the notifications of one moment of one operation, and the end of `ends`.

        `ends` is the intent of the operation; None where the operation goes on, or has no intent.
        Must not wait for anything. Raises NotRecordedError with the notifications that it could
        not record. The caller swallows every exception: it logs the lost notifications whole, and
        then ends the intent by a second call without notifications.
        """

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        """Record a deferred notification, as `record` does: a recorder that can store it as it is
        does so, any other one makes it into a notification."""

    def remind(self, running: RunningDownload) -> None:
        """Set `due` of the download to 0 every few seconds, for as long as anybody else holds it.

        The recorder must hold the download weakly: nobody takes it back.
        """

    def count(self, what: Counted, change: int = 1) -> None:
        """Count what operators want to know beside notifications."""

    def refuses(self) -> bool:
        """Whether operations are to be refused now, as their events could not be recorded.

        True only where the operator chose that (`journal_when_full = refuse`).
        """


class SeveralRecorders:
    """Several recorders as one, called in their order.

    Each is given all notifications, whatever the recorders before it could record.
    """

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        self._recorders = recorders

    def begin(self, begun: Intent) -> None:
        """Record with each that an operation is about to be given to Glance."""
        self._call_each(lambda recorder: recorder.begin(begun))

    def progress(self, running: Intent, progress: Progress) -> None:
        """Record with each how far a download has come."""
        self._call_each(lambda recorder: recorder.progress(running, progress))

    def remind(self, running: RunningDownload) -> None:
        """Have each remind the download of its progress."""
        self._call_each(lambda recorder: recorder.remind(running))

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Record with each. Raises NotRecordedError with all that any of them could not record.

        A notification that several recorders could not record is among the lost ones once.
        """
        self._record(lambda recorder: recorder.record(notifications, ends), lambda: notifications)

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        """Record it with each. Raises as `record` does."""
        self._record(
            lambda recorder: recorder.record_deferred(deferred, ends), lambda: [deferred.made()]
        )

    def _record(
        self, record: Callable[[Recorder], None], whole: Callable[[], Sequence[Notification]]
    ) -> None:
        """Call `record` for each; `whole` gives the notifications that it records."""
        lost: set[str] = set()
        reasons: list[str] = []
        for recorder in self._recorders:
            try:
                record(recorder)
            except NotRecordedError as error:
                lost |= {notification.message_id for notification in error.lost}
                reasons.append(str(error))
            except Exception as error:
                lost |= {notification.message_id for notification in whole()}
                reasons.append(f"{type(error).__name__}: {error}")
        if lost:
            missing = [each for each in whole() if each.message_id in lost]
            raise NotRecordedError(missing, "; ".join(reasons))

    def count(self, what: Counted, change: int = 1) -> None:
        """Count it with each."""
        self._call_each(lambda recorder: recorder.count(what, change))

    def refuses(self) -> bool:
        """Whether any of the recorders refuses operations now."""
        return any(recorder.refuses() for recorder in self._recorders)

    def _call_each(self, call: Callable[[Recorder], None]) -> None:
        """Call each recorder, whatever the ones before raised; then raise the first error."""
        errors: list[Exception] = []
        for recorder in self._recorders:
            try:
                call(recorder)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
