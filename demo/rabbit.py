"""A RabbitMQ node on loopback; the machine's own RabbitMQ service is never touched.

The node has a name, ports, a folder, an Erlang cookie and a port mapper (epmd) of its own, and runs
as the user who starts it.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

import amqp  # type: ignore[import-untyped]
import requests

from demo.certificates import Certificates, make_certificates
from demo.ports import free_port, free_ports

# First, since Debian's programs of the same name on the PATH switch to the user rabbitmq.
_PLACES = ("/usr/lib/rabbitmq/bin", *os.get_exec_path(), "/usr/sbin")

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{node.port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {node.api_port}
collect_statistics_interval = 1000
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 1MB
"""

_TLS = """\
listeners.ssl.1 = 127.0.0.1:{node.tls_port}
ssl_options.cacertfile = {node.certificates.ca}
ssl_options.certfile = {node.certificates.server}
ssl_options.keyfile = {node.certificates.server_key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
"""

# The port mapper is started and ended here, and Erlang's nodes listen on loopback only.
_ERLANG = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"

# Few threads, none of which spins while idle. When the node stops, all is stored at once, but the
# statistics take seconds to end: no more than three.
_ERLANG_SERVER = f"{_ERLANG} -noinput +S 2:2 +SDcpu 2:2 +SDio 2 +A 4 -shutdown_time 3000"


def missing() -> str | None:
    """What must be installed to run a node, in one line; None if nothing is missing."""
    wanted = ("rabbitmq-server", "rabbitmqctl", "erl", "epmd")
    names = [name for name in wanted if _found(name) is None]
    if not names:
        return None
    return f"missing: {', '.join(names)}: apt-get install rabbitmq-server"


