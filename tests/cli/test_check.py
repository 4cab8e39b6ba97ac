"""glance-notify check: what it finds in files alone. The brokers play no part."""

import getpass
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.cli.check import targets
from glance_notify_middleware.config import Settings, Target
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.journal import fitness
from glance_notify_middleware.strategies import loading
from tests.cli.conftest import Run
from tests.commands.target_setups import OF_TARGETS
from tests.commands.wrong_setups import CANARY, OF_FILES, SetUp, WrongSetUp, put

Found = dict[str, str]

by_row = pytest.mark.parametrize("row", OF_FILES + OF_TARGETS, ids=lambda row: row.what)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    """A right set-up, on a machine of which a test plays file systems and packages."""
    at = SetUp(tmp_path, "nobody" if os.geteuid() == 0 else getpass.getuser())
    at.lay_out()
    monkeypatch.setattr(targets, "findings", lambda *_: iter(()))
    monkeypatch.setattr(fitness, "file_system", lambda path: _file_system(at, path))
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: at.versions.get(name) or version(name)
    )

    def load(_: object, target: Target) -> object:
        name = target.strategy
        if name in at.missing:
            raise loading._wrong(target, f"{name} needs a library, which is not installed")
        return lambda: None

    monkeypatch.setattr(loading, "_loaded", load)
    yield at
    if at.journal.is_mount():
        subprocess.run(["umount", at.journal], check=True)


def _file_system(at: SetUp, path: Path) -> str:
    """The type of the file system that is mounted at the path, or nearest above it."""
    places = (each for each in (path, *path.parents) if each in at.file_systems)
    return at.file_systems.get(next(places, path), "ext4")


Check = Callable[[], list[Found]]


@pytest.fixture
def check(at: SetUp, run: Run) -> Check:
    """Runs check, and gives what it found. It prints no password, in either form."""

    def findings() -> list[Found]:
        arguments = at.arguments if at.uwsgi.exists() else without_uwsgi(at)
        for ended in (run(*arguments), run(*arguments, "-f", "json")):
            assert CANARY not in ended.out + ended.err
        found: list[Found] = json.loads(ended.out)
        levels = {finding["level"] for finding in found}
        assert ended.status == (3 if "ERROR" in levels else 1 if levels else 0)
        return found

    return findings


def without_uwsgi(at: SetUp) -> list[str]:
    """The arguments without the file of uWSGI."""
    return [word for word in at.arguments if word not in ("--uwsgi", str(at.uwsgi))]


def names(found: list[Found]) -> list[str]:
    """The names of the findings."""
    return [finding["name"] for finding in found]


def test_right_set_up_has_no_finding(at: SetUp, run: Run) -> None:
    ended = run(*at.arguments)
    line = ended.one_line(0)
    assert line.startswith(f"no finding: {at.paste}, [filter:notify], flavor keystone of {at.conf}")
    assert f"files as user {at.user}, target rabbit" in line


@by_row
def test_wrong_set_up_is_found_and_its_mend_mends_it(
    row: WrongSetUp, at: SetUp, check: Check
) -> None:
    if row.needs_root and os.geteuid() != 0:
        pytest.skip("only root can make what belongs to another user")
    row.make(at)
    found = check()
    assert set(names(found)) == {row.name, *row.also}
    for finding in found:
        if finding["name"] == row.name:
            assert row.says in f"{finding['what']}; {finding['mend']}"
            at.apply(finding["mend"])
    assert row.name not in names(check())


def test_each_finding_is_one_line_with_its_mend(at: SetUp, run: Run) -> None:
    at.line("journal_sync = ful")
    put(at.uwsgi, "uwsgi", "enable-threads = false")
    ended = run(*at.arguments)
    first, second = ended.out.splitlines()
    assert first == (
        "ERROR value-wrong: option journal_sync of the notify filter: 'ful' is not valid; expected "
        f"normal or full; mend: in [filter:notify] of {at.paste}: journal_sync = full"
    )
    assert second.startswith("ERROR uwsgi-without-threads: ")
    assert second.endswith(f"; mend: in [uwsgi] of {at.uwsgi}: enable-threads = true")


