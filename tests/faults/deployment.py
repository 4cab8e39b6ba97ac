"""A server with the filter in a folder of its own: its journal, its relay, and its faults."""

import contextlib
import fcntl
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from demo.ports import free_port
from tests.faults.servers import ROOT, ServerProcess

_PASTE_FILE = """\
[pipeline:main]
pipeline = context notify fake_glance

[pipeline:bare]
pipeline = context fake_glance

[composite:several]
use = call:tests.faults.fake_glance:composite_factory
one = main
other = other

[pipeline:other]
pipeline = context notify_second fake_glance

[app:fake_glance]
paste.app_factory = tests.faults.fake_glance:app_factory

[filter:context]
paste.filter_factory = tests.faults.fake_glance:context_factory

"""

_FILTER = """
[filter:{name}]
paste.filter_factory = glance_notify_middleware:filter_factory
{lines}"""

RETRY_SECONDS = 10
"""Seconds after which is tried again what is tried once a minute otherwise."""

_CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")

_RELAY = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"


class Deployment:
    """A server with its paste file, journal and logs, which stay in `folder` from run to run."""

    def __init__(
        self,
        folder: Path,
        *,
        kind: str = "uWSGI",
        processes: int = 4,
        threads: int = 4,
        environ: Mapping[str, str] | None = None,
        app: str = "main",
        in_container: bool = False,
        second: Mapping[str, str] | None = None,
        **options: str,
    ) -> None:
        """`options` are lines of the filter's section. `kind` is a key of servers.COMMANDS, `app` a
        name in the paste file. A container has process ids of its own; it needs root, else there is
        none. `second` are the lines in which the second filter differs, where the app has two."""
        folder.mkdir(exist_ok=True)
        self.kind = kind
        self.port = free_port()
        self.journal = Path(options.get("journal_dir", folder / "journal"))
        self.paste_file = folder / "paste.ini"
        self.log = folder / "server.log"
        self.relay_log = folder / "relay.log"
        self._processes, self._threads = processes, threads
        self._environ = {
            "PASTE_FILE": f"{self.paste_file}#{app}",
            "RETRY_SECONDS": str(RETRY_SECONDS),
            **(environ or {}),
        }
        self._container = _CONTAINER if in_container and os.geteuid() == 0 else ()
        self._relay: subprocess.Popen[bytes] | None = None
        self._servers: list[ServerProcess] = []
        lines = {"journal_dir": str(self.journal), **options}
        filters = _section("notify", lines) + _section("notify_second", lines | dict(second or {}))
        self.paste_file.write_text(_PASTE_FILE + filters)
        self._has_relay = lines.get("relay") == "external"

    def __enter__(self) -> "Deployment":
        try:
            self.start()
        except BaseException:  # Ctrl-C too
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def server(self) -> ServerProcess:
        """The present run of the server."""
        return self._servers[-1]

    def start(self) -> None:
        """Start the server, and wait until it is loaded; start the relay if it is external."""
        self._servers.append(
            ServerProcess(
                self.kind,
                self.port,
                self.log,
                self._environ,
                processes=self._processes,
                threads=self._threads,
                container=self._container,
            )
        )
        self.server.wait_until_loaded()
        if self._has_relay:  # the server has made the directory of the journal
            self.start_relay()

    def stop(self) -> None:
        """Send SIGTERM to server and relay, and wait until they have ended."""
        self.server.stop()
        self.stop_relay()

    def end(self) -> None:
        """Send SIGKILL to server and relay."""
        for server in self._servers:
            server.kill()
        self.stop_relay(signal.SIGKILL)

    def kill(self) -> None:
        """Send SIGKILL to master and workers."""
        self.server.kill()

    def kill_workers(self) -> None:
        """Send SIGKILL to all workers at once."""
        for worker in self.server.workers():
            _kill(worker)

    def kill_worker(self) -> None:
        """Send SIGKILL to a random worker, if there is one."""
        workers = self.server.workers()
        if workers:
            _kill(random.choice(workers))

    def kill_leader(self) -> None:
        """Send SIGKILL to the leader, as soon as there is one."""
        _kill(self.wait_for_leader())

    @contextlib.contextmanager
    def frozen(self, worker: int) -> Iterator[None]:
        """Meanwhile the process is stopped (SIGSTOP)."""
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def wait_for_leader(self) -> int:
        """Wait for a leader; returns its process id."""
        found: list[int] = []

        def is_there() -> bool:
            found.extend(pid for pid in [self.leader()] if pid is not None)
            return bool(found)

        self.wait_until(is_there)
        return found[0]

    def leader(self) -> int | None:
        """The process that holds the lock of relay.lock, if there is one (F_GETLK, fcntl(2))."""
        with contextlib.suppress(FileNotFoundError), (self.journal / "relay.lock").open("rb") as f:
            query = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack("hhqqi", fcntl.fcntl(f, fcntl.F_GETLK, query))
            return int(pid) if kind != fcntl.F_UNLCK and pid > 0 else None
        return None

    def start_relay(self) -> None:
        """Start the command `glance-notify relay`."""
        with self.relay_log.open("ab") as output:
            self._relay = subprocess.Popen(
                [sys.executable, "-c", _RELAY, "relay", str(self.paste_file)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def relay_pid(self) -> int:
        """The process id of the command `glance-notify relay`."""
        assert self._relay is not None
        return self._relay.pid

    def stop_relay(self, number: int = signal.SIGTERM) -> None:
        """End the relay with the signal `number`; nothing happens if it does not run."""
        if self._relay is not None:
            self._relay.send_signal(number)
            self._relay.wait(30)
            self._relay = None

    def log_text(self) -> str:
        """The log of server and relay, of all runs."""
        logs = [path for path in (self.log, self.relay_log) if path.exists()]
        return "".join(path.read_text(errors="replace") for path in logs)

    def segments(self) -> list[Path]:
        """The paths of the segments in the journal."""
        return sorted(self.journal.glob("*.seg"))

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until `is_so` returns True; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, self.log_text()[-4000:]
            time.sleep(0.05)


def _section(name: str, lines: Mapping[str, str]) -> str:
    text = "".join(f"{option} = {value}\n" for option, value in lines.items())
    return _FILTER.format(name=name, lines=text)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
