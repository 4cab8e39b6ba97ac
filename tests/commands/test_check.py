"""glance-notify check beside a real Glance: what is right for the one is right for the other."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import glance
from demo.ports import free_port
from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.check.ini_file import IniFile
from glance_notify_middleware.cli.check.pipelines import Pipelines
from tests.cli.conftest import Run, run  # noqa: F401
from tests.cli.test_ini_file import PATH, as_paste_reads
from tests.commands.conftest import CANARY, GlanceNode
from tests.commands.running import glance_notify
from tests.commands.wrong_setups import PIPELINES
from tests.journal.processes import eventually

QUEUES = ("notifications.info", "notifications.warn", "notifications.error")

LOADS = """
import json
from glance.common import wsgi_app
each = wsgi_app.init_app()
each = dict((path, app) for (_, path), app in each.applications)[""]
found = []
while each is not None:
    each = getattr(each, "__self__", each)  # the filter is a bound method
    found.append(type(each).__name__)
    each = getattr(each, "application", None) or getattr(each, "_app", None)
print(json.dumps(found))
"""
"""Loads Glance as a WSGI server does, and shows the classes of its pipeline."""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a Glance with a database, and the filter in its pipelines."""
    return glance.lay_out(tmp_path_factory.mktemp("glance"))


def load(configuration: Path) -> tuple[int, str]:
    """Load Glance in a process of its own; returns its exit status, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS],
        env={**os.environ, "OS_GLANCE_CONFIG_DIR": str(configuration)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_set_up_without_a_finding_is_loaded_by_glance(
    configuration: Path,
    run: Run,  # noqa: F811
) -> None:
    ended = run("check", "--conf", str(configuration / "glance-api.conf"))
    assert (ended.status, ended.out) == (0, "")
    status, printed = load(configuration)
    assert status == 0, printed
    (line,) = [line for line in printed.splitlines() if line.startswith('["')]
    classes = json.loads(line)
    assert classes[classes.index("ContextMiddleware") + 1] == "NotifyMiddleware"


def test_set_up_of_which_check_says_that_glance_does_not_start_is_not_loaded(
    configuration: Path,
    run: Run,  # noqa: F811
) -> None:
    paste = configuration / "glance-api-paste.ini"
    right = paste.read_text()
    paste.write_text(f"[DEFAULT]\nrelay = external\n{right}")
    try:
        ended = run("check", str(paste), "-f", "value", "-c", "what")
        assert ended.status == 3
        assert "Glance does not start" in ended.out
        status, printed = load(configuration)
        assert status != 0
        assert "option relay of the notify filter stands in [DEFAULT]" in printed
    finally:
        paste.write_text(right)


def test_stock_paste_file_with_the_filter_is_read_as_pastedeploy_reads_it() -> None:
    text = glance.paste_file("keystone+caching")
    file = IniFile(PATH, text)
    found = {n: {each: v.text for each, v in s.lines.items()} for n, s in file.sections.items()}
    assert {"DEFAULT": {}, **found} == as_paste_reads(text)
    line = file.sections["filter:notify"].lines["notifier_strategy"]
    assert text.splitlines()[line.number - 1] == "notifier_strategy = logging"


@pytest.mark.parametrize("flavor", ["keystone", "keystone+caching", "default", "caching"])
def test_chain_of_a_stock_flavor_is_that_of_its_pipeline(flavor: str) -> None:
    text = glance.paste_file(flavor, after="versionnegotiation")
    (chain,) = Pipelines(IniFile(PATH, text)).chains(flavor)
    (line,) = [line for line in text.splitlines() if line.startswith(f"{flavor} = ")]
    assert [*chain.words, "rootapp"] == line.split()[2:]
    assert chain.application.startswith("glance.api.v2.router:")


def test_pipelines_of_the_set_ups_are_those_of_the_stock_paste_file() -> None:
    stock = as_paste_reads(glance.STOCK_PASTE_FILE.read_text())
    for section, lines in as_paste_reads(PIPELINES).items():
        assert lines.items() <= stock.get(section, {}).items()


# -- with brokers ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readers(node: GlanceNode) -> Iterator[None]:
    """A consumer of each queue of the node, which its leader makes for a first notification."""
    node.emit(1)
    vhost = paste_file.settings_of(node.paste_file, None).rabbit.virtual_host
    eventually(lambda: len(node.rabbit.api("GET", f"queues/{vhost}")) == len(QUEUES))
    with node.rabbit.connected(vhost) as connection:
        channel = connection.channel()
        for queue in QUEUES:
            channel.basic_consume(queue, no_ack=True, callback=lambda message: None)
        yield


def checked(node: GlanceNode, *words: str) -> subprocess.CompletedProcess[str]:
    """What check prints of a node. It shows no password."""
    ended = glance_notify("check", node.paste_file, "--user", "root", *words)
    assert CANARY not in ended.stdout + ended.stderr
    return ended


def test_running_glance_with_both_targets_has_no_finding(node: GlanceNode, readers: None) -> None:
    ended = checked(node)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert ended.stderr.startswith(f"no finding: {node.paste_file}, [filter:notify], ")
    assert "target qpid, target rabbit" in ended.stderr


def test_targets_that_cannot_be_reached_are_all_found_in_time(
    node: GlanceNode, tmp_path: Path
) -> None:
    text = node.paste_file.read_text()
    dead = f"127.0.0.1:{free_port()}"
    paste = tmp_path / "glance-api-paste.ini"
    paste.write_text(text.replace(f"127.0.0.1:{node.rabbit.port}", dead))
    before = time.monotonic()
    ended = glance_notify("check", paste, "--user", "root", "-f", "json")
    assert time.monotonic() - before < 15
    assert CANARY not in ended.stdout + ended.stderr
    found = [(each["level"], each["name"]) for each in json.loads(ended.stdout)]
    assert found == [("ERROR", "broker-port-closed")] * 2
    assert ended.returncode == 3
