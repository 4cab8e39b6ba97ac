"""A real Glance under uWSGI, in several set-ups that are measured in turn."""

import contextlib
import http.client
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.contestants import Place, filter_options
from bench.processes import cpu_seconds
from bench.stage import Stage, relay
from bench.switch import HEADER, WITH_FILTER, WITH_LOOK_UP
from bench.thread_time import ThreadTimes
from demo.glance import Server, lay_out, paste_file
from demo.keystone import ALICE, Keystone

NONE = "no notifications"
FILTER = "this filter, rabbit, relay = external"
NATIVE = "Glance's own notifier, messagingv2"
LOOK_UP = "a bare look-up"
"""No notifications; behind each tag and upload the image's record is read once."""
WAYS = {NONE: "neither", FILTER: WITH_FILTER, LOOK_UP: WITH_LOOK_UP, NATIVE: "neither"}
"""The set-ups, and the way of the requests through the filter `bench.switch`. Glance's own notifier
is in a Glance of its own, without that filter; the others are in one Glance."""
SET_UPS = tuple(WAYS)
IDLE_SECONDS = 10.0
"""How long the workers are watched while nothing is asked."""

IMAGE_SIZE = 1024**2
"""Bytes of the images that are uploaded and downloaded."""

_NEW = json.dumps({"name": "an image", "disk_format": "raw", "container_format": "bare"}).encode()


@dataclass
class Burst:
    """One kind of request, measured in one round: for each request."""

    cpu: float
    """Microseconds of processor time of the thread that serves the request, the mean."""
    latency: float
    """Microseconds until the answer was read, the median."""
    first_byte: float
    """Microseconds until the first byte of the body, the median."""


Bursts = dict[str, dict[str, list[Burst]]]
"""By set-up and kind of request, in the order of the rounds."""


@dataclass
class Measured:
    """All of a run."""

    bursts: Bursts
    idle: dict[str, float]
    """Of FILTER and NATIVE: milliseconds of processor time that the workers take in a second in
    which nothing is asked."""


CREATE, TAG, UPLOAD = "create", "tag", "upload of 1 MiB"
FIRST, REPEATED = "first download", "repeated download"
KINDS = (CREATE, TAG, UPLOAD, FIRST, REPEATED)
FEW = 10
"""Requests of a burst that each need an image with new data."""
MANY = 20
"""Requests of any other burst."""


@dataclass
class Answer:
    """What a request has given, and what it took."""

    text: bytes
    cpu: float
    """Microseconds of processor time of the thread that served it."""
    latency: float
    """Microseconds until the answer was read."""
    first_byte: float
    """Microseconds until the first byte of the body."""


@dataclass
class Glance:
    """A set-up of a running Glance, and the images of a round."""

    server: Server
    thread_times: ThreadTimes
    token: str
    way: str
    images: list[str] = field(default_factory=list)
    kept: str = ""
    """An image that stays, with data that was downloaded. Nothing changes it: the filter would look
    its owner up again."""

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        """Send a request. Raises RuntimeError for a refusal."""
        headers = {"X-Auth-Token": self.token, HEADER: self.way}
        headers["Content-Type"] = kind or "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        with contextlib.closing(connection):
            begun = time.perf_counter()
            connection.request(method, f"/v2/images{path}", body, headers)
            answer = connection.getresponse()
            first = answer.read(1)
            first_byte = time.perf_counter() - begun
            text = first + answer.read()
            latency = time.perf_counter() - begun
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return Answer(text, self.thread_times.next(), latency * 1e6, first_byte * 1e6)

    def create(self) -> Answer:
        """Make an image, the next of the round."""
        answer = self.ask("POST", "", _NEW)
        self.images.append(json.loads(answer.text)["id"])
        return answer

    def upload(self, image: str) -> Answer:
        """Give an image its data."""
        return self.ask("PUT", f"/{image}/file", bytes(IMAGE_SIZE), "application/octet-stream")

    def download(self, image: str) -> Answer:
        """Read the data of an image."""
        return self.ask("GET", f"/{image}/file")


Play = Callable[[Glance, int], Answer]
"""Sends the request of a number."""

_PLAYS: dict[str, tuple[Play, int]] = {
    CREATE: (lambda glance, number: glance.create(), MANY),
    TAG: (lambda glance, number: glance.ask("PUT", f"/{glance.images[-1]}/tags/{number}"), MANY),
    UPLOAD: (lambda glance, number: glance.upload(glance.images[number]), FEW),
    FIRST: (lambda glance, number: glance.download(glance.images[number]), FEW),
    REPEATED: (lambda glance, number: glance.download(glance.kept), MANY),
}
"""How a request of each kind is played, and how many are in a round."""


