"""glance-notify relay: sends what the processes of Glance have recorded (relay = external)."""

import argparse
import signal
import threading

from glance_notify_middleware.cli.command import RIGHT, SectionArguments
from glance_notify_middleware.cli.journal_owner import become_owner
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.strategies.loading import makers

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Relay(SectionArguments):
    """Send what Glance's processes have recorded (relay = external), until SIGTERM or Ctrl-C.

    Run as root, it becomes the owner of journal_dir.
    """

    example = "relay /etc/glance/glance-api-paste.ini"

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Relay until a signal comes."""
        settings = self.settings(parsed_args)
        strategies = makers(settings)
        if not strategies:
            chosen = ", ".join(settings.notifier_strategy)
            raise OptionError(
                f"option notifier_strategy of the notify filter: {chosen!r} has nothing to relay; "
                "expected rabbit, qpid, or another that sends to a broker"
            )
        become_owner(assembly.directory_of(settings))
        host = hosting.host()
        assembly.prepare(settings, strategies, host)
        relay = assembly.relay(settings, strategies, host)
        # A blocked signal stays pending until sigwait. A handler could be missed: Python runs it in
        # this thread, which does not wake for it when it is about to wait for a lock.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        threading.Thread(target=relay.run, name="glance-notify-relay", daemon=True).start()
        signal.sigwait(_STOP_SIGNALS)
        relay.stop()
        return RIGHT
