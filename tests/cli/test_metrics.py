"""glance-notify metrics, and the server of the relay: every metric, its labels, and the file."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.ports import free_port
from glance_notify_middleware.cli.node.collector import registry
from glance_notify_middleware.cli.node.metrics_server import MetricsServer
from glance_notify_middleware.delivery.node.state import Link, NodeState
from glance_notify_middleware.events.notification import Priority
from tests.cli.conftest import Run
from tests.cli.node_states import NOW, PASSWORD, Seen, out_of_reach, paste_file, state, target

NODE = state(
    out_of_reach(
        set_aside={Priority.WARN: 2},
        dead=1,
        dead_letters=4,
        lost={"damaged": 3},
        skipped=6,
        sent_again=1,
        send_failures={"connection": 9},
    ),
    target("qpid", last_confirm=None),
    dropped={"full": 7},
    followed=2,
    unknown=5,
)


def samples(text: str) -> dict[str, float]:
    """The value of each sample, by its name and labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_every_metric_of_the_node_is_shown(run: Run, seen: Seen, tmp_path: Path) -> None:
    seen(NODE)
    ended = run("metrics", paste_file(tmp_path))
    assert ended.status == 0
    assert ended.err == ""
    found = samples(ended.out)
    assert all(name.startswith("glance_notify_") for name in found)
    found = {name.removeprefix("glance_notify_"): value for name, value in found.items()}
    assert re.fullmatch(r"build_info\{version=0\.\d.*\}", version := next(iter(found)))
    assert found.pop(version) == 1
    assert found == {
        "recorded_total{event_type=image.send,priority=INFO}": 10,
        "recorded_total{event_type=image.send,priority=ERROR}": 2,
        "dropped_total{reason=full}": 7,
        "dropped_total{reason=disk}": 0,
        "outcome_unknown_total": 5,
        "journal_bytes": 3 * 2**20,
        "journal_max_bytes": 2**30,
        "processes": 4,
        "leader": 1,
        "followed_operations": 2,
        "lookups_total{result=found}": 7,
        "lookups_total{result=refused}": 0,
        "lookups_total{result=failed}": 0,
        "image_sent_bytes_total{result=complete}": 2**20,
        "image_sent_bytes_total{result=cut}": 0,
        "delivered_total{target=rabbit}": 12,
        "delivered_total{target=qpid}": 12,
        "sent_again_total{target=rabbit}": 1,
        "sent_again_total{target=qpid}": 0,
        "skipped_total{target=rabbit}": 6,
        "skipped_total{target=qpid}": 0,
        "dead_letters_total{target=rabbit}": 4,
        "dead_letters_total{target=qpid}": 0,
        "pending{target=rabbit}": 3,
        "pending{target=qpid}": 0,
        "oldest_pending_timestamp_seconds{target=rabbit}": NOW - 60,
        "last_confirm_timestamp_seconds{target=rabbit}": NOW - 5,
        "connected{target=rabbit}": 0,
        "connected{target=qpid}": 1,
        **{
            f"send_failures_total{{reason={reason},target={name}}}": 9
            if (name, reason) == ("rabbit", "connection")
            else 0
            for name in ("rabbit", "qpid")
            for reason in (
                *("connection", "denied", "refused", "rejected", "unroutable", "unusable"),
            )
        },
        **{
            f"lost_total{{reason={reason},target={name}}}": 3
            if (name, reason) == ("rabbit", "damaged")
            else 0
            for name in ("rabbit", "qpid")
            for reason in ("damaged", "operator", "removed")
        },
        **{
            f"set_aside{{priority={priority},target={name}}}": 2
            if (name, priority) == ("rabbit", "WARN")
            else 0
            for name in ("rabbit", "qpid")
            for priority in ("INFO", "WARN", "ERROR")
        },
    }


