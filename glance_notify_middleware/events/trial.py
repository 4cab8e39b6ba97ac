"""The notification of the command `send-test`: it is of no event."""

from glance_notify_middleware.events.notification import Notification, Priority

TRIAL_TYPE = "glance_notify.test"
"""Its event type. No pattern for the types of images fits it: see `notification.EventType`."""


def trial(message_id: str, publisher_id: str, priority: Priority, timestamp: float) -> Notification:
    """A notification whose payload says that it is a test; `timestamp` as in Notification."""
    return Notification(
        message_id,
        publisher_id,
        TRIAL_TYPE,
        priority,
        timestamp,
        {"text": "a test by glance-notify send-test: nothing has happened to an image"},
        None,
        None,
        None,
    )
