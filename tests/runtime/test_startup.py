"""What runs beside the requests begins in each process that serves them, and in no other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from glance_notify_middleware.runtime.startup import in_each_process
from tests.journal.processes import call_in_process
from tests.runtime.logged import logged_lines

ENOUGH = 2.5  # seconds after which all has begun that does so by itself


def into(path: Path) -> Callable[[], None]:
    """Appends the number of the process that it is called in."""

    def start() -> None:
        with path.open("a") as file:
            file.write(f"{os.getpid()}\n")

    return start


def begun(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def alone(path: Path) -> tuple[int, list[int], list[int]]:
    in_each_process(into(path))
    time.sleep(0.5)
    before = begun(path)
    time.sleep(ENOUGH)
    return os.getpid(), before, begun(path)


def test_a_process_that_does_not_fork_begins_after_a_moment(tmp_path: Path) -> None:
    pid, before, after = call_in_process(alone, tmp_path / "begun")
    assert (before, after) == ([], [pid])


def forking_at_once(path: Path) -> tuple[list[int], list[int]]:
    """As gunicorn --preload does."""
    in_each_process(into(path))
    children = [fork_and_wait() for _ in range(2)]
    time.sleep(ENOUGH)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return children, begun(path)


def fork_and_wait() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(60)
    return child


def test_one_that_forks_at_once_leaves_it_to_its_children(tmp_path: Path) -> None:
    children, found = call_in_process(forking_at_once, tmp_path / "begun")
    assert sorted(found) == sorted(children)


def forking_later(path: Path) -> tuple[int, int, list[int]]:
    in_each_process(into(path))
    time.sleep(ENOUGH)
    child = fork_and_wait()
    time.sleep(ENOUGH)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return os.getpid(), child, begun(path)


def test_one_that_forks_later_has_begun_and_so_does_its_child(tmp_path: Path) -> None:
    parent, child, found = call_in_process(forking_later, tmp_path / "begun")
    assert found == [parent, child]


def running_a_command(path: Path) -> tuple[int, list[int]]:
    in_each_process(into(path))
    subprocess.run([sys.executable, "-c", "import time; time.sleep(2)"], check=True)
    time.sleep(ENOUGH - 2)
    return os.getpid(), begun(path)


def test_a_command_that_is_run_is_no_fork(tmp_path: Path) -> None:
    pid, found = call_in_process(running_a_command, tmp_path / "begun")
    assert found == [pid]


def forking_and_executing(path: Path) -> list[int]:
    in_each_process(into(path))
    child = os.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(2)"])
    os.waitpid(child, 0)
    return begun(path)


def test_in_a_child_that_becomes_another_program_nothing_begins(tmp_path: Path) -> None:
    assert call_in_process(forking_and_executing, tmp_path / "begun") == []


def failing_to_start() -> bool:
    def fail() -> None:
        raise OSError("no journal")

    in_each_process(fail)
    time.sleep(ENOUGH)
    return True


def test_what_fails_to_begin_ends_no_process() -> None:
    assert call_in_process(failing_to_start)


class Uwsgi(SimpleNamespace):
    """What uWSGI offers to the application that it runs."""

    worker = 0

    def worker_id(self) -> int:
        return self.worker


@pytest.fixture
def uwsgi(monkeypatch: pytest.MonkeyPatch) -> Uwsgi:
    module = Uwsgi(opt={"enable-threads": True, "processes": b"2"})
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    return module


def test_under_uwsgi_it_begins_in_each_worker_after_the_fork(uwsgi: Uwsgi, tmp_path: Path) -> None:
    in_each_process(into(tmp_path / "begun"))
    assert begun(tmp_path / "begun") == []
    uwsgi.post_fork_hook()
    assert begun(tmp_path / "begun") == [os.getpid()]


def test_the_hooks_that_were_there_before_run_as_well(uwsgi: Uwsgi, tmp_path: Path) -> None:
    order: list[str] = []
    uwsgi.post_fork_hook = lambda: order.append("the application's")
    in_each_process(lambda: order.append("one filter's"))
    in_each_process(lambda: order.append("another's"))
    uwsgi.post_fork_hook()
    assert order == ["the application's", "one filter's", "another's"]


def test_under_uwsgi_with_lazy_apps_it_begins_at_once(uwsgi: Uwsgi, tmp_path: Path) -> None:
    uwsgi.worker = 1
    in_each_process(into(tmp_path / "begun"))
    assert begun(tmp_path / "begun") == [os.getpid()]
    assert not hasattr(uwsgi, "post_fork_hook")


@pytest.mark.parametrize("name", ["enable-threads", b"enable-threads", "threads", b"threads"])
def test_under_uwsgi_with_threads_there_is_nothing_to_say(
    name: str | bytes, uwsgi: Uwsgi, caplog: pytest.LogCaptureFixture
) -> None:
    uwsgi.worker, uwsgi.opt = 1, {name: b"4"}
    in_each_process(lambda: None)
    assert logged_lines(caplog) == []


def test_under_uwsgi_without_threads_a_warning_says_what_to_do(
    uwsgi: Uwsgi, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    uwsgi.worker, uwsgi.opt = 1, {"processes": b"2", b"master": True}
    in_each_process(into(tmp_path / "begun"))
    (told,) = logged_lines(caplog)
    assert "start it with --enable-threads, or set relay = external" in told
    assert begun(tmp_path / "begun") == [os.getpid()]


def test_an_error_in_a_worker_of_uwsgi_is_logged_and_ends_there(
    uwsgi: Uwsgi, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("no journal")

    in_each_process(fail)
    uwsgi.post_fork_hook()
    (told,) = logged_lines(caplog)
    assert "no journal" in told
