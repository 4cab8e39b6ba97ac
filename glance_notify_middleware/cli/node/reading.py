"""The node that the filter's section names, as the commands read it."""

from glance_notify_middleware.cli.journal_owner import as_owner
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.node.reader import NodeReader
from glance_notify_middleware.delivery.node.state import NodeState
from glance_notify_middleware.strategies.registry import with_delivery

NOTHING_TO_SEE = (
    "there is nothing to see: notifications go to the log at once, and no journal_dir is set in "
    "the filter's section, in which they would be counted"
)


class Node:
    """One journal_dir. Nothing in it is changed."""

    def __init__(self, settings: Settings) -> None:
        """Reads nothing."""
        self._directory = assembly.directory_of(settings) if has_journal(settings) else None
        self._reader = NodeReader(settings)

    def read(self) -> NodeState | None:
        """The state of the node; None where this filter has no journal_dir.

        Root reads it as the owner of the journal. Raises OptionError where the directory is missing
        or another user's, OSError where it cannot be read.
        """
        if self._directory is None:
            return None
        with as_owner(self._directory):
            return self._reader.read()


def has_journal(settings: Settings) -> bool:
    """Whether the filter has a journal_dir with these settings: for delivery, or with the strategy
    logging alone for what is counted."""
    is_counted = settings.journal_dir_is_set and bool(settings.targets)
    return is_counted or bool(with_delivery(settings))
