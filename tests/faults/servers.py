"""The servers that Glance can run under, as processes of their own, with workers or without."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.fake_glance import LOADED

ROOT = Path(__file__).parents[2]
APPLICATION = "tests.faults.application:application"

_WITHOUT_THREADS = (
    *(str(Path(sys.prefix) / "bin" / "uwsgi"), "-H", sys.prefix),
    *("--http-socket", "127.0.0.1:{port}", "--module", APPLICATION, "--need-app", "--die-on-term"),
    *("--master", "--processes", "{processes}"),
    *("--buffer-size", "65535", "--listen", "128", "--disable-logging"),
    *("--forkbomb-delay", "0"),  # workers are killed often here
)
_UWSGI = (*_WITHOUT_THREADS, "--threads", "{threads}", "--enable-threads")
_GUNICORN = (
    *(sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:{port}", "--workers={processes}"),
    *("--worker-class=gthread", "--threads={threads}", APPLICATION),
)

COMMANDS: Mapping[str, Sequence[str]] = {
    "uWSGI": (*_UWSGI, "--lazy-apps"),
    "uWSGI prefork": _UWSGI,
    "gunicorn": _GUNICORN,
    "gunicorn preload": (*_GUNICORN, "--preload"),
    "waitress": (
        *(sys.executable, "-m", "waitress", "--listen=127.0.0.1:{port}", "--threads={threads}"),
        APPLICATION,
    ),
    "uWSGI without threads": (*_WITHOUT_THREADS, "--lazy-apps"),
    "uWSGI prefork without threads": _WITHOUT_THREADS,
}
"""The command of each kind of server. Prefork and preload: the application is loaded before the
fork, else in each process."""

SERVERS = ("uWSGI", "uWSGI prefork", "gunicorn", "gunicorn preload", "waitress")
"""The kinds of servers that Glance runs under."""

_END_OF_LOG = 40_000
"""Characters of the log of a server that did not come up: the tracebacks of all its processes."""

_LOADS_ONCE = ("uWSGI prefork", "gunicorn preload", "waitress", "uWSGI prefork without threads")


class ServerProcess:
    """One run of a server; its output is appended to `log`."""

    def __init__(
        self,
        kind: str,
        port: int,
        log: Path,
        environ: Mapping[str, str],
        *,
        processes: int,
        threads: int,
        container: Sequence[str] = (),
    ) -> None:
        """`container` are words before the command, which run it in a container."""
        self.log = log
        self._begins_at = log.stat().st_size if log.exists() else 0
        self._is_over = False
        self._loads = 1 if kind in _LOADS_ONCE else processes
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *container,
                    *(
                        word.format(port=port, processes=processes, threads=threads)
                        for word in COMMANDS[kind]
                    ),
                ],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until_loaded(self, seconds: float = 60) -> None:
        """Wait until all of its processes have loaded the application. No request is made.

        Raises RuntimeError.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.log_text().count(LOADED) >= self._loads:
                return
            time.sleep(0.05)
        raise RuntimeError(
            f"the server did not come up; the end of its log:\n{self.log_text()[-_END_OF_LOG:]}"
        )

    def log_text(self) -> str:
        """What this run has logged so far."""
        with self.log.open("rb") as log:
            log.seek(self._begins_at)
            return log.read().decode(errors="replace")

    def workers(self) -> list[int]:
        """The process ids of its workers; the server's own where it has no master."""
        pid = self._process.pid
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return [int(child) for child in children] or [pid]
        return []

    def stop(self) -> None:
        """Send SIGTERM, and wait until all its processes are gone."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        self.kill()

    def freeze(self) -> None:
        """Send SIGSTOP to master and workers at once; returns when none is in a system call."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        time.sleep(0.2)

    def kill(self) -> None:
        """Send SIGKILL to master and workers at once; returns when all are gone."""
        if self._is_over:
            return  # its id can be that of another process group by now
        group = self._process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        self._process.wait()
        deadline = time.monotonic() + 10
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(group, 0)
                time.sleep(0.01)
        self._is_over = True