def test_errors_come_before_warnings(at: SetUp, check: Check) -> None:
    at.line("rabbit_max_retries = 0")
    put(at.uwsgi, "uwsgi", "enable-threads = false")
    assert names(check()) == ["uwsgi-without-threads", "option-without-meaning"]


def test_one_finding_hides_no_other(at: SetUp, check: Check) -> None:
    at.edit("context notify rootapp", "context rootapp")
    at.line("journal_sync = ful")
    at.line("journal_syncs = full")
    at.line("create_queues = auto")
    at.line("qpid_ssl_verify = true")
    at.edit("rabbit_userid = glance\n", f"rabbit_userid = glance\nword {CANARY}\nfollow_max = x\n")
    at.journal.chmod(0o777)
    put(at.uwsgi, "uwsgi", "enable-threads = false")
    at.line("rabbit_notification_topic = images")
    put(at.conf, "oslo_messaging_notifications", "driver = messaging")
    put(at.conf, "oslo_messaging_notifications", "topics = notifications, images")
    put(at.conf, "oslo_messaging_notifications", "transport_url = rabbit://127.0.0.1/")
    assert sorted(names(check())) == [
        *("filter-missing", "journal-mode", "notified-twice", "option-unknown"),
        *("options-contradict", "options-contradict", "paste-line-broken"),
        *("uwsgi-without-threads", "value-wrong", "value-wrong"),
    ]


def test_mend_of_a_contradiction_makes_no_other(at: SetUp, check: Check) -> None:
    at.line("create_queues = auto")
    at.line("rabbit_queue_type = quorum")
    (found,) = check()
    assert found["mend"].endswith(": rabbit_durable_queues = true")
    at.apply(found["mend"])
    assert check() == []


def test_noop_may_have_the_lines_of_targets_and_its_mend_brings_them_back(
    at: SetUp, check: Check
) -> None:
    at.line("notifier_strategy = noop")
    at.line("billing.strategy = rabbit")
    at.line(f"billing.rabbit_password = {CANARY}")
    at.line("members.strategy = logging")
    at.line("rabbit.priorities = info")
    at.line("gone.priorities = info")
    (found,) = check()
    assert found["name"] == "strategy-noop"
    assert found["mend"].endswith(": notifier_strategy = rabbit, members, billing")
    at.apply(found["mend"])
    assert names(check()) == ["option-unknown"]  # that of no target


def test_line_of_default_with_the_name_of_a_target_is_no_finding(at: SetUp, check: Check) -> None:
    at.paste.write_text(f"[DEFAULT]\nrabbit = x\nlogging = x\n{at.paste.read_text()}")
    assert check() == []


def test_contradiction_that_follows_from_another_is_no_finding(at: SetUp, check: Check) -> None:
    at.line("qpid_sasl_mechanisms = PLAIN")
    at.line("qpid_username = glance")
    (found,) = check()
    assert "options qpid_username and qpid_password" in found["what"]


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("rabbit_port = 23191 # of the proxy", "rabbit_port = 23191"),
        ("rabbit_port = 23191;", "rabbit_port = 5672"),
        ("rabbit_port = 99999 # of the proxy", "rabbit_port = 5672"),
        ("log_file = /log/50%%.log ; of all", "log_file = /log/50%%.log"),
        ("journal_sync = full # safe", "journal_sync = full"),
    ],
)
def test_mend_keeps_the_value_before_a_comment(
    line: str, mended: str, at: SetUp, check: Check
) -> None:
    at.line(line)
    mends = [each["mend"] for each in check() if each["name"] == "value-wrong"]
    assert mends == [f"in [filter:notify] of {at.paste}: {mended}"]


