"""Several recorders in the place of one: each is given everything, whatever becomes of it there."""

from collections.abc import Sequence
from typing import Protocol

from glance_notify_middleware.notification import Notification, NotRecordedError


class _Recorder(Protocol):
    def record(self, notifications: Sequence[Notification]) -> None: ...

    def refuses(self) -> bool: ...


class Recorders:
    """Records with each of `recorders`, in their order."""

    def __init__(self, recorders: Sequence[_Recorder]) -> None:
        self._recorders = recorders

    def record(self, notifications: Sequence[Notification]) -> None:
        """Raises NotRecordedError with those that one or another could not take, once each."""
        lost: set[str] = set()
        reasons: list[str] = []
        for recorder in self._recorders:
            try:
                recorder.record(notifications)
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
