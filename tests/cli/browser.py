"""A headless Chromium that shows a page, looks at it, and takes pictures of it.

It is driven over two pipes by the DevTools protocol (--remote-debugging-pipe): messages are JSON,
each ends with a zero byte.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

COMMAND = shutil.which("chromium")

_SWITCHES = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # root, as which the tests are run in containers, has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)
_PATIENCE = 30.0  # seconds


class Browser:
    """A page of the browser. Each method waits for the browser's answer."""

    def __init__(self, to: int, answers: int) -> None:
        """`to` and `answers` are the descriptors of the pipes."""
        self._to = to
        self._answers = os.fdopen(answers, "rb")
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")
        self._call("Network.enable")
        self.requested: list[str] = []
        """The URLs that pages have asked for."""

    def show(self, path: Path, width: int, scheme: str) -> None:
        """Show a file in a window of so many pixels, `light` or `dark`."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)
        self._call("Page.navigate", url=path.as_uri())
        self._wait("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What JavaScript makes of an expression, in the page that is shown."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self) -> bytes:
        """The whole page, as PNG."""
        found = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def close(self) -> None:
        """End the browser."""
        self._session = None
        with suppress(AssertionError, OSError):
            self._call("Browser.close")
        self._answers.close()

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._notice(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _wait(self, event: str) -> None:
        while (answer := self._next()).get("method") != event:
            self._notice(answer)

    def _notice(self, answer: dict[str, Any]) -> None:
        if answer.get("method") == "Network.requestWillBeSent":
            self.requested.append(answer["params"]["request"]["url"])

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            read = self._answers.read1(65536)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps what it keeps in a folder, which is to be removed later."""
    assert COMMAND is not None
    to_read, to = os.pipe()
    answers, answers_write = os.pipe()

    def place() -> None:
        """The browser reads from descriptor 3 and writes to 4."""
        first, second = os.dup(to_read), os.dup(answers_write)
        os.dup2(first, 3)
        os.dup2(second, 4)

    process = subprocess.Popen(
        [COMMAND, *_SWITCHES, f"--user-data-dir={folder}", "about:blank"],
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=place,
        close_fds=False,
    )
    os.close(to_read)
    os.close(answers_write)
    try:
        shown = Browser(to, answers)
        yield shown
        shown.close()
        process.wait(_PATIENCE)
    finally:
        process.kill()
        process.wait()
        os.close(to)