@pytest.mark.parametrize("name", ["rabbit_password", "transport_url"])
def test_mend_shows_no_secret_before_a_comment(name: str, at: SetUp, run: Run) -> None:
    at.line(f"{name} = rabbit://{CANARY}@127.0.0.1 # x")
    ended = run(*at.arguments)
    assert CANARY not in ended.out + ended.err


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("oslo_messaging_notifications", "driver = log"),
        ("oslo_messaging_notifications", "topics = images"),
        ("oslo_messaging_notifications", "transport_url = rabbit://127.0.0.1/openstack"),
        ("oslo_messaging_notifications", "transport_url = rabbit://192.0.2.7/"),
        ("oslo_messaging_notifications", "transport_url = kafka://127.0.0.1/"),
    ],
)
def test_own_notifier_that_sends_elsewhere_is_no_finding(
    section: str, line: str, at: SetUp, check: Check
) -> None:
    put(at.conf, section, "transport_url = rabbit://127.0.0.1/")
    put(at.conf, section, "driver = messagingv2")
    assert names(check()) == ["notified-twice"]
    put(at.conf, section, line)
    assert check() == []


@pytest.mark.parametrize("line", ["threads = 4", "enable-threads", "enable-threads = 1"])
def test_uwsgi_with_threads_is_right(line: str, at: SetUp, check: Check) -> None:
    put(at.uwsgi, "uwsgi", "", "enable-threads")
    assert names(check()) == ["uwsgi-without-threads"]
    put(at.uwsgi, "uwsgi", line)
    assert check() == []


def test_uwsgi_without_threads_is_a_warning_where_nothing_is_sent_from_there(
    at: SetUp, check: Check
) -> None:
    at.line("relay = external")
    put(at.uwsgi, "uwsgi", "threads = 1")
    put(at.uwsgi, "uwsgi", "enable-threads = no")
    (found,) = check()
    assert (found["level"], found["name"]) == ("WARNING", "uwsgi-without-threads")


def test_filter_of_older_pipelines_is_found(at: SetUp, check: Check) -> None:
    """As in paste files of Glance up to 2023, with a section for each pipeline."""
    section = at.paste.read_text().partition("[filter:notify]")[2]
    at.paste.write_text(
        "[pipeline:glance-api-keystone]\npipeline = context notify cache rootapp\n"
        "[pipeline:glance-api-keystone+caching]\npipeline = context cache notify rootapp\n"
        "[composite:rootapp]\npaste.composite_factory = glance.api:root_app_factory\n"
        "/: apiversions\n/v2: apiv2app\n"
        "[app:apiversions]\npaste.app_factory = glance.api.versions:create_resource\n"
        "[app:apiv2app]\npaste.app_factory = glance.api.v2.router:API.factory\n"
        "[filter:context]\n"
        "paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory\n"
        "[filter:cache]\npaste.filter_factory = glance.api.middleware.cache:CacheFilter.factory\n"
        f"[filter:notify]{section}"
    )
    assert check() == []
    put(at.conf, "paste_deploy", "flavor = keystone+caching")
    (found,) = check()
    assert found["name"] == "filter-behind-cache"
    line = "pipeline = context notify cache rootapp"
    assert found["mend"].endswith(f"[pipeline:glance-api-keystone+caching] of {at.paste}: {line}")


def test_filter_in_front_of_the_images_alone_is_right(at: SetUp, check: Check) -> None:
    at.edit(" notify", "")
    at.line("/v2: notified", "composite:rootapp")
    at.edit("/v2: apiv2app\n", "")
    text = "[filter-app:notified]\nuse = notify\nnext = apiv2app\n"
    at.paste.write_text(at.paste.read_text() + text)
    assert "filter-missing" not in names(check())


def test_filter_in_front_of_the_images_is_behind_a_cache(at: SetUp, check: Check) -> None:
    put(at.conf, "paste_deploy", "flavor = keystone+caching")
    at.edit(" notify", "")
    at.edit("/v2: apiv2app\n", "/v2: notified\n")
    text = "[filter-app:notified]\nuse = notify\nnext = apiv2app\n"
    at.paste.write_text(at.paste.read_text() + text)
    (found,) = check()
    assert found["name"] == "filter-behind-cache"
    assert " context notify cache rootapp" in found["mend"]


