"""glance-notify drain: waits until all that is recorded on this node is delivered."""

import argparse
import time
from collections.abc import Mapping

from glance_notify_middleware.cli.command import PROGRAM, RIGHT, WARNINGS, SectionArguments
from glance_notify_middleware.cli.node.reading import NOTHING_TO_SEE, Node
from glance_notify_middleware.config import kinds
from glance_notify_middleware.delivery.node.state import Link, NodeState
from glance_notify_middleware.events.escaping import escaped_text

_INTERVAL = 0.25  # seconds between two looks

_SETTLED = 2.5
"""Seconds for which nothing is pending before the node counts as drained.

What a process has just recorded is seen within a second. The leader reports the open intents of a
process that has just died within two.
"""


class Drain(SectionArguments):
    """Wait until nothing is pending for any target of this node, and nothing is set aside.

    For a node or a pod that is to go: end its Glance first, or take it out of the load balancer.
    The leader goes on to deliver; this command only looks. Exit status: 0, all is delivered; 1,
    something is left at the timeout.
    """

    example = "drain --timeout 5m"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --timeout."""
        super().add_arguments(parser)
        parser.add_argument(
            "--timeout",
            metavar="TIME",
            type=_seconds,
            default=60.0,
            help="how long to wait, in seconds or as 30s, 5m, 24h; default: 60s",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Wait; returns the exit status."""
        node = Node(self.settings(parsed_args))
        end = time.monotonic() + parsed_args.timeout
        empty_since: float | None = None
        noted = ""
        while (state := node.read()) is not None:
            now = time.monotonic()
            left = _left(state)
            if (progress := _progress(state, left)) != noted:
                self.note(progress)
                noted = progress
            empty_since = None if left else now if empty_since is None else empty_since
            if empty_since is not None and now - empty_since >= _SETTLED:
                self.print("drained: nothing is left")
                return RIGHT
            if now >= end:
                return self._ended(state, left)
            time.sleep(_INTERVAL)
        self.note(NOTHING_TO_SEE)
        return RIGHT

    def _ended(self, state: NodeState, left: Mapping[str, int]) -> int:
        """The timeout is over: print what is left, and why; returns the exit status."""
        if not left:
            self.print("drained: nothing is left")
            return RIGHT
        for name, count in left.items():
            self.print(f"{name}: {count} are left{_why(state, name)}")
        return WARNINGS


def _seconds(text: str) -> float:
    """Raises argparse.ArgumentTypeError."""
    try:
        return float(kinds.TIME_OR_0.convert(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not valid; expected {kinds.TIME_OR_0.expected}"
        ) from error


def _left(state: NodeState) -> Mapping[str, int]:
    """How many notifications each target has not been sent, of targets that lack some.

    What an operator sends again waits with what is set aside, and is not pending.
    """
    left = {
        name: max(target.pending, sum(target.set_aside.values()))
        for name, target in state.targets.items()
    }
    return {name: count for name, count in left.items() if count}


def _progress(state: NodeState, left: Mapping[str, int]) -> str:
    if not left:
        return "nothing is pending"
    counts = ", ".join(
        f"{name}: {count} pending{_why(state, name)}" for name, count in left.items()
    )
    if state.is_led:
        return counts
    return f"{counts}; no leader runs, so nothing is delivered: start Glance, or {PROGRAM} relay"


def _why(state: NodeState, name: str) -> str:
    target = state.targets[name]
    if target.link in (Link.CONNECTED, Link.UNKNOWN):
        aside = sum(target.set_aside.values())
        return f" ({aside} set aside)" if aside else ""
    why = f": {escaped_text(target.why)}" if target.why else ""
    return f" ({target.link}{why})"
