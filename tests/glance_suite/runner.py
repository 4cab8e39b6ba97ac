"""Runs Glance's own functional tests, in this process, with or without the filter.

    python -m tests.glance_suite.runner --place context --modules test_image_members --out FILE

The tests come with the `glance` package, and are loaded with unittest: pytest cannot collect them.
A process runs them in one place only, as Glance keeps much of its state in globals.
"""

import argparse
import importlib.util
import json
import os
import socket
import sys
import tempfile
import time
import traceback
import unittest
from collections import Counter
from pathlib import Path
from typing import Any, cast

from tests.agreement import comparison, page
from tests.agreement.observed import read_requests, without_background_work
from tests.glance_suite import pipeline
from tests.glance_suite.capture import Capture
from tests.sqlite_writers import begin_as_writers

MODULES = {
    name.rpartition(".")[2]: f"glance.tests.functional.{name}"
    for name in (
        "v2.test_images",
        "v2.test_images_api_policy",
        "v2.test_images_import_locking",
        "v2.test_multi_store_images",
        "v2.test_parallel_store_import",
        "v2.test_image_members",
        "v2.test_member_api_policy",
        "v2.test_download_from_store",
        "v2.test_image_decompression",
        "v2.test_property_protection",
        "v2.test_cache_api",
        "v2.test_tasks",
        "v2.test_tasks_api_policy",
        "test_cache_middleware",
        "test_gzip_middleware",
    )
}
"""The modules that touch image operations: short name -> name to import."""


class Outcomes(unittest.TestResult):
    """Each test's outcome (ok, fail, error, skip), the last line of its error, and its time."""

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}
        self.why: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._capture = capture
        self._started = 0.0

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().startTest(test)
        self._capture.test = test.id()
        self._started = time.monotonic()

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        self.outcomes.setdefault(test.id(), "ok")
        self.seconds[test.id()] = round(time.monotonic() - self._started, 2)
        mark = {"ok": ".", "skip": "s", "fail": "F", "error": "E"}[self.outcomes[test.id()]]
        print(mark, end="", file=sys.stderr, flush=True)

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._went_wrong(test, "error", err)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._went_wrong(test, "fail", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self.outcomes[test.id()] = "skip"

    def _went_wrong(self, test: unittest.TestCase, outcome: str, err: Any) -> None:
        self.outcomes[test.id()] = outcome
        self.why[test.id()] = f"{err[0].__name__}: {err[1]}".splitlines()[-1][:300]


def enter_glance(folder: Path) -> None:
    """Make `folder` the working directory, with a link to the `glance` package in it.

    Glance's tests copy files from `glance/tests/etc`, and write a log into the working directory.
    Raises RuntimeError where Glance is not installed.
    """
    spec = importlib.util.find_spec("glance")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("Glance is not installed here; its tests come with the package glance")
    (folder / "glance").symlink_to(spec.submodule_search_locations[0], target_is_directory=True)
    os.chdir(folder)
    importlib.import_module("glance.db.migration")  # or importing glance.tests runs in a circle


def put_filter(place: pipeline.Place, delete_payload: str) -> Counter[str]:
    """Put the filter into every paste file of Glance's tests.

    Returns a counter of the pipelines that get loaded, by the names of their classes; it is filled
    while the tests run. A pipeline without the filter at its place fails the test that loads it.
    """
    base: Any = importlib.import_module("glance.tests.functional").SynchronousAPIBase
    config: Any = importlib.import_module("glance.common.config")
    write_paste, load_paste = base.setup_simple_paste, config.load_paste_app
    loaded: Counter[str] = Counter()

    def setup_simple_paste(self: Any) -> None:
        write_paste(self)
        paste = Path(self.paste_config)
        paste.write_text(pipeline.with_filter(paste.read_text(), place, delete_payload))

    def load_paste_app(*args: Any, **kwargs: Any) -> Any:
        app = load_paste(*args, **kwargs)
        names = pipeline.loaded(app)
        loaded[" ".join(names)] += 1
        pipeline.check(names, place)
        return app

    base.setup_simple_paste = setup_simple_paste
    config.load_paste_app = load_paste_app
    return loaded


_NOWHERE = "192.0.2.1"  # of a network that is reserved for documentation (RFC 5737)
_NAMES = {"localhost.": "localhost", "example.com.": _NOWHERE, _NOWHERE: "localhost"}
"""The names that resolve to another name or address."""


def resolve_names() -> None:
    """Have some names resolve as they do where there is a DNS server.

    Glance adds a dot to the host that an image is imported from. Glance's tests serve from
    localhost, and make tasks that import from example.com; Glance refuses those where that name
    cannot be resolved. A connection to its address goes to port 80 of this machine, where nothing
    listens.
    """
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real(_NAMES.get(host, host), *args, **kwargs)

    cast(Any, socket).getaddrinfo = getaddrinfo


def load(modules: list[str], tests: list[str]) -> unittest.TestSuite:
    """All tests of the modules; the tests with the ids `tests` instead, if there are any."""
    loader = unittest.defaultTestLoader
    if tests:
        return loader.loadTestsFromNames(tests)
    return unittest.TestSuite(
        loader.loadTestsFromModule(importlib.import_module(MODULES[name])) for name in modules
    )


def run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the tests; returns their outcomes, and the events of the filter and the native notifier.

    Raises MisplacedError.
    """
    enter_glance(folder)
    resolve_names()
    begin_as_writers()  # with the filter and without it: see tests/writers.py
    capture = Capture(compares=arguments.compare)
    capture.install()
    loaded = put_filter(arguments.place, arguments.delete_payload)
    result = Outcomes(capture)
    load(arguments.modules, arguments.tests).run(result)
    print(file=sys.stderr)
    for names in loaded:
        pipeline.check(names.split(), arguments.place)
    if not loaded:
        raise pipeline.MisplacedError("no pipeline was loaded: nothing was tested")
    return {
        "place": arguments.place,
        "outcomes": result.outcomes,
        "why": result.why,
        "seconds": result.seconds,
        "pipelines": loaded,
        "notifications": capture.recorded,
        **({"observed": capture.as_json()} if arguments.compare else {}),
    }


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--place", choices=pipeline.PLACES, required=True)
    parser.add_argument("--modules", type=_words, default=list(MODULES), help="of: %(default)s")
    parser.add_argument("--tests", type=_words, default=[], help="ids; in place of modules")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--compare", action="store_true", help="watch the native notifier, too")
    parser.add_argument("--delete-payload", choices=("id", "metadata"), default="id")
    arguments = parser.parse_args()
    code = 1
    try:
        _run_and_write(arguments, arguments.out.resolve())
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        # Threads of Glance's imports may wait for ever.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_and_write(arguments: argparse.Namespace, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="glance-suite-", ignore_cleanup_errors=True) as folder:
        report = run(arguments, Path(folder))
        out.write_text(json.dumps(report, indent=1))
    if arguments.compare:
        requests = without_background_work(read_requests(report["observed"]["requests"]))
        findings = comparison.compare(requests)
        print(page.table(findings), *comparison.unexplained(findings), sep="\n")


if __name__ == "__main__":
    main()
