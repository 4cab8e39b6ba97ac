"""status, metrics and drain at a real Glance that sends to a real RabbitMQ, which stops."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.ports import free_port
from tests.commands.conftest import CANARY, GlanceNode
from tests.commands.documented import assert_documented
from tests.commands.running import PROGRAM, glance_notify
from tests.journal.processes import eventually
from tests.tools import promtool

PAGE = "monitoring.md"
PROCESSES = 2  # of Glance; all of them have counters
OUT_OF_REACH, CONNECTED = "out of reach", "connected"


def states(found: Mapping[str, Any]) -> list[str]:
    return [target["state"] for target in found["targets"].values()]


def pending(found: Mapping[str, Any]) -> list[int]:
    return [target["pending"] for target in found["targets"].values()]


def reasons(found: Mapping[str, Any]) -> list[str]:
    return [target["why"] for target in found["targets"].values()]


def is_settled(node: GlanceNode) -> bool:
    """Whether both targets are connected, and have been sent everything."""
    found = node.status()
    return states(found) == [CONNECTED] * 2 and pending(found) == [0, 0]


@pytest.fixture
def away(node: GlanceNode) -> Iterator[None]:
    """RabbitMQ has been stopped, and three notifications wait; it is started again."""
    eventually(lambda: is_settled(node))
    node.rabbit.kill()
    try:
        node.emit(3)
        yield
    finally:
        if not node.rabbit.is_up:
            node.rabbit.start()


def test_node_where_all_is_right(node: GlanceNode) -> None:
    before = node.status()["recorded"]
    node.emit(2)
    node.play_life()
    eventually(lambda: is_settled(node))
    found = node.status()
    assert found["recorded"] - before == 7
    assert found["recorded_by_type"]["image.send"]["WARN"] == 2
    assert found["processes"] == PROCESSES
    assert found["leader"] is True
    assert found["image_sent_bytes"]["complete"] == 32
    assert found["findings"] == []
    for target in found["targets"].values():
        assert target["delivered"] == found["recorded"]
        eventually(lambda name=target["target"]: node.status()["targets"][name]["last_confirm"])  # type: ignore[misc]
    ended = glance_notify("status", node.paste_file, "--nagios")
    assert ended.returncode == 0
    assert ended.stdout.startswith("GLANCE_NOTIFY OK - rabbit connected, qpid connected, 0 pending")


def test_broker_that_stops_is_seen_in_seconds_and_drain_waits_for_it(
    node: GlanceNode, away: None
) -> None:
    # Two seconds as a rule; a lost connection that is noticed by its heartbeat takes a minute.
    eventually(lambda: states(node.status()) == [OUT_OF_REACH] * 2, 15)
    assert pending(node.status()) == [3, 3]
    # A connection is lost in one of several ways; each further try is refused.
    eventually(lambda: all("refused" in why for why in reasons(node.status())))

    ended = glance_notify("status", node.paste_file)
    assert ended.returncode == 1
    assert_documented(PAGE, "glance-notify status", ended.stdout)
    ended = glance_notify("status", node.paste_file, "-f", "value", "-c", "target", "-c", "pending")
    assert_documented(PAGE, "glance-notify status -f value -c target -c pending", ended.stdout)
    ended = glance_notify("status", node.paste_file, "--nagios")
    assert ended.returncode == 1
    assert_documented(PAGE, "glance-notify status --nagios", ended.stdout)
    lines = glance_notify("metrics", node.paste_file).stdout.splitlines(keepends=True)
    shown = "".join(line for line in lines if "pending" in line or "connected" in line)
    assert_documented(PAGE, "glance-notify metrics | grep -e pending -e connected", shown)
    ended = glance_notify("drain", node.paste_file, "--timeout", "1s")
    assert ended.returncode == 1
    assert_documented(PAGE, "glance-notify drain --timeout 1s", ended.stderr + ended.stdout)

    with subprocess.Popen(
        [PROGRAM, "drain", str(node.paste_file), "--timeout", "30s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as drain:
        assert drain.stdout is not None
        first = drain.stdout.readline()
        node.rabbit.start()
        lines = [first, *drain.stdout]
    assert drain.returncode == 0
    shown = "".join([lines[0], *lines[-2:]])  # what comes between depends on who is first
    assert_documented(PAGE, "glance-notify drain --timeout 30s", shown)
    assert pending(node.status()) == [0, 0]


@contextmanager
def relaying(node: GlanceNode, port: int) -> Iterator[subprocess.Popen[str]]:
    """The command relay beside a Glance, on the same journal_dir, which serves the metrics."""
    listen = f"[::1]:{port}"
    with subprocess.Popen(
        [PROGRAM, "relay", str(node.paste_file), "--metrics-listen", listen],
        stderr=subprocess.PIPE,
        text=True,
    ) as relay:
        try:
            eventually(lambda: got(port) is not None)
            yield relay
        finally:
            relay.kill()


def got(port: int) -> dict[str, float] | None:
    """The samples without a label, and those of the target rabbit, that the relay serves; None: it
    does not serve yet."""
    try:
        return samples(served(port))
    except OSError:
        return None


def served(port: int) -> str:
    """The text that the relay serves. Raises OSError."""
    with build_opener(ProxyHandler({})).open(f"http://[::1]:{port}/metrics") as answer:
        return str(answer.read().decode())


def samples(text: str) -> dict[str, float]:
    return {
        sample.name.removeprefix("glance_notify_"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels in ({}, {"target": "rabbit"})
    }


def test_all_of_glance_is_stopped(node: GlanceNode, away: None) -> None:
    """The state is right all the same; the relay takes over, and serves what it does."""
    node.stop()
    try:
        found = node.status()
        assert found["processes"] == 0
        assert found["leader"] is False
        assert pending(found) == [3, 3]
        assert [finding["name"] for finding in found["findings"]] == ["no-leader"]
        ended = glance_notify("drain", node.paste_file, "--timeout", "0")
        assert ended.returncode == 1
        assert "no leader runs, so nothing is delivered: start Glance, or" in ended.stderr
        port = free_port()
        with relaying(node, port) as relay:
            served = _until(port, lambda found: bool(found["leader"]))
            assert served["pending"] == 3
            node.rabbit.start()
            served = _until(port, lambda found: found["pending"] == 0)
            assert served["delivered_total"] == found["recorded"]
            # The relay still holds the lock of the leader, after so many looks at it.
            assert node.status()["leader"] is True
            relay.send_signal(signal.SIGTERM)
            _, log = relay.communicate(timeout=30)
            assert relay.returncode == 0
            assert CANARY not in log
    finally:
        node.start()


def _until(port: int, is_so: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    deadline = time.monotonic() + 30
    while not ((found := got(port)) and is_so(found)):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_metrics_pass_promtool(node: GlanceNode) -> None:
    program = promtool()
    texts = [glance_notify("metrics", node.paste_file).stdout]
    path = node.folder / "glance_notify.prom"
    assert not glance_notify("metrics", node.paste_file, "--output", path).stderr
    texts.append(path.read_text())
    port = free_port()
    with relaying(node, port):
        texts.append(served(port))
    for text in texts:
        assert "glance_notify_pending" in text
        done = subprocess.run(
            [program, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    "words", [("status",), ("status", "--nagios"), ("metrics",), ("drain", "--timeout", "0")]
)
def test_no_command_prints_a_password(words: tuple[str, ...], node: GlanceNode) -> None:
    for more in ((), ("--help",), ("--bad",)):
        ended = glance_notify(*words, node.paste_file, *more)
        assert CANARY not in ended.stdout + ended.stderr
        assert ended.returncode == (2 if "--bad" in more else 0), ended
