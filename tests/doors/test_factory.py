"""From the lines of api-paste.ini to a filter, or to an error that names the way out."""

import json
import logging
import os
import stat
from pathlib import Path

import pytest
from paste.deploy import loadapp

from glance_notify_middleware import filter_factory
from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.journal.processes import call_in_process
from tests.journal.sample_journals import read
from tests.wsgi.doubles import IMAGE, FakeGlance, Server, answering, environ

APP = FakeGlance(answering("204 No Content"))
DELETE = ("DELETE", f"/v2/images/{IMAGE}")

PASTE_FILE = """
[DEFAULT]
anything = may stand here

[pipeline:main]
pipeline = notify app

[filter:notify]
{entry}
notifier_strategy = logging
default_publisher_id = 100%%

[app:app]
paste.app_factory = tests.doors.test_factory:app_factory
"""


def app_factory(global_conf: dict[str, str]) -> FakeGlance:
    return APP


@pytest.mark.parametrize(
    "lines",
    [
        {},
        {"notifier_strategy": "noop"},
        {"notifier_strategy": "default"},
        {"notifier_strategy": "noop", "billing.strategy": "rabbit"},
    ],
)
def test_noop_is_the_default_and_leaves_the_pipeline(lines: dict[str, str]) -> None:
    assert filter_factory({"here": "/", "__file__": "x"}, **lines)(APP) is APP


@pytest.mark.parametrize(
    "entry",
    [
        "paste.filter_factory = glance_notify_middleware:filter_factory",
        "use = egg:glance-notify-middleware",
    ],
)
def test_paste_file_loads_the_filter_by_either_name(
    entry: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paste_file = tmp_path / "api-paste.ini"
    paste_file.write_text(PASTE_FILE.format(entry=entry))
    app = loadapp(f"config:{paste_file}")
    assert isinstance(app.__self__, NotifyMiddleware)
    caplog.set_level(logging.INFO)
    Server().serve(app, environ(*DELETE))
    assert '"publisher_id":"100%"' in caplog.records[-1].getMessage()


FILTER = """
[pipeline:main]
pipeline = notify app

[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
{lines}

[app:app]
paste.app_factory = tests.doors.test_factory:app_factory
"""


@pytest.mark.parametrize(
    ("name", "shared", "lines"),
    [
        ("notifier_strategy", "notifier_strategy = noop", "notifier_strategy = logging"),
        ("priorities", "priorities = info", "notifier_strategy = logging\npriorities = error"),
        ("priorities", "priorities = info", "notifier_strategy = logging"),
        ("notifier_strategy", "notifier_strategy = logging", ""),
        ("notifier_strategy", "", "set notifier_strategy = logging"),
        ("log_file", "", "notifier_strategy = logging\nset log_file = /x/y"),
    ],
)
def test_line_that_paste_keeps_from_the_filter_is_an_error_that_names_it(
    name: str, shared: str, lines: str, tmp_path: Path
) -> None:
    """The filter and `glance-notify relay` read one section alike."""
    path = tmp_path / "api-paste.ini"
    path.write_text(f"[DEFAULT]\n{shared}\n{FILTER.format(lines=lines)}")
    start = f"option {name} of the notify filter stands in [DEFAULT] of {path}, or behind the word"
    with pytest.raises(OptionError) as raised:
        loadapp(f"config:{path}")
    assert str(raised.value).startswith(start)
    with pytest.raises(OptionError) as raised:
        paste_file.settings_of(path, "notify")
    assert str(raised.value).startswith(start)


def test_option_that_a_pipeline_sets_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "api-paste.ini"
    path.write_text(
        FILTER.format(lines="").replace("[filter:", "set notifier_strategy = logging\n[filter:")
    )
    with pytest.raises(OptionError, match=f"option notifier_strategy .* of {path}, or behind"):
        loadapp(f"config:{path}")


@pytest.mark.parametrize(
    ("shared", "lines"),
    [
        ("log_file = {}", "get log_file = log_file"),
        ("log_file = /else", "set notify_log_file = {}\nget log_file = notify_log_file"),
        ("log_fil = /else", "log_file = {}"),
    ],
)
def test_option_that_paste_hands_over_is_read_wherever_it_stands(
    shared: str, lines: str, tmp_path: Path
) -> None:
    path, log = tmp_path / "api-paste.ini", tmp_path / "notifications.log"
    lines = f"notifier_strategy = logging\n{lines}"
    path.write_text(f"[DEFAULT]\n{shared}\n{FILTER.format(lines=lines)}".format(log))
    loadapp(f"config:{path}")
    assert log.exists()
    assert paste_file.settings_of(path, "notify").log_file == str(log)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            {"log_fil": "/tmp/x"},
            "option log_fil of the notify filter is not known; did you mean log_file?",
        ),
        (
            {"notifier_strategy": "carrier-pigeon"},
            "option notifier_strategy of the notify filter: 'carrier-pigeon' is not known; "
            "expected noop, logging, rabbit, qpid, webhook or an installed entry point of "
            "glance_notify_middleware.strategies (there is none)",
        ),
        (
            {"notifier_strategy": "logging", "log_file": "/no/such/directory/notifications.log"},
            "option log_file of the notify filter: '/no/such/directory/notifications.log' cannot "
            "be opened for appending (No such file or directory); expected a file that user",
        ),
        (
            {"notifier_strategy": "logging", "log_file": "/dev"},
            "option log_file of the notify filter: '/dev' cannot be opened for appending "
            "(Is a directory)",
        ),
        (
            {"notifier_strategy": "logging", "log_file": "notifications.log"},
            "option log_file of the notify filter: 'notifications.log' is not valid; "
            "expected an absolute path",
        ),
        (
            {"notifier_strategy": "logging", "trusted_proxies": "10.0.0.1/8"},
            "option trusted_proxies of the notify filter: '10.0.0.1/8' is not valid; expected",
        ),
        (
            {"notifier_strategy": "logging", "log_file": "/tmp/events.log ; a comment"},
            "option log_file of the notify filter: '/tmp/events.log ; a comment' is not valid "
            "(a comment needs a line of its own); expected an absolute path",
        ),
        (
            {"notifier_strategy": "logging", "priorities": "info, warning"},
            "option priorities of the notify filter: 'warning' in 'info, warning' is not valid; "
            "expected a list, separated by commas, of one or more of: info, warn, error",
        ),
        (
            {"notifier_strategy": "logging ; or noop"},
            "option notifier_strategy of the notify filter: 'logging ; or noop' is not valid "
            "(a comment needs a line of its own); expected noop alone, or a list, separated by "
            "commas, each once, of: logging, rabbit, qpid, webhook, names of targets with a line "
            "NAME.strategy, and names of strategies that are installed",
        ),
    ],
)
def test_wrong_line_is_a_one_line_error_that_names_it(lines: dict[str, str], text: str) -> None:
    with pytest.raises(OptionError) as raised:
        filter_factory({}, **lines)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


