"""A filter in a process of its own, from its load to the end of the process.

With threads, and with eventlet's monkey-patching, as `glance-api` of Glance up to 32 runs.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.rabbit import Rabbit as Node
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.webhook_place import WebhookPlace

PROGRAM = """
import json, sys, time, warnings, weakref

# As in Glance, a library has made a finalizer before the filter is loaded: `runtime.shutdown`.
weakref.finalize(json.JSONDecoder, int)

if sys.argv[1] == "eventlet":
    warnings.simplefilter("ignore")  # eventlet warns that it is deprecated
    import eventlet
    eventlet.monkey_patch()

from glance_notify_middleware import filter_factory
from tests.wsgi.doubles import FakeGlance, Server, answering, environ

app = filter_factory({}, **json.loads(sys.argv[2]))(FakeGlance(answering("204 No Content")))
Server().serve(app, environ("DELETE", "/v2/images/an-image"))
ticks = [time.monotonic()]
while time.monotonic() < ticks[0] + 6.0:
    time.sleep(0.02)
    ticks.append(time.monotonic())
print(max(later - before for before, later in zip(ticks, ticks[1:])))
"""

KINDS = pytest.mark.parametrize("kind", ["threads", "eventlet"])
TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


def run(kind: str, journal_dir: Path, **options: str) -> float:
    """Record one event, leave some seconds to send it, and end in good order.

    Returns the longest time, in seconds, in which no request could have been served.
    """
    given = json.dumps({"journal_dir": str(journal_dir), **options})
    command = [sys.executable, "-c", PROGRAM, kind, given]
    return float(subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True).stdout)


@KINDS
@TLS
def test_process_with_qpid_delivers_is_never_blocked_and_ends(
    tls: bool, kind: str, rabbit: Node, tmp_path: Path
) -> None:
    with QpidPlace(rabbit) as place:
        options = place.options | {"notifier_strategy": "qpid"}
        if tls:
            options |= {
                "qpid_hosts": f"127.0.0.1:{rabbit.tls_port}",
                "qpid_protocol": "ssl",
                "qpid_ssl_ca_file": str(rabbit.certificates.ca),
            }
        longest = run(kind, tmp_path / "journal", **options)
        assert len(place.received(1)) == 1
    assert longest < 1.0


@KINDS
@TLS
def test_process_with_rabbit_delivers_is_never_blocked_and_ends(
    tls: bool, kind: str, rabbit: Node, vhost: str, tmp_path: Path
) -> None:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    place.queue("notifications.info")
    options = {
        "notifier_strategy": "rabbit",
        "rabbit_host": "127.0.0.1",
        "rabbit_port": str(rabbit.tls_port if tls else rabbit.port),
        "rabbit_virtual_host": vhost,
    }
    if tls:
        options |= {
            "rabbit_use_ssl": "true",
            "rabbit_ssl_ca_file": str(rabbit.certificates.ca),
        }
    longest = run(kind, tmp_path / "journal", **options)
    assert len(place.received(1)) == 1
    assert longest < 1.0


@KINDS
def test_process_with_webhook_delivers_is_never_blocked_and_ends(kind: str, tmp_path: Path) -> None:
    with WebhookPlace(tmp_path / "receiver") as place:
        options = place.options() | {"notifier_strategy": "webhook"}
        longest = run(kind, tmp_path / "journal", **options)
        assert len(place.received(1)) == 1
    assert longest < 1.0
