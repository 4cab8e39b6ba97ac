"""Several recorders in the place of one: each is given everything, whatever becomes of it there."""

from collections.abc import Sequence

from glance_notify_middleware.intent import Intent, Progress
from glance_notify_middleware.notification import Notification, NotRecordedError
from glance_notify_middleware.telling import Recorder, Running


class Recorders:
    """Records with each of `recorders`, in their order."""

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

    def remind(self, running: Running) -> None:
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
