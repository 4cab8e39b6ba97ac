"""A program: a notifier of oslo.messaging, as Nova, Cinder and Keystone have.

    python -m tests.rabbit.oslo_notifier URL [CONFIGURATION_FILE]

It writes `ready`. For each line of its input it sends a notification at INFO with the line as its
payload, and writes `done`, whether the notification was sent or not. Its log, with the errors, goes
to stderr.
"""

import logging
import sys

import oslo_messaging  # type: ignore[import-untyped]
from oslo_config import cfg


def main(url: str, *files: str) -> None:
    logging.basicConfig(level=logging.ERROR)
    configuration = cfg.ConfigOpts()
    configuration([word for file in files for word in ("--config-file", file)], project="test")
    oslo_messaging.set_transport_defaults("nova")
    transport = oslo_messaging.get_notification_transport(configuration, url=url)
    notifier = oslo_messaging.Notifier(
        transport, "compute.this-host", driver="messagingv2", topics=["notifications"]
    )
    print("ready", flush=True)
    for line in sys.stdin:
        notifier.info({}, "compute.instance.create.end", line.strip())
        print("done", flush=True)
    transport.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
