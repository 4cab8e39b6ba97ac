"""Reads the state of a node once, for tests in whose process nothing records or relays there."""

from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery.node.reader import NodeReader
from glance_notify_middleware.delivery.node.state import NodeState


def read_node_state(settings: Settings) -> NodeState:
    """The state of the node with this journal_dir, whether Glance runs or not. Raises OSError."""
    with NodeReader(settings) as reader:
        return reader.read()