def test_each_metric_has_help_and_type_once_and_none_is_of_the_process(
    run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(NODE)
    lines = run("metrics", paste_file(tmp_path)).out.splitlines()
    helped = [line.split()[2] for line in lines if line.startswith("# HELP")]
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert helped == typed
    assert len(set(helped)) == len(helped) == 22
    assert not any("_created" in line or line.startswith(("process_", "python_")) for line in lines)
    assert not any(PASSWORD in line or "Connection refused" in line for line in lines)


def test_output_is_a_file_that_everybody_may_read(run: Run, seen: Seen, tmp_path: Path) -> None:
    seen(NODE)
    path = tmp_path / "glance_notify.prom"
    path.write_text("of before")
    before = os.umask(0o077)
    try:
        ended = run("metrics", paste_file(tmp_path), "--output", str(path))
    finally:
        os.umask(before)
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert samples(path.read_text())["glance_notify_pending{target=rabbit}"] == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert {each.name for each in tmp_path.glob("*.prom*")} == {path.name}
    assert not list(tmp_path.glob(".*"))


def test_output_of_before_stays_when_the_new_one_cannot_be_written(
    run: Run, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    seen(NODE)
    path = tmp_path / "glance_notify.prom"
    path.write_text("of before")
    monkeypatch.setattr(os, "replace", fail)
    ended = run("metrics", paste_file(tmp_path), "--output", str(path))
    assert ended.status == 3
    assert ended.err.startswith(f"glance-notify: --output {path}: No space left on device; exp")
    assert path.read_text() == "of before"
    assert not list(tmp_path.glob(".*"))


def test_output_in_a_missing_directory_is_one_line(run: Run, seen: Seen, tmp_path: Path) -> None:
    seen(NODE)
    ended = run("metrics", paste_file(tmp_path), "--output", str(tmp_path / "none" / "x.prom"))
    assert "No such file or directory; expected a file in a directory" in ended.one_line(3)


def test_without_a_journal_only_the_version_is_shown(run: Run, tmp_path: Path) -> None:
    ended = run("metrics", paste_file(tmp_path, strategy="logging", more=""))
    assert ended.status == 0
    assert len(samples(ended.out)) == 1
    assert "there is nothing to see" in ended.err


@pytest.mark.parametrize("text", ["9464", "127.0.0.1", "127.0.0.1:0", "::1:9464", "a b:1", "[::1]"])
def test_bad_address_is_wrong_use(text: str, run: Run) -> None:
    ended = run("relay", "--metrics-listen", text)
    assert "is no address; expected HOST:PORT, as 127.0.0.1:9464" in ended.one_line(2)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_server_answers_each_request_with_the_state_of_that_moment(host: str) -> None:
    states = [NODE, state()]
    port = free_port()
    with serving(host, port, lambda: states.pop(0)):
        assert samples(got(host, port))["glance_notify_pending{target=rabbit}"] == 3
        assert samples(got(host, port))["glance_notify_pending{target=rabbit}"] == 0


def test_server_answers_prometheus_in_its_own_format() -> None:
    port = free_port()
    with serving("127.0.0.1", port, lambda: NODE):
        text = got("127.0.0.1", port, Accept="application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert "_created" not in text


def test_server_goes_on_after_a_state_that_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    states = [state()]
    port = free_port()
    with serving("127.0.0.1", port, lambda: states.pop(0)):
        got("127.0.0.1", port)
        with pytest.raises(HTTPError) as refused:
            got("127.0.0.1", port)
        assert refused.value.code == 503
        refused.value.close()
        assert "IndexError" in caplog.text
        assert "the metrics cannot be read" in caplog.text
        states.append(NODE)
        assert "pending" in got("127.0.0.1", port)


def test_port_in_use_is_one_line(run: Run, tmp_path: Path) -> None:
    port = free_port()
    with serving("127.0.0.1", port, state):
        ended = run("relay", paste_file(tmp_path), "--metrics-listen", f"127.0.0.1:{port}")
    line = ended.one_line(3)
    assert line == (
        f"glance-notify: --metrics-listen 127.0.0.1:{port}: Address already in use; expected an "
        "address of this machine, and a port that no process listens on"
    )


def test_connection_that_is_not_up_counts_as_none() -> None:
    for link in Link:
        found = registry(lambda link=link: state(target(link=link)), "1")  # type: ignore[misc]
        value = found.get_sample_value("glance_notify_connected", {"target": "rabbit"})
        assert value == (link is Link.CONNECTED)


def got(host: str, port: int, **headers: str) -> str:
    """The text that the server answers."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    request = Request(f"http://{where}/metrics", headers=headers)
    with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
        return str(answer.read().decode())


@contextmanager
def serving(host: str, port: int, read: Callable[[], NodeState]) -> Iterator[None]:
    server = MetricsServer(host, port)
    try:
        server.start(registry(read, "1.2"))
        yield
    finally:
        server.close()