def test_application_without_a_pipeline_lacks_the_filter(at: SetUp, check: Check) -> None:
    at.line("/: apiv2app", "composite:glance-api-keystone")
    put(at.paste, "composite:glance-api-keystone", "", "/: api")
    found = check()[0]
    assert found["name"] == "filter-missing"
    assert found["mend"].startswith("put notify in front of the application")


def test_section_that_uses_another_has_the_lines_of_both(at: SetUp, check: Check) -> None:
    at.edit("context notify rootapp", "context second rootapp")
    at.paste.write_text(f"{at.paste.read_text()}[filter:second]\nuse = notify\njournal_sync = x\n")
    assert set(names(check())) == {"value-wrong"}


def test_unknown_flavor_needs_the_filter_in_some_pipeline(at: SetUp, run: Run) -> None:
    at.conf.unlink()
    arguments = ["check", str(at.paste), "--user", at.user]
    ended = run(*arguments)
    assert ended.status == 0
    assert "glance-api.conf is not known" in ended.err
    at.edit(" notify", "")
    ended = run(*arguments)
    assert ended.status == 3
    assert "ERROR filter-missing: the pipeline of the flavor keystone has" in ended.out


@pytest.mark.parametrize("is_known", [True, False])
def test_flavor_is_said_to_be_out_of_use_where_the_one_in_use_is_known(
    is_known: bool, at: SetUp, run: Run
) -> None:
    at.edit("context notify cache rootapp", "context cache rootapp")
    if not is_known:
        at.conf.unlink()
    ended = run("check", str(at.paste), "--user", at.user)
    (line,) = ended.out.splitlines()
    assert line.startswith("WARNING filter-missing-elsewhere: ")
    assert ("flavor keystone+caching, which is not in use, has no" in line) == is_known
    assert ("it is not known which flavor is in use" in line) != is_known


def test_files_of_glance_conf_d_are_read_behind_glance_api_conf(at: SetUp, check: Check) -> None:
    """The last line of a name holds, in the order of the files' names; drivers add up."""
    folder = at.conf.with_name("glance.conf.d")
    folder.mkdir()
    put(folder / "1.conf", "paste_deploy", "flavor = keystone+caching")
    put(folder / "1.conf", "oslo_messaging_notifications", "driver = messagingv2")
    put(folder / "1.conf", "oslo_messaging_notifications", "transport_url = rabbit://127.0.0.1/")
    put(folder / "2.conf", "paste_deploy", "flavor = moon")
    put(folder / "3.conf.kept", "paste_deploy", "flavor = keystone")
    unknown, twice = sorted(check(), key=lambda each: each["name"])
    assert (unknown["name"], twice["name"]) == ("flavor-unknown", "notified-twice")
    assert unknown["mend"] == f"in [paste_deploy] of {folder / '2.conf'}: flavor = keystone"
    assert twice["mend"].startswith(f"in [oslo_messaging_notifications] of {folder / '1.conf'}: ")
    for each in (unknown, twice):
        at.apply(each["mend"])
    assert check() == []


def test_files_are_not_looked_at_as_another_user_than_root(
    at: SetUp, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.journal.chmod(0o777)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    ended = run(*at.arguments)
    assert ended.status == 0
    assert f"files are not looked at: only root, or {at.user}, may do that" in ended.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--uwsgi", "/nowhere.ini"], "--uwsgi: /nowhere.ini: No such file or directory"),
        (["--uwsgi", __file__], f"--uwsgi: {__file__} is no ini file with a section [uwsgi]"),
        (["--user", "no-such-user"], "--user: there is no user no-such-user"),
        (["--filter", "tell"], "has no section [filter:tell]; say --filter NAME for another name"),
        (["-c", "colour"], "--column: no such column; expected some of: level, name, what, mend"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], line: str, at: SetUp, run: Run) -> None:
    at.line("journal_sync = ful")
    ended = run(*without_uwsgi(at)[:4], "--user", at.user, *words)
    assert (ended.status, ended.out) == (2, "")
    assert line in ended.err
    assert len(ended.err.splitlines()) == 1


