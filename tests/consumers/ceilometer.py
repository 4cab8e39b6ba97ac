"""Ceilometer's notification agent, unmodified: the program, and the samples and events that it
publishes.

Its definitions of meters, events and resources are those of its package. It publishes samples and
events to files, and events to Gnocchi's API, too, which a stand-in plays here.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from paste import httpserver

from tests.message_log import messages_of

_CONFIGURATION = """\
[DEFAULT]
transport_url = {first}
pipeline_cfg_file = {folder}/pipeline.yaml
event_pipeline_cfg_file = {folder}/event_pipeline.yaml
[notification]
notification_control_exchanges = glance
{urls}
[oslo_messaging_rabbit]
amqp_durable_queues = true
[service_credentials]
auth_type = none
endpoint = {gnocchi}
"""

# As in its package, except for the publishers.
_PIPELINE = """\
sources:
  - {{name: source, {kind}: ["*"], sinks: [sink]}}
sinks:
  - {{name: sink, publishers: {publishers}}}
"""

_DUPLICATE = "ignoring duplicate message"


class Gnocchi:
    """Answers Ceilometer as Gnocchi would, and keeps which resources Ceilometer ended.

    Serves on a free port of loopback, until the context manager is left.
    """

    def __init__(self) -> None:
        self.ended: dict[str, datetime] = {}
        """When each image ended, by its id."""
        self._server = httpserver.serve(
            self._app, host="127.0.0.1", port="0", start_loop=False, daemon_threads=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "PATCH" and path.startswith("/v1/resource/image/"):
            change = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            self.ended[path.rpartition("/")[2]] = datetime.fromisoformat(change["ended_at"])
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]


class Ceilometer:
    """The agent, with one worker, which reads from each of `urls`.

    In a `with` statement the agent is ended after the last line.
    """

    def __init__(self, folder: Path, urls: Sequence[str], gnocchi: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._samples, self._events = folder / "samples", folder / "events"
        self._log = folder / "ceilometer.log"
        configuration = folder / "ceilometer.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                first=urls[0],
                urls="\n".join(f"messaging_urls = {url}" for url in urls),
                folder=folder,
                gnocchi=gnocchi,
            )
        )
        to_file = [f"file://{self._samples}?json"]
        (folder / "pipeline.yaml").write_text(_PIPELINE.format(kind="meters", publishers=to_file))
        to_both = [f"file://{self._events}?json", "gnocchi://?enable_filter_project=false"]
        (folder / "event_pipeline.yaml").write_text(
            _PIPELINE.format(kind="events", publishers=to_both)
        )
        program = Path(sys.prefix) / "bin" / "ceilometer-agent-notification"
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(program), "--config-file", str(configuration)],
                env=os.environ | {"NO_PROXY": "*"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill master and worker at once: what the agent has published is in its files."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait until `done` returns True; fails, with the end of the log, after 30 seconds."""
        give_up = time.monotonic() + 30
        while not done():
            assert time.monotonic() < give_up, self.log_text()[-4000:]
            assert self._process.poll() is None, self.log_text()[-4000:]
            time.sleep(0.05)

    def samples(self) -> list[dict[str, Any]]:
        """The samples so far, of all meters and resources, in the order of their times.

        Ceilometer reads several queues in many threads, and keeps no order.
        """
        return sorted(messages_of(self._samples), key=lambda sample: str(sample["timestamp"]))

    def events(self) -> list[dict[str, Any]]:
        """The events so far, in the order of their times, each with its traits by name."""
        events = sorted(messages_of(self._events), key=lambda event: str(event["generated"]))
        return [
            {**event, "traits": {trait["name"]: trait["value"] for trait in event["traits"]}}
            for event in events
        ]

    def duplicates(self) -> int:
        """How many messages Ceilometer has ignored as repeats."""
        return self.log_text().count(_DUPLICATE)

    def log_text(self) -> str:
        """The log of the agent."""
        return self._log.read_text(errors="replace")
