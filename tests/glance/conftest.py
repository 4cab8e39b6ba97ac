"""A Glance in this process, once for all tests: it cannot be configured twice."""

import atexit
import gc
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
import webob

from demo import glance
from demo.keystone import ALICE, PEOPLE, Keystone, Person
from tests.agreement import native_notifier
from tests.agreement.comparison import Finding, Kind, compare
from tests.agreement.observed import Event, Request
from tests.agreement.page import Agreement
from tests.glance.web import Web
from tests.message_log import NotificationLog
from tests.sqlite_writers import begin_as_writers

BLIND = Person("dave", "owner", ("member", "reader", "blind"))
"""A user of the owner's project who may do everything except read an image record."""

AWAY = "away"
"""The region of another Glance, which the web server plays."""

_METHODS = "glance-direct,web-download,glance-download,copy-image"
_PATIENCE = 60.0  # seconds; what is waited for comes within two

_SEES_RECORDS = "role:admin or (role:reader and not role:blind)"


_STORES = """
[store2]
filesystem_store_datadir = {folder}/store2
[store3]
filesystem_store_datadir = {folder}/store3
[web]
[oslo_concurrency]
lock_path = {folder}/locks
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = [{port}]
"""


_QEMU_IMG = """#!/bin/sh
for path; do :; done
printf '{"format": "raw", "virtual-size": %d}' "$(stat -c %s "${path#file://}")"
"""
"""Reports each file as a raw image. Glance's tasks run it, and fail where it is missing."""


class InProcess:
    """Glance's pipelines as applications, and the messages of the filter in them."""

    def __init__(
        self,
        folder: Path,
        keystone: Keystone,
        web: Web,
        load: Callable[[str, str], WSGIApplication],
    ) -> None:
        self.folder = folder
        self.web = web
        self.log = folder / "notifications.log"
        self._keystone = keystone
        self._load = load
        self._messages = NotificationLog(self.log)
        self._native: list[Event] = []
        native_notifier.watch(self._native.append)
        self._at_work = _watch_tasks()

    def pipeline(
        self, flavor: str = "keystone", *, after: str = "context", **options: str
    ) -> WSGIApplication:
        """The stock pipeline of a flavor, with the filter behind the word `after`; `options` are
        lines of its section."""
        return self.loaded(flavor, glance.paste_file(flavor, self.section(**options), after))

    def stock_pipeline(self, flavor: str = "keystone") -> WSGIApplication:
        """The same without the filter."""
        return self.loaded(flavor, glance.STOCK_PASTE_FILE.read_text())

    def section(self, **options: str) -> str:
        """The filter's section of a paste file."""
        lines = {"notifier_strategy": "logging", "log_file": str(self.log), **options}
        section = (
            "\n[filter:notify]\npaste.filter_factory = glance_notify_middleware:filter_factory\n"
        )
        return section + "".join(f"{name} = {value}\n" for name, value in lines.items())

    def ask(
        self, app: WSGIApplication, method: str, path: str, who: Person = ALICE, **more: Any
    ) -> webob.Response:
        """Send a request; `more` are a `body`, a `json`, `headers`, and keys of the environ."""
        request = webob.Request.blank("/", method=method)
        request.environ |= {"PATH_INFO": path, "REMOTE_ADDR": "192.0.2.7"}
        request.headers["X-Auth-Token"] = self.token(who)
        if "json" in more:
            request.json = more.pop("json")
        if "body" in more:
            request.headers["Content-Type"] = "application/octet-stream"
            request.body = more.pop("body")
        for name, value in more.pop("headers", {}).items():
            request.headers[name] = value
        request.environ |= more
        return request.get_response(app)

    def token(self, who: Person) -> str:
        """A token that Keystone has issued for somebody."""
        return self._keystone.token(who)

    def image(self, app: WSGIApplication, data: bytes | None = None, **record: Any) -> str:
        """Make an image of ALICE's, with data if given; returns its id. Forgets the events."""
        record = {"name": "n", "disk_format": "raw", "container_format": "bare", **record}
        image_id: str = self.ask(app, "POST", "/v2/images", json=record).json["id"]
        if data is not None:
            answer = self.ask(app, "PUT", f"/v2/images/{image_id}/file", body=data)
            assert answer.status_int == 204, answer.text
        self.forget()
        return image_id

    def new_messages(self) -> list[dict[str, Any]]:
        """The messages of the filter that came since the last call."""
        return self._messages.new_messages()

    def forget(self) -> None:
        """Drop the events so far, of the filter and of the native notifier."""
        self.new_messages()
        self._native.clear()

    def native_events(self, image: str) -> list[Event]:
        """The events of an image that Glance's own notifier emitted since the last call; those of
        all images where `image` is empty. Forgets the others."""
        events = [self._native.pop(0) for _ in range(len(self._native))]
        return [event for event in events if image in str(event.payload)]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until `count` messages came since the last call of `new_messages`; returns them and
        those that came with them: the messages that end an operation are written at once."""
        return self._messages.wait_for(count, _PATIENCE)

    def wait_for_background_work(self) -> None:
        """Wait until Glance's background work has ended.

        Glance writes to its database to the very end, after the record shows how the work ended,
        and SQLite refuses one of two writers at one moment.
        """
        working = futures.wait(self._at_work, _PATIENCE).not_done
        assert not working, working
        self._at_work.clear()

    def loaded(self, flavor: str, text: str) -> WSGIApplication:
        """The pipeline of a flavor in a paste file with this text."""
        paste_file = self.folder / "etc" / "tested-paste.ini"
        paste_file.write_text(text)
        return self._load(flavor, str(paste_file))


class Comparison:
    """Compares the filter's messages of an image with the native events of it."""

    def __init__(self, in_process: InProcess, agreement: Agreement) -> None:
        self.agreement = agreement
        self._in_process = in_process

    def compare(self, request: Request, messages: Iterable[Mapping[str, Any]]) -> list[Finding]:
        """Compare with all native events of the image since the last call."""
        # Native emits an event once the step is in the database, which is after the filter.
        self._in_process.wait_for_background_work()
        image = "" if request.is_task else request.path.split("/")[3]
        request.events += self._in_process.native_events(image)
        request.events += map(Event.of_filter, messages)
        return compare([request])

    def of_download(
        self, image: str, messages: Iterable[Mapping[str, Any]]
    ) -> list[tuple[Kind, str]]:
        """Compare the events of a download that was answered with 200: their kinds and reasons."""
        request = Request("a download", 0, "GET", f"/v2/images/{image}/file", 200)
        findings = self.compare(request, messages)
        self.agreement.add(findings)
        return [(found.kind, found.reason) for found in findings]


