"""What runs beside the requests starts in each process that serves requests, and in no other."""

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
from tests.journal.processes import call_in_process, eventually
from tests.runtime.logged import logged_lines

ENOUGH = 2.5  # seconds after which what starts wrongly has started


def append_pid_to(path: Path) -> Callable[[], None]:
    """A function that appends the id of the process in which it is called."""

    def start() -> None:
        with path.open("a") as file:
            file.write(f"{os.getpid()}\n")

    return start


def started_in(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def wait_for(count: int, path: Path) -> list[int]:
    """The processes that have started, once there are so many."""
    eventually(lambda: len(started_in(path)) >= count)
    return started_in(path)


def start_alone(path: Path) -> tuple[int, float, list[int]]:
    began = time.monotonic()
    in_each_process(append_pid_to(path))
    wait_for(1, path)
    took = time.monotonic() - began
    time.sleep(ENOUGH)
    return os.getpid(), took, started_in(path)


def test_process_that_does_not_fork_starts_once_after_the_delay(tmp_path: Path) -> None:
    pid, took, found = call_in_process(start_alone, tmp_path / "started")
    assert found == [pid]
    assert took > 0.5


def fork_at_once(path: Path) -> tuple[list[int], list[int]]:
    """Fork at once, as gunicorn --preload does; the children, and the processes that started."""
    in_each_process(append_pid_to(path))
    children = [fork_and_wait() for _ in range(2)]
    time.sleep(ENOUGH)
    wait_for(2, path)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return children, started_in(path)


def fork_and_wait() -> int:
    child = os.fork()
    if child == 0:
        time.sleep(60)
    return child


def test_process_that_forks_at_once_leaves_the_start_to_its_children(tmp_path: Path) -> None:
    children, found = call_in_process(fork_at_once, tmp_path / "started")
    assert sorted(found) == sorted(children)


def fork_later(path: Path) -> tuple[int, int, list[int]]:
    in_each_process(append_pid_to(path))
    wait_for(1, path)
    child = fork_and_wait()
    time.sleep(ENOUGH)
    wait_for(2, path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return os.getpid(), child, started_in(path)


def test_process_that_forks_later_starts_and_so_does_its_child(tmp_path: Path) -> None:
    parent, child, found = call_in_process(fork_later, tmp_path / "started")
    assert found == [parent, child]


def run_a_command(path: Path) -> tuple[int, list[int]]:
    in_each_process(append_pid_to(path))
    subprocess.run([sys.executable, "-c", "import time; time.sleep(2)"], check=True)
    return os.getpid(), wait_for(1, path)


def test_command_that_is_run_does_not_count_as_a_fork(tmp_path: Path) -> None:
    pid, found = call_in_process(run_a_command, tmp_path / "started")
    assert found == [pid]


def fork_and_exec(path: Path) -> list[int]:
    in_each_process(append_pid_to(path))
    child = os.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(2)"])
    os.waitpid(child, 0)
    return started_in(path)


def test_child_that_calls_exec_starts_nothing(tmp_path: Path) -> None:
    assert call_in_process(fork_and_exec, tmp_path / "started") == []


def fail_to_start() -> bool:
    def fail() -> None:
        raise OSError("no journal")

    in_each_process(fail)
    time.sleep(ENOUGH)
    return True


def test_error_of_a_start_does_not_end_the_process() -> None:
    assert call_in_process(fail_to_start)


class Uwsgi(SimpleNamespace):
    """Stands for the module that uWSGI offers to applications."""

    worker = 0

    def worker_id(self) -> int:
        return self.worker


@pytest.fixture
def uwsgi(monkeypatch: pytest.MonkeyPatch) -> Uwsgi:
    module = Uwsgi(opt={"enable-threads": True, "processes": b"2"})
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    return module


def test_uwsgi_worker_starts_after_the_fork(uwsgi: Uwsgi, tmp_path: Path) -> None:
    in_each_process(append_pid_to(tmp_path / "started"))
    assert started_in(tmp_path / "started") == []
    uwsgi.post_fork_hook()
    assert started_in(tmp_path / "started") == [os.getpid()]


def test_uwsgi_hooks_of_the_application_and_of_other_filters_are_called_too(
    uwsgi: Uwsgi, tmp_path: Path
) -> None:
    order: list[str] = []
    uwsgi.post_fork_hook = lambda: order.append("hook of the application")
    in_each_process(lambda: order.append("first filter"))
    in_each_process(lambda: order.append("second filter"))
    uwsgi.post_fork_hook()
    assert order == ["hook of the application", "first filter", "second filter"]


def test_uwsgi_worker_with_lazy_apps_starts_at_once(uwsgi: Uwsgi, tmp_path: Path) -> None:
    uwsgi.worker = 1
    in_each_process(append_pid_to(tmp_path / "started"))
    assert started_in(tmp_path / "started") == [os.getpid()]
    assert not hasattr(uwsgi, "post_fork_hook")


@pytest.mark.parametrize("name", ["enable-threads", b"enable-threads", "threads", b"threads"])
def test_uwsgi_with_threads_logs_nothing(
    name: str | bytes, uwsgi: Uwsgi, caplog: pytest.LogCaptureFixture
) -> None:
    uwsgi.worker, uwsgi.opt = 1, {name: b"4"}
    in_each_process(lambda: None)
    assert logged_lines(caplog) == []


def test_uwsgi_without_threads_logs_a_warning_with_the_way_out(
    uwsgi: Uwsgi, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    uwsgi.worker, uwsgi.opt = 1, {"processes": b"2", b"master": True}
    in_each_process(append_pid_to(tmp_path / "started"))
    (line,) = logged_lines(caplog)
    assert "start it with --enable-threads, or set relay = external" in line
    assert started_in(tmp_path / "started") == [os.getpid()]


def test_error_of_a_start_in_a_uwsgi_worker_is_logged(
    uwsgi: Uwsgi, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("no journal")

    in_each_process(fail)
    uwsgi.post_fork_hook()
    (line,) = logged_lines(caplog)
    assert "no journal" in line
