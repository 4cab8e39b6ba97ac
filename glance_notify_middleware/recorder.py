"""The seam between the WSGI side and delivery: what a recorder does, and several as one."""

from collections.abc import Sequence
from typing import Protocol

from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification


class NotRecordedError(Exception):
    """Some notifications could not be recorded: `lost`, for the reason that the message tells."""

    def __init__(self, lost: Sequence[Notification], reason: str) -> None:
        super().__init__(reason)
        self.lost = lost


class RunningDownload(Protocol):
    """A download that runs. It tells its progress when it has sent `due` bytes."""

    due: float


class Recorder(Protocol):
    """Takes what the WSGI side records."""

    def begin(self, begun: Intent) -> None:
        """An operation is about to be given to Glance. As `record`, it must not wait."""

    def progress(self, running: Intent, progress: Progress) -> None:
        """A download has come so far."""

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Take the notifications of one moment of one operation, which ends the intent `ends`.

        Called on the request's thread: must not wait for anything. Raises NotRecordedError where
        it could not take some of them. Whatever it raises costs the request nothing, and what
        is lost is logged whole; then the intent is ended by a call without notifications.
        """

    def remind(self, running: RunningDownload) -> None:
        """Have `due` of it set to 0 every few seconds, for as long as anybody else holds it."""

    def refuses(self) -> bool:
        """Whether no operation may begin now that would be an event: the operator chose so."""


class SeveralRecorders:
    """Several in the place of one: each is given everything, whatever becomes of it there.

    Records with each of `recorders`, in their order."""

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        self._recorders = recorders

    def begin(self, begun: Intent) -> None:
        """An operation is about to be given to Glance."""
        for recorder in self._recorders:
            recorder.begin(begun)

    def progress(self, running: Intent, progress: Progress) -> None:
        """A download has come so far."""
        for recorder in self._recorders:
            recorder.progress(running, progress)

    def remind(self, running: RunningDownload) -> None:
        """A download is reminded every few seconds."""
        for recorder in self._recorders:
            recorder.remind(running)

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Raises NotRecordedError with those that one or another could not take, once each."""
        lost: set[str] = set()
        reasons: list[str] = []
        for recorder in self._recorders:
            try:
                recorder.record(notifications, ends)
            except NotRecordedError as error:
                lost |= {each.message_id for each in error.lost}
                reasons.append(str(error))
            except Exception as error:
                lost |= {each.message_id for each in notifications}
                reasons.append(f"{type(error).__name__}: {error}")
        if lost:
            missing = [each for each in notifications if each.message_id in lost]
            raise NotRecordedError(missing, "; ".join(reasons))

    def refuses(self) -> bool:
        """Whether one of them does."""
        return any(recorder.refuses() for recorder in self._recorders)