def _watch_tasks() -> list[futures.Future[Any]]:
    """The background work that Glance begins from now on."""
    from glance.api import common  # type: ignore[import-untyped]

    at_work: list[futures.Future[Any]] = []
    pool = common.get_thread_pool("tasks_pool")
    spawn = pool.spawn

    def watched(*task: Any, **more: Any) -> futures.Future[Any]:
        at_work.append(spawn(*task, **more))
        return at_work[-1]

    pool.spawn = watched
    return at_work


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Glance's own warnings fail no test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="module", autouse=True)
def garbage_of_glance_is_collected() -> Iterator[None]:
    """What Glance leaves open for the garbage collector to close (the staged file of an import,
    `get_image_data_iter` in glance/common/scripts/utils.py) is closed before the tests of other
    modules begin, to which a ResourceWarning is an error."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program qemu-img, which Glance's tasks run for each image."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "qemu-img").write_text(_QEMU_IMG)
    (folder / "qemu-img").chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def programs_are_found(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests of this folder find qemu-img: with it Glance's own tests make empty images."""
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    folder = tmp_path_factory.mktemp("glance")
    with Keystone() as keystone, Web() as web:
        PEOPLE[BLIND.name] = BLIND
        keystone.glances[AWAY] = web.url
        configuration = glance.lay_out(
            folder,
            keystone.url,
            default=(
                "enabled_backends = store1:file, store2:file, store3:file, web:http\n"
                f"image_cache_dir = {folder}/cache\n"
                f"enabled_import_methods = [{_METHODS}]\n"
                "worker_self_reference_url = http://localhost:9"
            ),
            more=_STORES.format(folder=folder, port=web.port),
        )
        (configuration / "policy.yaml").write_text(f'"get_image": "{_SEES_RECORDS}"\n')
        os.environ["OS_GLANCE_CONFIG_DIR"] = str(configuration)
        from glance.common import config, wsgi_app  # type: ignore[import-untyped]
        from oslo_config import cfg

        begin_as_writers()
        wsgi_app.init_app()
        atexit.unregister(wsgi_app.drain_workers)  # nothing is left to drain, and it logs that

        def load(flavor: str, paste_file: str) -> WSGIApplication:
            cfg.CONF.set_override("flavor", flavor, "paste_deploy")
            app: WSGIApplication = config.load_paste_app("glance-api", conf_file=paste_file)
            return app

        yield InProcess(folder, keystone, web, load)


@pytest.fixture
def comparison(in_process: InProcess, agreement: Agreement) -> Comparison:
    return Comparison(in_process, agreement)
