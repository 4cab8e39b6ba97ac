"""make serve: a Glance, and a RabbitMQ where it is to have one, left running to be tried."""

import contextlib
import fcntl
import os
import select
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from demo import glance
from demo.broker_kinds import BrokerKind
from demo.glance import Server
from demo.keystone import ALICE, CAROL, Keystone
from demo.log_follower import Follower, Notification, describe, paint
from demo.queue_consumer import QueueConsumer
from demo.rabbit import Rabbit

FOLDER = Path(__file__).parent.parent / "build" / "serve"
"""Where all files of the servers are, so that the path of the paste file is always the same."""

_PASTE_FILE = Path("etc") / "glance-api-paste.ini"


@contextlib.contextmanager
def served_folder() -> Iterator[Path]:
    """FOLDER, new and empty. Its files stay when all has ended. Raises SystemExit where another
    `make serve` has it."""
    FOLDER.parent.mkdir(exist_ok=True)
    with FOLDER.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another `make serve` runs in {_shown(FOLDER)}: end it first")
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        yield FOLDER


def serve(folder: Path, kind: BrokerKind | None) -> NoReturn:
    """Run Glance, and RabbitMQ for a `kind`, until Ctrl-C (KeyboardInterrupt)."""
    if kind is None:
        _serve_glance(folder)
    else:
        _serve_both(folder, kind)


def _serve_glance(folder: Path) -> NoReturn:
    with glance.running(folder) as (server, keystone):
        print(_how_to_try(server, keystone), flush=True)
        follower = Follower(server.log)
        while True:
            for notification in follower.new():
                _show(notification)
            time.sleep(0.05)


def _serve_both(folder: Path, kind: BrokerKind) -> NoReturn:
    with Rabbit(folder / "rabbit", plugins=kind.plugins) as rabbit:
        consumer = QueueConsumer(rabbit)  # declares what the filter sends to
        paste = glance.paste_file(section=kind.section(rabbit.port, folder / "journal"))
        with glance.running(folder, paste=paste) as (server, keystone):
            print(_how_to_try_with_broker(server, keystone, kind), flush=True)
            show_queues(rabbit, consumer)


def show_queues(rabbit: Rabbit, consumer: QueueConsumer) -> NoReturn:
    """Show what comes to the queues; at each Enter stop RabbitMQ, or start it again."""
    shown: int | None = -1  # the process that the last line about RabbitMQ was about
    reads_input = True
    while True:
        if rabbit.pid != shown:
            shown = rabbit.pid
            print(paint(_state(shown), "dim"), flush=True)
        if reads_input and select.select([sys.stdin], [], [], 0)[0]:
            reads_input = sys.stdin.readline() != ""
            if reads_input:
                _toggle(rabbit)
        for notification in consumer.new(0.1):
            _show(notification)
        if rabbit.pid is None:
            time.sleep(0.1)


def _toggle(rabbit: Rabbit) -> None:
    is_up = rabbit.pid is not None
    print(paint(f"{'Stopping' if is_up else 'Starting'} RabbitMQ ...", "dim"), flush=True)
    rabbit.stop()  # where it has ended by itself, what is left of it
    if not is_up:
        rabbit.start()


def _state(pid: int | None) -> str:
    if pid is None:
        return "RabbitMQ is stopped. Enter starts it."
    return f"RabbitMQ is up. Enter stops it; so does: kill {pid}"


def _show(notification: Notification) -> None:
    print(f"{notification['timestamp'][11:19]}  {describe(notification)}", flush=True)


# -- the lines to paste ---------------------------------------------------------------------------


def _how_to_try(server: Server, keystone: Keystone) -> str:
    return f"""
Glance is up. In another terminal:

{_curl_lines(server, keystone)}

Its paste file is {_shown(FOLDER / _PASTE_FILE)}, its log {_shown(server.log)}.
Notifications, as they come (Ctrl-C ends Glance):
"""


def _how_to_try_with_broker(server: Server, keystone: Keystone, kind: BrokerKind) -> str:
    command = _shown(Path(sys.executable).parent / "glance-notify")
    paste_file = _shown(FOLDER / _PASTE_FILE)
    listen = f"""
In a second terminal, in this folder, listen:

  {command} listen {paste_file}
"""
    return f"""
Glance and RabbitMQ ({kind.protocol}) are up; Glance's log is {_shown(server.log)}.
{listen if kind.has_listen else ""}
In another terminal, in this folder, play with an image:

{_curl_lines(server, keystone)}

Then stop RabbitMQ with Enter in this terminal, download once more, and ask why nothing arrives:

{_DOWNLOAD}
  {command} status {paste_file}
  {command} check {paste_file}

Enter here starts RabbitMQ again, and what waited arrives. Ctrl-C ends both.
What comes to the queues, as a consumer of them sees it:
"""


_DOWNLOAD = """\
  curl -s $GLANCE/v2/images/$IMAGE/file -H "X-Auth-Token: $ALICE" -o /dev/null"""


def _curl_lines(server: Server, keystone: Keystone) -> str:
    """Lines for a shell: Alice creates an image, uploads, downloads; Carol is refused."""
    return f"""\
  GLANCE={server.url}
  ALICE={keystone.token(ALICE)}
  CAROL={keystone.token(CAROL)}   # of another project
  IMAGE=$(curl -s $GLANCE/v2/images -H "X-Auth-Token: $ALICE" -H 'Content-Type: application/json' \\
    -d '{{"name": "demo", "disk_format": "raw", "container_format": "bare"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
  head -c 10000000 /dev/urandom | curl -s -X PUT -T - $GLANCE/v2/images/$IMAGE/file \\
    -H "X-Auth-Token: $ALICE" -H 'Content-Type: application/octet-stream'
{_DOWNLOAD}
  curl -s $GLANCE/v2/images/$IMAGE/file -H "X-Auth-Token: $CAROL"   # is refused"""


def _shown(path: Path) -> str:
    """The path as it is to be typed: relative where it is below the current folder."""
    here = Path(os.getcwd())
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
