"""A real Glance that is made to bear a load: several processes of uWSGI, and one SQLite file."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from demo import glance
from demo.glance import UWSGI, Server, ServerKind
from demo.keystone import Keystone
from tests.faults.servers import ROOT

_PREFORK = ServerKind(
    (
        *(word for word in UWSGI.command if word != "--lazy-apps"),
        *("--forkbomb-delay", "0", "--disable-logging"),
    ),
    UWSGI.loaded,
)
"""A new worker is forked: to load Glance again would take seconds."""

_NOTING = """
[filter:noting]
paste.filter_factory = tests.long.noting_filter:filter_factory
"""

_DATABASE = """
[database]
connection = sqlite:///{folder}/glance.db?timeout=30
sqlite_synchronous = false
"""


def noted_file(folder: Path) -> Path:
    """The file of noting_filter, for a Glance in `folder`."""
    return folder / "noted"


@contextlib.contextmanager
def loaded_glance(
    folder: Path, section: str, processes: int = 4
) -> Iterator[tuple[Server, Keystone]]:
    """A Glance with the filter of `section`, noting_filter below it, and a stand-in for its
    Keystone; both are ended on exit."""
    paste = glance.paste_file(section=section + _NOTING)
    paste = paste.replace(" notify rootapp", " notify noting rootapp")
    environ = {"PYTHONPATH": str(ROOT), "NOTED_FILE": str(noted_file(folder))}
    with Keystone() as keystone:
        more = _DATABASE.format(folder=folder)
        configuration = glance.lay_out(folder, keystone.url, paste=paste, more=more)
        with contextlib.closing(sqlite3.connect(folder / "glance.db")) as database:
            database.execute("PRAGMA journal_mode = WAL")
        log = folder / "glance.log"
        with mock.patch.dict(os.environ, environ):
            server = Server(configuration, log, processes=processes, kind=_PREFORK)
        with server:
            yield server, keystone
