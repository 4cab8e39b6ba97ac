"""The faults by their numbers, and the servers under which a fault is impossible."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pytest

from tests.faults.servers import SERVERS
from tests.long_runs import takes_long

_ONE_PROCESS = "it has one process and no master, which fault 15 kills"
_NO_FORK = "no process is forked from one that has loaded the application"
_NO_UWSGI = "it is not uWSGI"


@dataclass(frozen=True)
class Fault:
    """A fault of the server, the broker, the disk or the clock."""

    title: str
    impossible: Mapping[str, str] = field(default_factory=dict)
    """The servers under which it is impossible, each with the reason."""


FAULTS: Mapping[int, Fault] = {
    1: Fault("the broker is killed under load"),
    2: Fault("the broker is stopped in good order and started again"),
    3: Fault("the broker is frozen for a while"),
    4: Fault("the broker is frozen, then killed"),
    5: Fault("the broker is short of memory for a while"),
    6: Fault("the broker is short of memory, then killed"),
    7: Fault("there is no broker at the start"),
    8: Fault("connections are closed again and again"),
    9: Fault("the exchange is deleted, and later restored"),
    10: Fault("no queue is bound, until later"),
    11: Fault("the queues are full and reject, until they are emptied"),
    12: Fault("the password is another one for a while"),
    13: Fault("workers are killed, the leader among them", {"waitress": _ONE_PROCESS}),
    14: Fault("all workers are killed at once", {"waitress": _ONE_PROCESS}),
    15: Fault("master and workers are killed at once"),
    16: Fault("the server ends in good order under load"),
    17: Fault("a worker is frozen for a while, then the leader"),
    18: Fault("four threads compute beside the requests"),
    19: Fault("the disk is full for a while"),
    20: Fault("cursors are overwritten with noise"),
    21: Fault("segments are damaged"),
    22: Fault("files of the journal are unlinked"),
    23: Fault("the journal's directory"),
    24: Fault(
        "the server forks after it has loaded the application",
        {"uWSGI": _NO_FORK, "gunicorn": _NO_FORK, "waitress": _NO_FORK},
    ),
    25: Fault(
        "no threads run beside the requests",
        {"gunicorn": _NO_UWSGI, "gunicorn preload": _NO_UWSGI, "waitress": _NO_UWSGI},
    ),
    26: Fault("the broker is frozen for a moment, and its confirms come late"),
    27: Fault("channels are closed again and again by an error"),
    28: Fault("another service declares the exchange with other properties"),
    29: Fault("an option of the connection is wrong, until it is corrected"),
    30: Fault("the broker accepts and is silent"),
    31: Fault("messages that the broker never takes, which do not count, come among others"),
    32: Fault("the leader is killed after deliveries, before its cursor moved"),
    33: Fault("a worker is killed between Glance's answer and the journal entry"),
    34: Fault("the leader is killed, and a child that it has forked lives on"),
    35: Fault("several filters or servers use one journal"),
    36: Fault("a backlog waits at the start, and requests come"),
    37: Fault("a backlog waits at the start, and no request comes"),
    38: Fault("the wall clock, as the filter reads it, goes back by an hour"),
    39: Fault("a crash loop has left a segment for each of its processes"),
    40: Fault("the first host of the list is dead"),
    41: Fault("processes are killed in the middle of a write to the journal"),
    42: Fault("a download outlives many segments"),
    43: Fault("only one of three queues is bound"),
    44: Fault("entries of a newer version come among others, and a relay of that version later"),
    45: Fault("the power is cut"),
    46: Fault("the receiver answers 503, and when to try again"),
    47: Fault("the receiver answers 401, until the token is corrected"),
}


def under_each_server(
    number: int, *, always: Iterable[str] = (), but: Iterable[str] = ()
) -> pytest.MarkDecorator:
    """For a test that takes `kind`, of a fault that depends on the server.

    The test runs under each server under which the fault is possible, except those of `but`; in a
    run without FAULTS=1 under those of `always` only.
    """
    kinds = [kind for kind in SERVERS if kind not in {*FAULTS[number].impossible, *but}]
    return pytest.mark.parametrize(
        "kind", [pytest.param(kind, marks=() if kind in always else takes_long) for kind in kinds]
    )
