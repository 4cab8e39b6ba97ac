"""A program: a notification listener of oslo.messaging, as OpenStack services have.

    python -m tests.rabbit.oslo_listener URL [CONFIGURATION_FILE]

It writes `ready`, and then a line of JSON for each notification. It ends when its input ends.
"""

import json
import logging
import sys
import threading
from typing import Any

import oslo_messaging  # type: ignore[import-untyped]
from oslo_config import cfg


class Endpoint:
    """oslo.messaging calls the method of a notification's priority, in many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def info(self, *words: Any) -> None:
        self._write("INFO", *words)

    def warn(self, *words: Any) -> None:
        self._write("WARN", *words)

    def error(self, *words: Any) -> None:
        self._write("ERROR", *words)

    def _write(
        self, priority: str, context: Any, publisher: str, event: str, payload: Any, metadata: Any
    ) -> None:
        notification = {
            "context": context,
            "publisher_id": publisher,
            "event_type": event,
            "priority": priority,
            "payload": payload,
            "message_id": metadata["message_id"],
            "timestamp": metadata["timestamp"],
        }
        self.write(json.dumps(notification))

    def write(self, line: str) -> None:
        with self._lock:
            print(line, flush=True)


def main(url: str, *files: str) -> None:
    logging.basicConfig(level=logging.ERROR)
    configuration = cfg.ConfigOpts()
    configuration([word for file in files for word in ("--config-file", file)], project="test")
    transport = oslo_messaging.get_notification_transport(configuration, url=url)
    target = oslo_messaging.Target(exchange="glance", topic="notifications")
    endpoint = Endpoint()
    listener = oslo_messaging.get_notification_listener(
        transport, [target], [endpoint], executor="threading"
    )
    listener.start()
    endpoint.write("ready")
    sys.stdin.read()
    listener.stop()
    listener.wait()
    transport.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
