"""Ceilometer's notification agent, unmodified: the program, and all that it has made of them.

Its definitions of meters, events and resources are those that its package has. It publishes
samples and events to files, and events to Gnocchi's API as well, which a stand-in plays here.
"""

import contextlib
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

# As its package has them, but for where they publish.
_PIPELINE = """\
sources:
  - {{name: source, {kind}: ["*"], sinks: [sink]}}
sinks:
  - {{name: sink, publishers: {publishers}}}
"""

_DUPLICATE = "ignoring duplicate message"


class Gnocchi:
    """Answers Ceilometer as Gnocchi would, and keeps which resources it was told to end.

    Serves on a free port of loopback, until it is left as a context manager.
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
            said = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            self.ended[path.rpartition("/")[2]] = datetime.fromisoformat(said["ended_at"])
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]


class Ceilometer:
    """The agent, with one worker, which listens at each of `urls`.

    In a `with` statement it is ended after the last line.
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
        """Master and worker, at once: what it has published is in its files."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, done: Callable[[], bool]) -> None:
        """Until it is done; fails, with the end of its log, when it is not."""
        give_up = time.monotonic() + 30
        while not done():
            assert time.monotonic() < give_up, self.said()[-4000:]
            assert self._process.poll() is None, self.said()[-4000:]
            time.sleep(0.05)

    def samples(self) -> list[dict[str, Any]]:
        """The samples so far, of all meters and resources, by their times.

        Ceilometer works in many threads, and at several queues: it keeps no order.
        """
        return sorted(_lines(self._samples), key=lambda each: str(each["timestamp"]))

    def events(self) -> list[dict[str, Any]]:
        """The events so far, by their times, each with its traits by their names."""
        return [
            {**each, "traits": {trait["name"]: trait["value"] for trait in each["traits"]}}
            for each in sorted(_lines(self._events), key=lambda each: str(each["generated"]))
        ]

    def duplicates(self) -> int:
        """How many messages it has left alone for being repeats."""
        return self.said().count(_DUPLICATE)

    def said(self) -> str:
        return self._log.read_text(errors="replace")


def _lines(path: Path) -> list[dict[str, Any]]:
    """The JSON of each whole line; nothing while there is no file."""
    with contextlib.suppress(FileNotFoundError):
        whole = path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]
    return []
