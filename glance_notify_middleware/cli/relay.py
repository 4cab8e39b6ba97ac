"""glance-notify relay: sends what the processes of Glance have recorded (relay = external)."""

import argparse
import os
import signal
import threading
from importlib.metadata import version

from glance_notify_middleware.cli.command import RIGHT, SectionArguments
from glance_notify_middleware.cli.journal_owner import become_owner
from glance_notify_middleware.cli.node.collector import registry
from glance_notify_middleware.cli.node.metrics_server import (
    EXAMPLE,
    MetricsServer,
    listening_address,
)
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.delivery.node.reader import NodeReader
from glance_notify_middleware.delivery.relay import Doing
from glance_notify_middleware.journal import locks
from glance_notify_middleware.runtime.service_notify import ServiceNotify
from glance_notify_middleware.strategies.loading import makers

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Relay(SectionArguments):
    """Send what Glance's processes have recorded (relay = external), until SIGTERM or Ctrl-C.

    Run as root, it becomes the owner of journal_dir.
    """

    example = "relay /etc/glance/glance-api-paste.ini"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add --metrics-listen."""
        super().add_arguments(parser)
        parser.add_argument(
            "--metrics-listen",
            metavar="HOST:PORT",
            type=listening_address,
            help=f"serve the metrics of this node there, as on {EXAMPLE}; default: nowhere",
        )

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Relay until a signal comes."""
        settings = self.settings(parsed_args)
        strategies = makers(settings)
        if not strategies:
            chosen = ", ".join(settings.notifier_strategy)
            raise OptionError(
                f"option notifier_strategy of the notify filter: {chosen!r} has nothing to relay; "
                "expected rabbit, qpid, webhook, or another that sends to a broker"
            )
        # Before root becomes another user, who may not be allowed to listen there.
        listen = parsed_args.metrics_listen
        server = None if listen is None else MetricsServer(*listen)
        directory = assembly.directory_of(settings)
        become_owner(directory)
        if directory.exists() and locks.is_led(directory):
            self.note(f"another process delivers from {directory}; this one waits for its end")
        host = hosting.host()
        assembly.prepare(settings, strategies, host)
        relay = assembly.relay(settings, strategies, host)
        service = ServiceNotify(os.environ)

        def turned(doing: Doing) -> None:
            service.alive(doing, is_ready=doing is not Doing.BEGINNING_AGAIN)

        # A blocked signal stays pending until sigwait. A handler could be missed: Python runs it in
        # this thread, which does not wake for it when it is about to wait for a lock.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        if server is not None:
            # The reader is never closed: see NodeReader.
            reader = NodeReader(settings)
            server.start(registry(reader.read, version("glance-notify-middleware")))
        threading.Thread(
            target=relay.run, args=(turned,), name="glance-notify-relay", daemon=True
        ).start()
        signal.sigwait(_STOP_SIGNALS)
        service.stopping()
        relay.stop()
        return RIGHT
