"""glance-notify config: each value, its origin, and no secret."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.config import OPTIONS
from tests.cli.conftest import Ended, Run

CANARY = "pa55word"
HEAD = "paste.filter_factory = glance_notify_middleware:filter_factory\n"


def written(folder: Path, lines: str, before: str = "") -> Path:
    path = folder / "glance-api-paste.ini"
    path.write_text(f"{before}[filter:notify]\n{HEAD}{lines}")
    return path


def shown(run: Run, path: Path, status: int = 0) -> tuple[dict[str, Any], Ended]:
    ended = run("config", str(path), "-f", "json")
    assert ended.status == status
    assert CANARY not in ended.out + ended.err
    rows = json.loads(ended.out)
    return {row["option"]: (row["value"], row["origin"]) for row in rows}, ended


def test_empty_section_has_a_row_for_each_option_with_its_default(run: Run, tmp_path: Path) -> None:
    rows, _ = shown(run, written(tmp_path, ""))
    assert list(rows) == [option.name for option in OPTIONS]
    assert rows.pop("default_publisher_id") == (
        socket.gethostname(),
        "default: the name of the host",
    )
    secrets = {option.name for option in OPTIONS if option.secret}
    for option in OPTIONS:
        if option.name in rows:
            value = "***" if option.name in secrets and option.default else option.default
            assert rows[option.name] == (value, "default")


def test_value_of_the_section_has_the_number_of_its_line(run: Run, tmp_path: Path) -> None:
    before = "[DEFAULT]\ndebug = true\n[filter:cors]\nrabbit_port = 1\n"
    path = written(
        tmp_path,
        "rabbit_port: 5673\ndisabled_notifications =\n image.send,\n image.update\n",
        before,
    )
    rows, _ = shown(run, path)
    assert rows["rabbit_port"] == ("5673", f"{path}:7")
    assert rows["disabled_notifications"] == ("image.send, image.update", f"{path}:8")


def test_line_of_another_file_has_the_paste_file_as_its_origin(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.ini"
    other.write_text(f"[filter:notify]\n{HEAD}rabbit_port = 5673\n")
    path = tmp_path / "paste.ini"
    path.write_text("[filter:notify]\nuse = config:other.ini#notify\n")
    ended = run("config", str(path), "--filter", "notify", "-f", "json")
    rows = {row["option"]: row for row in json.loads(ended.out)}
    assert rows["rabbit_port"] == {"option": "rabbit_port", "value": "5673", "origin": str(path)}


def test_transport_url_takes_the_place_of_the_other_options(run: Run, tmp_path: Path) -> None:
    url = f"rabbit://user:{CANARY}@h1,user:{CANARY}@h2:5673/vhost?ssl=true"
    path = written(tmp_path, f"transport_url = {url}\n")
    rows, _ = shown(run, path)
    assert rows["transport_url"] == ("rabbit://***@h1:5672,h2:5673/vhost", f"{path}:3")
    origin = f"transport_url, {path}:3"
    assert rows["rabbit_hosts"] == ("h1:5672,h2:5673", origin)
    assert rows["rabbit_virtual_host"] == ("vhost", origin)
    assert rows["rabbit_use_ssl"] == ("true", origin)
    assert rows["rabbit_userid"] == rows["rabbit_password"] == ("***", origin)
    assert rows["rabbit_host"] == rows["rabbit_port"] == ("", origin)


def test_url_of_a_receiver_is_shown_as_scheme_and_host(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, f"webhook_url = https://{CANARY}@h:1/{CANARY}\n")
    rows, _ = shown(run, path)
    assert rows["webhook_url"] == ("https://h:1/***", f"{path}:3")


def test_option_whose_place_another_takes_has_no_value(run: Run, tmp_path: Path) -> None:
    path = written(
        tmp_path, "rabbit_hosts = h1,h2\nqpid_password_file = /etc/x\nqpid_username = u\n"
    )
    rows, _ = shown(run, path)
    assert rows["rabbit_host"] == ("", f"rabbit_hosts, {path}:3")
    assert rows["qpid_password"] == ("", f"qpid_password_file, {path}:4")
    assert rows["transport_url"] == ("", "default")


@pytest.mark.parametrize(
    "lines",
    [
        f"rabbit_password = {CANARY}\n",
        f"qpid_username = u\nqpid_password = {CANARY}\n",
        f"transport_url = amqps://u:{CANARY}@h/%%2F\n",
        f"webhook_url = https://u:{CANARY}@h/{CANARY}?{CANARY}\n",
        f"webhook_proxy = http://u:{CANARY}@h\n",
    ],
)
def test_secret_is_masked(lines: str, run: Run, tmp_path: Path) -> None:
    shown(run, written(tmp_path, lines))


@pytest.mark.parametrize(
    ("lines", "option", "value"),
    [
        (f"rabbit_pasword = {CANARY}\n", "rabbit_pasword", "***"),
        (f"transport_url = u:{CANARY}@h\n", "transport_url", "***"),
        (f"rabbit_host = u:{CANARY}@h\n", "rabbit_host", "***"),
        (f"webhook_url = http://u:{CANARY}@h\n", "webhook_url", "***"),
        (f"webhook_proxy = https://u:{CANARY}@h\n", "webhook_proxy", "***"),
        (f"rabbit_port = 1\n rabbit_password = {CANARY}\n", "rabbit_port", "***"),
        (f"set rabbit_password = {CANARY}\n", "rabbit_password", "***"),
        ("rabbit_use_ssl = false\nrabbit_ssl_ca_file = /ca\n", "rabbit_ssl_ca_file", "/ca"),
    ],
)
def test_section_that_does_not_load_is_shown_with_its_error(
    lines: str, option: str, value: str, run: Run, tmp_path: Path
) -> None:
    rows, ended = shown(run, written(tmp_path, lines), status=3)
    assert rows[option][0] == value
    (line,) = ended.err.splitlines()
    assert option in line


def test_option_in_default_is_refused(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "", f"[DEFAULT]\nrabbit_password = {CANARY}\n")
    rows, _ = shown(run, path, status=3)
    assert rows["rabbit_password"][1].startswith("refused: it stands in [DEFAULT]")


def test_name_without_a_meaning_is_named(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "rabbit_max_retries = 0\n")
    rows, _ = shown(run, path)
    assert rows["rabbit_max_retries"] == ("***", f"{path}:3; has no meaning any more")


def test_missing_section_is_wrong_use(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "paste.ini"
    path.write_text("[DEFAULT]\n")
    ended = run("config", str(path))
    assert (ended.status, ended.out) == (2, "")
    assert "has no section [filter:notify]" in ended.err


def test_line_of_a_target_has_its_value_and_no_secret(run: Run, tmp_path: Path) -> None:
    lines = (
        "notifier_strategy = billing, pigeon\n"
        "billing.strategy = rabbit\n"
        f"billing.rabbit_password = {CANARY}\n"
        f"billing.transport_url =\n"
        "billing.event_types = image.send\n"
        f"pigeon.seed = {CANARY}\n"
    )
    path = written(tmp_path, lines)
    rows, _ = shown(run, path)
    assert rows["billing.strategy"] == ("rabbit", f"{path}:4")
    assert rows["billing.rabbit_password"] == ("***", f"{path}:5")
    assert rows["billing.event_types"] == ("image.send", f"{path}:7")
    assert rows["pigeon.seed"] == ("***", f"{path}:8")
    url = f"billing.transport_url = rabbit://glance:{CANARY}@h/v\n"
    path = written(tmp_path, f"notifier_strategy = billing\nbilling.strategy = rabbit\n{url}")
    assert shown(run, path)[0]["billing.transport_url"][0] == "rabbit://***@h:5672/v"


def test_refused_line_of_a_target_is_masked(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, f"notifier_strategy = rabbit\nrabit.rabbit_password = {CANARY}\n")
    rows, ended = shown(run, path, 3)
    assert rows["rabit.rabbit_password"] == ("***", f"{path}:4; refused")
    assert "did you mean rabbit.rabbit_password?" in ended.err


def test_line_of_a_target_has_no_meaning_with_noop(run: Run, tmp_path: Path) -> None:
    lines = f"notifier_strategy = noop\na.strategy = rabbit\na.rabbit_password = {CANARY}\n"
    path = written(tmp_path, lines)
    rows, _ = shown(run, path)
    why = "has no meaning with notifier_strategy = noop"
    assert rows["a.strategy"] == ("***", f"{path}:4; {why}")
    assert rows["a.rabbit_password"] == ("***", f"{path}:5; {why}")
