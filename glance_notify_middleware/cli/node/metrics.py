"""glance-notify metrics: the state of the node, as text that Prometheus reads."""

import argparse
import os
from importlib.metadata import version
from pathlib import Path

from prometheus_client import generate_latest

from glance_notify_middleware.cli.command import RIGHT, SectionArguments
from glance_notify_middleware.cli.node.collector import registry
from glance_notify_middleware.cli.node.reading import NOTHING_TO_SEE, Node
from glance_notify_middleware.cli.replaced_file import replace
from glance_notify_middleware.config import OptionError


class Metrics(SectionArguments):
    """Print the metrics of this node, as text that Prometheus reads.

    With --output they are written to a file, for the textfile collector of node_exporter: its name
    has to end in .prom there. The file is replaced in one step, and everybody may read it.
    """

    example = "metrics --output /var/lib/prometheus/node-exporter/glance_notify.prom"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --output."""
        super().add_arguments(parser)
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write to this file; default: print"
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print or write the metrics."""
        state = Node(self.settings(parsed_args)).read()
        if state is None:
            self.note(NOTHING_TO_SEE)
        text = generate_latest(registry(lambda: state, version("glance-notify-middleware")))
        if parsed_args.output is None:
            self.app.stdout.write(text.decode())
            return RIGHT
        try:
            replace(parsed_args.output, text, mode=0o644)
        except OSError as error:
            raise OptionError(
                f"--output {parsed_args.output}: {error.strerror}; expected a file in a directory "
                f"that user {os.geteuid()} may write"
            ) from error
        return RIGHT