def test_missing_paste_file_is_one_line(tmp_path: Path, run: Run) -> None:
    ended = run("check", str(tmp_path / "missing.ini"))
    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1


def test_check_changes_nothing(at: SetUp, check: Check) -> None:
    at.journal.rmdir()
    before = {path: path.stat().st_mtime_ns for path in at.folder.rglob("*")}
    assert names(check()) == (["journal-missing"] if os.geteuid() == 0 else [])
    assert {path: path.stat().st_mtime_ns for path in at.folder.rglob("*")} == before


# -- brokers, played ---------------------------------------------------------------------------


def _silent(settings: Settings) -> Iterator[Finding]:
    yield Finding(Level.WARNING, "seen", "before it was silent", "")
    time.sleep(60)


def _failing(settings: Settings) -> Iterator[Finding]:
    raise ValueError(CANARY)


def test_inspections_are_waited_for_together_and_no_longer_than_their_time() -> None:
    settings = object()
    before = time.monotonic()
    found = list(
        targets.findings(
            {
                "a": (_silent, settings),  # type: ignore[dict-item]
                "b": (_silent, settings),  # type: ignore[dict-item]
                "c": (_failing, settings),  # type: ignore[dict-item]
            },
            2.0,
        )
    )
    assert time.monotonic() - before < 5
    assert [each.name for each in found if each.name != "seen"] == [
        *("target-defect", "target-silent", "target-silent"),
    ]
    assert [each.name for each in found].count("seen") == 2
    assert CANARY not in str(found)


def test_target_with_wrong_options_or_files_is_not_connected_to(
    at: SetUp, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def note(inspections: dict[str, object], seconds: float) -> Iterator[Finding]:
        asked.append(list(inspections))
        return iter(())

    monkeypatch.setattr(targets, "findings", note)
    for line in ("rabbit_port = 5672", "rabbit_port = x"):
        at.line(line)
        run(*at.arguments)
    at.line("rabbit_port = 5672")
    at.without("rabbit_password")
    at.line(f"rabbit_password_file = {at.folder}/missing")
    run(*at.arguments)
    assert asked == [["rabbit"], [], []]


def test_command_ends_while_an_inspection_hangs(at: SetUp) -> None:
    """Its thread does not keep the process."""
    script = (
        "import sys, time\n"
        "from glance_notify_middleware import cli\n"
        "from glance_notify_middleware.cli.check import command\n"
        "from glance_notify_middleware.strategies.rabbit import inspection\n"
        "command._SECONDS = 0.5\n"
        "inspection.inspect = lambda settings: time.sleep(60)\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, *at.arguments], capture_output=True, text=True, check=False
    )
    assert time.monotonic() - before < 20
    assert done.returncode == 3
    assert "ERROR target-silent: rabbit: the look at its brokers has not ended" in done.stdout


def test_wrong_lines_of_targets_are_found_and_mended(at: SetUp, check: Check) -> None:
    at.edit("notifier_strategy = rabbit", "notifier_strategy = billing")
    at.line("billing.strategy = rabbit")
    at.line("billing.rabbit_prot = 5672")
    at.line("billing.priorities = inf")
    at.line("biling.message_format = oslo")
    at.line("billing.log_file = /x")
    at.line(f"billing.rabbit_password_file = /{CANARY}")
    at.line(f"billing.rabbit_password = {CANARY}")
    found = check()
    whats = [finding["what"] for finding in found]
    for part in (
        "option billing.rabbit_prot is not known; did you mean billing.rabbit_port?",
        "option billing.priorities of the notify filter: 'inf' is not valid",
        "option biling.message_format is not known; did you mean billing.message_format?",
        "is no option of the filter",
    ):
        assert any(part in what for what in whats), whats
    for finding in found:
        at.apply(finding["mend"])