def measure(stage: Stage, rounds: int) -> Measured:
    """Play so many rounds, after one that does not count."""
    bursts: Bursts = {name: {kind: [] for kind in _kinds(name)} for name in SET_UPS}
    with _running(stage) as glances:
        for number in range(rounds + 1):
            for name, kind, burst in _round(glances, number):
                if number:
                    bursts[name][kind].append(burst)
        idle = {name: _idle(glances[name].server) for name in (FILTER, NATIVE)}
    return Measured(bursts, idle)


def _kinds(set_up: str) -> Sequence[str]:
    return (CREATE, TAG, UPLOAD) if set_up == LOOK_UP else KINDS


def _round(glances: dict[str, Glance], number: int) -> Iterator[tuple[str, str, Burst]]:
    """Play the requests of a round, each to all set-ups in turn: the speed of a machine varies.

    The images with data are deleted at the end.
    """
    for glance in glances.values():
        glance.images = []
    for kind, (play, count) in _PLAYS.items():
        names = [name for name in SET_UPS if kind in _kinds(name)]
        answers: dict[str, list[Answer]] = {name: [] for name in names}
        for request in range(count):
            first = (number + request) % len(names)
            for name in names[first:] + names[:first]:
                answers[name].append(play(glances[name], request))
        yield from ((name, kind, _burst(answers[name])) for name in names)
    for glance in glances.values():
        for image in glance.images[:FEW]:
            glance.ask("DELETE", f"/{image}")


def _burst(answers: Sequence[Answer]) -> Burst:
    return Burst(
        statistics.fmean(each.cpu for each in answers),
        statistics.median(each.latency for each in answers),
        statistics.median(each.first_byte for each in answers),
    )


def _idle(server: Server) -> float:
    """See Measured."""
    before = sum(map(cpu_seconds, server.workers()))
    time.sleep(IDLE_SECONDS)
    return (sum(map(cpu_seconds, server.workers())) - before) / IDLE_SECONDS * 1000


@contextlib.contextmanager
def _running(stage: Stage) -> Iterator[dict[str, Glance]]:
    """Each set-up, all at the same time, and the relay of the filter."""
    with contextlib.ExitStack() as stack:
        keystone = stack.enter_context(Keystone())
        here, there = (stack.enter_context(stage.placed()) for _ in range(2))
        section = _SECTION.format(
            lines="".join(f"{name} = {value}\n" for name, value in _options(here).items())
        )
        natives = _server(
            *(stack, keystone, there),
            paste=paste_file().replace(" notify ", " "),
            default=f"transport_url = {there.url}",
            more="[oslo_messaging_notifications]\ndriver = messagingv2\n",
        )
        switched = _server(stack, keystone, here, paste=paste_file(section=section))
        stack.enter_context(relay(here))
        token = keystone.token(ALICE)
        glances = {
            name: Glance(*(natives if name == NATIVE else switched), token, way)
            for name, way in WAYS.items()
        }
        for glance in glances.values():
            glance.create()
            glance.kept = glance.images[0]
            glance.upload(glance.kept)
            glance.download(glance.kept)
        yield glances
        for place in (here, there):
            if not stage.ids_in(place, 1):
                raise RuntimeError("a Glance has sent no notification")


_SECTION = """
[filter:notify]
paste.filter_factory = bench.switch:filter_factory
{lines}"""
_THREAD_TIME = """
[filter:thread_time]
paste.filter_factory = bench.thread_time:filter_factory
log = {log}
"""


def _options(place: Place) -> dict[str, str]:
    return filter_options(place, relay="external")


def _server(
    stack: contextlib.ExitStack, keystone: Keystone, place: Place, paste: str, **layout: str
) -> tuple[Server, ThreadTimes]:
    """A Glance whose pipeline begins with the filter `bench.thread_time`."""
    log = place.folder / "thread_times"
    log.touch()
    paste = paste.replace("\nkeystone = ", "\nkeystone = thread_time ")
    paste += _THREAD_TIME.format(log=log)
    configuration = lay_out(place.folder, keystone.url, paste=paste, **layout)
    server = stack.enter_context(Server(configuration, place.folder / "glance.log"))
    return server, ThreadTimes(log)