class PortMapper:
    """Erlang's port mapper (epmd), by which nodes find each other, and the cookie that they share.

    In a `with` statement it is up from the first line on, and ended after the last.
    """

    def __init__(self, home: Path) -> None:
        """Starts nothing. `home` is in the environment of the process, which shows whose it is."""
        self._home = home
        self.port = free_port()
        self.cookie = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process, and wait until it answers. Raises RuntimeError when it does not."""
        command = ["epmd", "-port", str(self.port), "-address", "127.0.0.1"]
        environ = {"PATH": os.pathsep.join(_PLACES), "HOME": str(self._home)}
        self._process = _started(command, environ, subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not _accepts(self.port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise RuntimeError("Erlang's port mapper, epmd, ended, or was not up in 10 s")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the process. Nothing happens if it is not up."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Rabbit:
    """One node; user and password are guest. All of its files, data and log are in `folder`.

    The management plugin is always on, for `api`; `plugins` are further ones. The node can be
    started again, with its data, after `stop` and after `kill`. In a `with` statement the node is
    up from the first line on, and ended after the last.
    """

    port: int
    """AMQP."""
    api_port: int
    """HTTP, of the management plugin."""
    tls_port: int
    """AMQP over TLS; only with `tls`. A client's certificate is verified if there is one."""
    certificates: Certificates
    """Only with `tls`."""
    log: Path

    def __init__(
        self,
        folder: Path,
        *,
        tls: bool = False,
        plugins: Sequence[str] = (),
        max_message_size: int | None = None,
        name: str = "demo",
        mapper: PortMapper | None = None,
    ) -> None:
        """The nodes of a cluster share a `mapper`, and each has a `name` of its own."""
        folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "rabbit.log"
        self._home = folder / "home"
        self.name = f"{name}@localhost"
        self._vm: subprocess.Popen[bytes] | None = None
        self._has_own_mapper = mapper is None  # which is started and ended with the node
        self._mapper = mapper or PortMapper(self._home)
        self.port, self.api_port, self.tls_port, distribution = free_ports(4)
        self._besides_amqp = [self.api_port, *([self.tls_port] if tls else [])]
        self._environ = {
            "PATH": os.pathsep.join(_PLACES),
            "LANG": "C.UTF-8",
            "HOME": str(self._home),  # where the cookie is
            "ERL_CRASH_DUMP": str(folder / "erl_crash.dump"),
            "ERL_EPMD_PORT": str(self._mapper.port),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "none"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # With this the script becomes the Erlang VM, instead of waiting for it: the process
            # that is started is the one to kill and to freeze.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG_SERVER,
            "RABBITMQ_CTL_ERL_ARGS": _ERLANG,
            "RABBITMQ_CTL_DIST_PORT_MIN": "0",  # any, so that many can run at a time
            "RABBITMQ_CTL_DIST_PORT_MAX": "0",
        }
        self._home.mkdir(parents=True, exist_ok=True)
        cookie = self._home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(self._mapper.cookie)
        configuration = _CONFIGURATION
        if tls:
            self.certificates = make_certificates(folder / "tls")
            configuration += _TLS
        if max_message_size is not None:
            configuration += f"max_message_size = {max_message_size}\n"
        (folder / "rabbitmq.conf").write_text(configuration.format(node=self))
        enabled = ", ".join(["rabbitmq_management", *plugins])
        (folder / "enabled_plugins").write_text(f"[{enabled}].\n")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_up(self) -> bool:
        """Whether the node was started, and not ended since."""
        return self._vm is not None

    @property
    def pid(self) -> int | None:
        """The id of the node's process; None where it has ended, by whatever means."""
        return self._vm.pid if self._vm is not None and self._vm.poll() is None else None

    def start(self) -> None:
        """Start the node, and wait until it answers.

        Raises RuntimeError, with the end of its log, when it does not answer within 60 seconds.
        """
        if self._vm is not None:
            raise RuntimeError("the node was started before, and not ended since")
        try:
            if self._has_own_mapper:
                self._mapper.start()
            with self.log.open("ab") as output:
                self._vm = _started(["rabbitmq-server"], self._environ, output)
            self._wait_until_up(self._vm, 60)
        except BaseException:  # Ctrl-C too
            self.kill()
            raise

    def kill(self) -> None:
        """End the node as a crash would: nothing is stored. Returns when its processes are gone."""
        if self._vm is not None:
            self._vm.kill()
            self._vm.wait()
            self._vm = None
        self._end_the_rest()

    def stop(self) -> None:
        """End the node in good order; returns when its processes are gone. Nothing happens if it is
        not up."""
        if self._vm is not None:
            self.thaw()
            self._vm.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._vm.wait(30)
        self.kill()

    def freeze(self) -> None:
        """Stop the Erlang VM (SIGSTOP): connections stay, and nothing answers until `thaw`."""
        if self._vm is not None:
            self._vm.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self._vm.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let the Erlang VM go on."""
        if self._vm is not None:
            self._vm.send_signal(signal.SIGCONT)

    def ctl(self, *words: str) -> str:
        """The output of `rabbitmqctl --quiet` with these words. Raises RuntimeError if it fails.

        Each call starts an Erlang VM, which takes half a second; `api` is faster.
        """
        done = subprocess.run(
            [_found("rabbitmqctl") or "rabbitmqctl", "--quiet", *words],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"rabbitmqctl {' '.join(words)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def api(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request to the management plugin, for the `path` behind /api/; returns the JSON of
        the answer, None where it is empty.

        What the plugin knows of connections and of numbers of messages is up to two seconds old.
        Raises requests.HTTPError for a refusal.
        """
        with requests.Session() as session:
            session.trust_env = False  # no proxy on the way to loopback
            answer = session.request(
                method,
                f"http://127.0.0.1:{self.api_port}/api/{path}",
                json=json,
                auth=("guest", "guest"),
                timeout=30,
            )
        if not answer.ok:
            refusal = f"{method} {path}: {answer.status_code} {answer.text}"
            raise requests.HTTPError(refusal, response=answer)
        return answer.json() if answer.content else None

    def add_vhost(self, name: str) -> None:
        """Make a vhost where guest may do everything."""
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.api("PUT", f"vhosts/{quote(name, safe='')}")
        self.api("PUT", f"permissions/{quote(name, safe='')}/guest", everything)

    def delete_vhost(self, name: str) -> None:
        """Close its connections and delete all that is in it. There need not be such a vhost."""
        try:
            self.api("DELETE", f"vhosts/{quote(name, safe='')}")
        except requests.HTTPError as error:
            if error.response.status_code != requests.codes.not_found:
                raise

    def url(self, vhost: str = "/") -> str:
        """The AMQP URL of a vhost."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def connected(self, vhost: str = "/", **options: Any) -> amqp.Connection:
        """An AMQP connection, made when its `with` statement is entered, or by its `connect()`.

        `options` are those of amqp.Connection, as `confirm_publish` and `connect_timeout`.
        """
        options = {"connect_timeout": 10, **options}
        return amqp.Connection(f"127.0.0.1:{self.port}", virtual_host=vhost, **options)

    def drain(
        self, queue: str, vhost: str = "/", count: int | None = None, seconds: float = 30.0
    ) -> list[amqp.Message]:
        """Take the messages out of a queue; a queue that does not exist counts as empty.

        A message has a `body` (bytes), `properties`, `headers` and `delivery_info`.

        Without `count`: the messages that are in the queue. With it: that many; fewer if no more
        came within `seconds`.
        """
        messages: list[amqp.Message] = []
        deadline = time.monotonic() + seconds
        with self.connected(vhost) as connection:
            channel = _channel(connection)
            while count is None or len(messages) < count:
                try:
                    message = channel.basic_get(queue, no_ack=True)
                except amqp.NotFound:  # and the channel is closed
                    channel, message = _channel(connection), None
                if message is not None:
                    messages.append(message)
                elif count is None or time.monotonic() > deadline:
                    break
                else:
                    time.sleep(0.02)
        return messages

    def _wait_until_up(self, vm: subprocess.Popen[bytes], seconds: float) -> None:
        """Raises RuntimeError, with the end of the log, when the node does not answer in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and vm.poll() is None:
            if self._answers():
                return
            time.sleep(0.05)
        end = self.log.read_text(errors="replace")[-4000:]
        raise RuntimeError(
            f"RabbitMQ ended, or was not up in {seconds:.0f} s; the end of its log:\n{end}"
        )

    def _answers(self) -> bool:
        """Whether the node sends the greeting of AMQP, and the other ports are open."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as client,
        ):
            client.sendall(b"AMQP\0\0\x09\x01")
            # A frame that begins with 1 is a method, its greeting; all else is a refusal.
            return client.recv(1) == b"\1" and all(_accepts(port) for port in self._besides_amqp)
        return False

    def _end_the_rest(self) -> None:
        """End the port mapper and the processes that the VM left behind. Most of these end by
        themselves; what is left after 5 seconds is killed."""
        if self._has_own_mapper:
            self._mapper.stop()
        deadline = time.monotonic() + 5
        while left := self._processes():
            for pid in left if time.monotonic() > deadline else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _processes(self) -> list[int]:
        """The ids of all processes of this node: HOME in their environment is its home."""
        home = f"HOME={self._home}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended, or is another user's
                if home in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found


def _started(
    command: Sequence[str], environ: Mapping[str, str], output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    program = _found(command[0])
    if program is None:
        raise RuntimeError(missing())
    return subprocess.Popen(
        [program, *command[1:]],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def _found(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join(_PLACES))


def _channel(connection: amqp.Connection) -> amqp.Channel:
    """A channel that leaves bodies as bytes, whatever encoding a message names."""
    channel = amqp.Channel(connection, auto_decode=False)
    channel.open()
    return channel


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
