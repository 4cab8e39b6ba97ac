"""A real, unmodified Glance: its folder, its configuration, and a server that runs it."""

import contextlib
import functools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from demo.keystone import SERVICE, Keystone
from demo.ports import free_port

STOCK_PASTE_FILE = Path(sys.prefix) / "etc" / "glance" / "glance-api-paste.ini"

NOTIFY_SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = logging
"""


def rabbit_section(port: int, journal: Path) -> str:
    """The filter's section for RabbitMQ on loopback, as guest."""
    return f"""
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = rabbit
rabbit_port = {port}
# Nothing is created by default, since all services of a cloud share these names. This broker has
# no other service:
create_queues = auto
rabbit_durable_queues = true
journal_dir = {journal}
"""


def qpid_section(port: int, journal: Path) -> str:
    """The filter's section for RabbitMQ on loopback over AMQP 1.0, as guest."""
    return f"""
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = qpid
qpid_port = {port}
qpid_username = guest
qpid_password = guest
qpid_target = /exchange/{{exchange}}
journal_dir = {journal}
"""


_CONFIGURATION = """\
[DEFAULT]
enabled_backends = store1:file
{default}
[database]
connection = sqlite:///{database}
[glance_store]
default_backend = store1
[store1]
filesystem_store_datadir = {folder}/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[paste_deploy]
flavor = {flavor}
[oslo_messaging_notifications]
driver = noop
[keystone_authtoken]
auth_type = password
auth_url = {keystone}
username = {service.name}
password = {service.password}
project_name = {service.project}
user_domain_id = default
project_domain_id = default
www_authenticate_uri = {keystone}
interface = internal
{more}
"""


def paste_file(
    flavor: str = "keystone", section: str = NOTIFY_SECTION, after: str = "context"
) -> str:
    """The stock paste file with the filter's section, and with `notify` behind the word `after` of
    the pipeline `flavor` and of its sisters: keystone, keystone+caching, and so on."""
    lines = STOCK_PASTE_FILE.read_text().splitlines(keepends=True)
    sisters = re.compile(rf"{re.escape(flavor.partition('+')[0])}(\+\w+)? = ")
    for number, line in enumerate(lines):
        if sisters.match(line):
            lines[number] = line.replace(f" {after} ", f" {after} notify ")
    return "".join(lines) + section


def lay_out(
    folder: Path,
    keystone: str = "http://127.0.0.1:9/v3",
    *,
    flavor: str = "keystone",
    paste: str | None = None,
    database: str = "glance.db",
    default: str = "",
    more: str = "",
) -> Path:
    """Make the folder of a Glance, with a database; returns its configuration directory.

    `paste` is the text of the paste file. `database` is the path of a file of SQLite, in the folder
    or absolute, which is made where it is missing. `default` is added to the section [DEFAULT],
    `more` at the end. Raises RuntimeError when the database cannot be made.
    """
    configuration = folder / "etc"
    for name in ("etc", "images", "staging", "tasks", "cache"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (configuration / "glance-api.conf").write_text(
        _CONFIGURATION.format(
            folder=folder,
            database=folder / database,
            flavor=flavor,
            keystone=keystone,
            service=SERVICE,
            default=default,
            more=more,
        )
    )
    text = paste_file(flavor) if paste is None else paste
    (configuration / "glance-api-paste.ini").write_text(text)
    if not (folder / database).exists():
        (folder / database).write_bytes(_new_database())
    return configuration


@functools.cache
def _new_database() -> bytes:
    """A database without images. It is made once for all Glances of this process, since that takes
    two seconds. Raises RuntimeError when it cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "glance.db")
        configuration = Path(folder, "glance-api.conf")
        configuration.write_text(f"[database]\nconnection = sqlite:///{database}\n")
        manage = str(Path(sys.prefix) / "bin" / "glance-manage")
        command = [manage, "--config-file", str(configuration), "db_sync"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"glance-manage db_sync failed:\n{done.stdout}{done.stderr}")
        return database.read_bytes()


class ServerKind(NamedTuple):
    """A kind of server: its command, and the text that its log has once it has loaded Glance."""

    command: tuple[str, ...]
    loaded: str


UWSGI = ServerKind(
    (
        *(str(Path(sys.prefix) / "bin" / "uwsgi"), "-H", sys.prefix),
        *("--http-socket", "127.0.0.1:{port}", "--module", "glance.wsgi.api:application"),
        *("--master", "--lazy-apps", "--need-app", "--enable-threads", "--die-on-term"),
        *("--processes", "{processes}", "--threads", "4"),
        *("--http-chunked-input", "--buffer-size", "65535"),
    ),
    "WSGI app 0",
)


class Server:
    """Glance under a server, on a free port of loopback; all its output goes to `log`.

    `port` is for a Glance whose configuration names its own. In a `with` statement the server is up
    from the first line on, and ended after the last.
    """

    def __init__(
        self,
        configuration: Path,
        log: Path,
        *,
        processes: int = 2,
        kind: ServerKind = UWSGI,
        port: int | None = None,
    ) -> None:
        self.log = log
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._kind = kind
        command = [part.format(port=self.port, processes=processes) for part in kind.command]
        environ = {**os.environ, "OS_GLANCE_CONFIG_DIR": str(configuration)}
        with log.open("ab") as output:
            self._log_begins_at = output.tell()
            self._process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            self._wait_until_up()
        except BaseException:  # Ctrl-C too
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_up(self, seconds: float = 90) -> None:
        """Raises RuntimeError, with the end of the log, when the server does not answer in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                if self._kind.loaded in self.log_text():
                    return
            time.sleep(0.1)
        end = self.log_text()[-4000:]
        raise RuntimeError(f"Glance did not come up in {seconds:.0f} s; the end of its log:\n{end}")

    def log_text(self) -> str:
        """What this server has written to the log, without what an earlier server wrote to it."""
        return self.log.read_bytes()[self._log_begins_at :].decode(errors="replace")

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self) -> None:
        """End every process of the server."""
        try:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        finally:  # it was too slow, or Ctrl-C came a second time
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextlib.contextmanager
def running(
    folder: Path, *, processes: int = 2, **layout: str
) -> Iterator[tuple[Server, Keystone]]:
    """A Glance with the filter, and a stand-in for its Keystone; both are ended on exit."""
    with Keystone() as keystone:
        configuration = lay_out(folder, keystone.url, **layout)
        with Server(configuration, folder / "glance.log", processes=processes) as server:
            yield server, keystone
