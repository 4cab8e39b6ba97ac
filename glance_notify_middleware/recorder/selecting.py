"""A recorder of one target, or of several, that is given what these get and no more."""

from collections.abc import Sequence

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification, Priority
from glance_notify_middleware.events.selection import Selection
from glance_notify_middleware.recorder import (
    Counted,
    NotRecordedError,
    Recorder,
    RunningDownload,
)


class SelectingRecorder:
    """Has another recorder record what a selection has."""

    def __init__(self, recorder: Recorder, selection: Selection) -> None:
        self._recorder = recorder
        self._selection = selection

    def begin(self, begun: Intent) -> None:
        """Record the intent, if the ERROR that its unknown outcome would be is selected."""
        if self._selection.has(begun.event_type, Priority.ERROR):
            self._recorder.begin(begun)

    def progress(self, running: Intent, progress: Progress) -> None:
        """See Recorder."""
        self._recorder.progress(running, progress)

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Record those that are selected. Raises NotRecordedError with the whole notifications."""
        selected = [(each, self._selection.notification(each)) for each in notifications]
        chosen = [each for _, each in selected if each is not None]
        if not chosen and ends is None:
            return
        try:
            self._recorder.record(chosen, ends)
        except NotRecordedError as error:
            lost = {each.message_id for each in error.lost}
            whole = [each for each in notifications if each.message_id in lost]
            raise NotRecordedError(whole, str(error)) from error

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        """Record it as it is, if it is selected whatever its payload has."""
        if not self._selection.has(deferred.event_type, deferred.priority):
            if ends is not None:
                self._recorder.record([], ends)
        elif self._selection.projects:
            self.record([deferred.made()], ends)
        else:
            self._recorder.record_deferred(deferred, ends)

    def remind(self, running: RunningDownload) -> None:
        """See Recorder."""
        self._recorder.remind(running)

    def count(self, what: Counted, change: int = 1) -> None:
        """See Recorder."""
        self._recorder.count(what, change)

    def refuses(self) -> bool:
        """See Recorder."""
        return self._recorder.refuses()
