"""Wrong use of send-test, and its test of the logging strategy. Brokers: tests/commands."""

import json
import os
from pathlib import Path

import pytest

from glance_notify_middleware.strategies import Outcome, SendError
from tests.cli.conftest import Run
from tests.cli.test_listen import paste_file

CANARY = "pa55word"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "qpid"], "--target qpid: no such target; the targets are: "),
        (["--priority", "debug"], "argument --priority: invalid choice"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], said: str, run: Run, tmp_path: Path) -> None:
    ended = run("send-test", paste_file(tmp_path, "notifier_strategy = logging"), *words)
    assert said in ended.one_line(2)


def test_noop_has_nothing_to_test(run: Run, tmp_path: Path) -> None:
    ended = run("send-test", paste_file(tmp_path))
    assert (ended.status, ended.out) == (3, "")
    assert "'noop' sends nothing" in ended.err


def test_log_file_gets_one_line(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "notifications.log"
    log.touch()
    section = paste_file(tmp_path, "notifier_strategy = logging", f"log_file = {log}")
    ended = run("send-test", section, "--priority", "error", "-f", "json")
    assert ended.status == 0
    (row,) = json.loads(ended.out)
    assert (row["target"], row["result"], row["why"]) == ("logging", "taken", "")
    assert 0 < row["milliseconds"] < 1000
    sent = json.loads(log.read_text())
    assert (sent["event_type"], sent["priority"]) == ("glance_notify.test", "ERROR")
    assert sent["message_id"] in ended.err


def test_root_makes_no_log_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    log = tmp_path / "notifications.log"
    section = paste_file(tmp_path, "notifier_strategy = logging", f"log_file = {log}")
    ended = run("send-test", section, "-f", "json")
    assert ended.status == 1
    (row,) = json.loads(ended.out)
    assert (row["result"], row["milliseconds"]) == ("not written", None)
    assert "start Glance" in row["mend"]
    assert not log.exists()


def test_log_file_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    section = paste_file(tmp_path, "notifier_strategy = logging", f"log_file = {tmp_path}")
    ended = run("send-test", section, "-f", "json")
    assert ended.status == 1
    (row,) = json.loads(ended.out)
    assert row["why"] == f"{tmp_path}: Is a directory"


@pytest.mark.parametrize(
    ("lines", "mend"),
    [
        (
            ("a.strategy = rabbit", f"a.transport_url = rabbit://u:{CANARY}@127.0.0.1:1/v"),
            "in a.transport_url, write 127.0.0.1:5672 for 127.0.0.1:1 (",
        ),
        (
            ("a.strategy = rabbit", "a.rabbit_hosts = 127.0.0.1:1, 127.0.0.1:2"),
            "in [filter:notify] of {path}: a.rabbit_hosts = 127.0.0.1:5672, 127.0.0.1:2 (",
        ),
        (
            (
                "a.strategy = webhook",
                f"a.webhook_url = https://u:{CANARY}@192.0.2.1/",
                f"a.webhook_proxy = http://u:{CANARY}@127.0.0.1:1",
            ),
            "in [filter:notify] of {path}: a.webhook_proxy = URL (",
        ),
    ],
)
def test_line_that_mends_is_that_of_the_target_as_check_shows_it(
    lines: tuple[str, ...], mend: str, run: Run, tmp_path: Path
) -> None:
    path = paste_file(tmp_path, "notifier_strategy = a", *lines, f"journal_dir = {tmp_path}")
    sent = run("send-test", path, "-f", "json")
    checked = run("check", path, "-f", "json")
    assert CANARY not in sent.out + sent.err + checked.out + checked.err
    (row,) = json.loads(sent.out)
    assert (row["target"], row["result"]) == ("a", "no connection")
    assert row["mend"].startswith(mend.format(path=path))
    assert row["mend"] in [finding["mend"] for finding in json.loads(checked.out)]


def test_option_that_declares_queues_is_that_of_the_target(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

    monkeypatch.setattr(Rabbit, "connect", lambda _: None)
    monkeypatch.setattr(Rabbit, "send", lambda *_: [Outcome.UNROUTABLE])
    ended = run("send-test", paste_file(tmp_path, "notifier_strategy = a", "a.strategy = rabbit"))
    assert "or set a.create_queues = auto" in ended.out


def test_option_in_a_refusal_is_the_line_of_the_target(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

    def fail(_: object) -> None:
        raise SendError("option rabbit_ssl_ca_file: /x is empty")

    monkeypatch.setattr(Rabbit, "connect", fail)
    section = ("notifier_strategy = a", "a.strategy = rabbit", "a.rabbit_hosts = 127.0.0.1:1")
    ended = run("send-test", paste_file(tmp_path, *section), "-f", "json")
    (row,) = json.loads(ended.out)
    assert row["why"] == "option a.rabbit_ssl_ca_file: /x is empty"


def test_line_of_a_log_file_is_that_of_the_target(run: Run, tmp_path: Path) -> None:
    lines = ("notifier_strategy = a, logging", "a.strategy = logging", f"a.log_file = {tmp_path}")
    ended = run("send-test", paste_file(tmp_path, *lines), "-f", "json")
    own, shared = json.loads(ended.out)
    assert own["mend"].endswith("or a.log_file = another file")
    assert shared["why"].startswith("without log_file it goes to Glance's log")


def test_text_of_an_unexpected_error_of_a_strategy_is_not_shown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

    def fail(*_: object) -> None:
        raise RuntimeError("pa55word")

    monkeypatch.setattr(Rabbit, "connect", fail)
    ended = run("send-test", paste_file(tmp_path, "notifier_strategy = rabbit"))
    assert ended.status == 1
    assert "it raises RuntimeError" in ended.out
    assert "pa55word" not in ended.out + ended.err
