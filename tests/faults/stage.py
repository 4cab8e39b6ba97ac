"""A server with the filter, all that it needs in a folder, and what can be done to it."""

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
pipeline = context notify plays_glance

[pipeline:bare]
pipeline = context plays_glance

[composite:several]
use = call:tests.faults.app:composite_factory
one = main
other = other

[pipeline:other]
pipeline = context notify_too plays_glance

[app:plays_glance]
paste.app_factory = tests.faults.app:app_factory

[filter:context]
paste.filter_factory = tests.faults.app:context_factory

"""

_FILTER = """
[filter:{name}]
paste.filter_factory = glance_notify_middleware:filter_factory
{lines}"""

AGAIN = 10
"""Seconds after which is tried again what is tried once a minute elsewhere."""

_CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")

_RELAY = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"


class Stage:
    """The journal, the paste file and the logs are in `folder`, and stay from run to run."""

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
        too: Mapping[str, str] | None = None,
        **options: str,
    ) -> None:
        """`options` are lines of the filter's section; `kind` is one of servers.COMMANDS, `app` a
        name in the paste file; a container has process ids of its own, where we are root. `too`
        are the lines in which the second filter differs, where the app has both."""
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
            "AGAIN": str(AGAIN),
            **(environ or {}),
        }
        self._container = _CONTAINER if in_container and os.geteuid() == 0 else ()
        self._relay: subprocess.Popen[bytes] | None = None
        self._servers: list[ServerProcess] = []
        lines = {"journal_dir": str(self.journal), **options}
        filters = _section("notify", lines) + _section("notify_too", lines | dict(too or {}))
        self.paste_file.write_text(_PASTE_FILE + filters)
        self._has_relay = lines.get("relay") == "external"

    def __enter__(self) -> "Stage":
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
        """The run that goes on."""
        return self._servers[-1]

    def start(self) -> None:
        """Start the server, wait until it is loaded; with `relay = external` the relay, too."""
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
        if self._has_relay:  # the journal's directory is there now
            self.start_relay()

    def stop(self) -> None:
        """SIGTERM to all, and wait for the end."""
        self.server.stop()
        self.stop_relay()

    def end(self) -> None:
        """SIGKILL to all: whatever there was to see has been seen."""
        for each in self._servers:
            each.kill()
        self.stop_relay(signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL to master and workers."""
        self.server.kill()

    def kill_workers(self) -> None:
        """SIGKILL to all workers at once."""
        for worker in self.server.workers():
            _kill(worker)

    def kill_a_worker(self) -> None:
        """SIGKILL to any of them."""
        workers = self.server.workers()
        if workers:
            _kill(random.choice(workers))

    def kill_the_leader(self) -> None:
        """SIGKILL to the process that relays, as soon as there is one."""
        _kill(self.wait_for_leader())

    @contextlib.contextmanager
    def frozen(self, worker: int) -> Iterator[None]:
        """A process is stopped as it is, and then goes on."""
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def wait_for_leader(self) -> int:
        """The process that relays, as soon as there is one."""
        found: list[int] = []

        def is_there() -> bool:
            found.extend([each for each in [self.leader()] if each is not None])
            return bool(found)

        self.wait_until(is_there)
        return found[0]

    def leader(self) -> int | None:
        """The process that holds the relay's lock."""
        with contextlib.suppress(FileNotFoundError), (self.journal / "relay.lock").open("rb") as f:
            asked = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack("hhqqi", fcntl.fcntl(f, fcntl.F_GETLK, asked))
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
        """The process id of that command."""
        assert self._relay is not None
        return self._relay.pid

    def stop_relay(self, number: int = signal.SIGTERM) -> None:
        """End it with this signal; nothing happens where it does not run."""
        if self._relay is not None:
            self._relay.send_signal(number)
            self._relay.wait(30)
            self._relay = None

    def log_text(self) -> str:
        """What server and relay have logged in all runs."""
        logs = [each for each in (self.log, self.relay_log) if each.exists()]
        return "".join(each.read_text(errors="replace") for each in logs)

    def segments(self) -> list[Path]:
        """The segments in the journal."""
        return sorted(self.journal.glob("*.seg"))

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 30) -> None:
        """Fails when it is not so in time."""
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