def test_journal_dir_that_cannot_be_made_is_an_error_that_names_it_and_the_user() -> None:
    with pytest.raises(OptionError) as raised:
        filter_factory({}, notifier_strategy="rabbit", journal_dir="/no/such/directory/journal")
    assert str(raised.value) == (
        "option journal_dir of the notify filter: '/no/such/directory/journal' cannot be made (No "
        f"such file or directory); expected a directory, or one that user {os.geteuid()} may make"
    )


def served_once(log: Path, journal_dir: Path) -> list[str]:
    """Serves one delete with two brokers and the log file.

    Returns the first line of the filter's log, and the id of the event in the log file and in the
    journal.
    """
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("glance_notify_middleware").addHandler(handler)
    logging.getLogger("glance_notify_middleware").setLevel(logging.INFO)
    app = filter_factory(
        {},
        notifier_strategy="rabbit, qpid, logging",
        log_file=str(log),
        journal_dir=str(journal_dir),
        relay="external",
        rabbit_hosts="a,b",
        qpid_host="c",
    )(APP)
    Server().serve(app, environ(*DELETE))
    (line,) = log.read_text().splitlines()
    (message,) = (each for step in read(journal_dir) for each in step.messages)
    return [logged[0], json.loads(line)["message_id"], message.message_id]


def test_logging_beside_brokers_writes_at_once_and_all_are_named_at_load(tmp_path: Path) -> None:
    log, journal_dir = tmp_path / "notifications.log", tmp_path / "journal"
    line, logged, recorded = call_in_process(served_once, log, journal_dir)
    places = f"{log}; and to rabbit at a:5672, b:5672 and qpid at c:5672, by way of the journal"
    assert line.startswith(f"notifications go to {places} in {journal_dir}; priorities: ")
    assert logged == recorded


def test_log_file_is_made_and_written(tmp_path: Path) -> None:
    path = tmp_path / "notifications.log"
    umask = os.umask(0)
    try:
        app = filter_factory({}, notifier_strategy="logging", log_file=str(path))(APP)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640  # not everybody may read who downloads what
    Server().serve(app, environ(*DELETE))
    assert '"event_type":"image.delete"' in path.read_text()


def test_filter_logs_at_load_what_it_will_do(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "glance_notify_middleware")
    filter_factory({}, notifier_strategy="logging", disabled_notifications="image.member")
    filter_factory({}, notifier_strategy="Noop")
    assert [record.getMessage() for record in caplog.records] == [
        "notifications go to the logger glance_notify_middleware.notifications; "
        "priorities: INFO, WARN, ERROR; disabled: image.member",
        "notifier_strategy is noop: no notification is sent",
    ]
