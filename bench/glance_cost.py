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
from demo.glance import Server, lay_out, paste_file
from demo.keystone import ALICE, Keystone

NONE = "no notifications"
FILTER = "this filter, rabbit, relay = external"
NATIVE = "Glance's own notifier, messagingv2"
LOOK_UP = "a bare look-up"
"""No notifications; behind each tag and upload the image's record is read once."""
SET_UPS = (NONE, FILTER, NATIVE, LOOK_UP)

IMAGE_SIZE = 1024**2
"""Bytes of the images that are uploaded and downloaded."""
SETTLED = 0.03
"""Seconds after which the processor time of what was asked before is all spent."""

_NEW = json.dumps({"name": "an image", "disk_format": "raw", "container_format": "bare"}).encode()


@dataclass
class Burst:
    """One kind of request, measured in one round: for each request."""

    cpu: float
    """Microseconds of processor time of the workers."""
    latency: float
    """Microseconds until the answer was read, the median."""
    first_byte: float
    """Microseconds until the first byte of the body, the median."""


Bursts = dict[str, dict[str, list[Burst]]]
"""By set-up and kind of request, in the order of the rounds."""

CREATE, TAG, UPLOAD = "create", "tag", "upload of 1 MiB"
FIRST, REPEATED = "first download", "repeated download"
KINDS = (CREATE, TAG, UPLOAD, FIRST, REPEATED)
FEW = 5
"""Requests of a burst that each need an image with new data."""
MANY = 20
"""Requests of any other burst."""


@dataclass
class Glance:
    """A running Glance, and the images of a round."""

    server: Server
    token: str
    images: list[str] = field(default_factory=list)
    kept: str = ""
    """An image that stays, with data that was downloaded."""

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[bytes, float]:
        """Send a request; returns the body, and the seconds until its first byte was there.

        Raises RuntimeError for a refusal.
        """
        headers = {"X-Auth-Token": self.token, "Content-Type": kind or "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        with contextlib.closing(connection):
            begun = time.perf_counter()
            connection.request(method, f"/v2/images{path}", body, headers)
            answer = connection.getresponse()
            first = answer.read(1)
            first_byte = time.perf_counter() - begun
            text = first + answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return text, first_byte

    def upload(self, image: str) -> float:
        """Give an image its data; returns the seconds until the answer."""
        return self.ask("PUT", f"/{image}/file", bytes(IMAGE_SIZE), "application/octet-stream")[1]

    def download(self, image: str) -> float:
        """Read the data of an image; returns the seconds until its first byte."""
        return self.ask("GET", f"/{image}/file")[1]

    def cpu(self) -> float:
        """Processor time of the workers, in seconds."""
        time.sleep(SETTLED)
        return sum(map(cpu_seconds, self.server.workers()))


def measure(stage: Stage, rounds: int) -> Bursts:
    """Play every kind of request to each set-up in turn, so many times, after one round that does
    not count."""
    kinds = {name: (CREATE, TAG, UPLOAD) if name == LOOK_UP else KINDS for name in SET_UPS}
    bursts: Bursts = {name: {kind: [] for kind in kinds[name]} for name in SET_UPS}
    with _running(stage) as glances:
        for number in range(rounds + 1):
            order = SET_UPS[number % len(SET_UPS) :] + SET_UPS[: number % len(SET_UPS)]
            for name in order:
                for kind, burst in _round(glances[name], kinds[name]).items():
                    if number:
                        bursts[name][kind].append(burst)
    return bursts


@contextlib.contextmanager
def _running(stage: Stage) -> Iterator[dict[str, Glance]]:
    """A Glance of each set-up, all at the same time, and the relay of the filter."""
    with contextlib.ExitStack() as stack:
        keystone = stack.enter_context(Keystone())
        glances = {}
        for name in SET_UPS:
            place = stack.enter_context(stage.placed())
            layout = _LAYOUTS[name](place)
            configuration = lay_out(place.folder, keystone.url, **layout)
            server = stack.enter_context(Server(configuration, place.folder / "glance.log"))
            glances[name] = Glance(server, keystone.token(ALICE))
            if name == FILTER:
                stack.enter_context(relay(place))
            if name in (FILTER, NATIVE):
                stack.callback(_make_sure_that_messages_came, stage, name, place)
        for glance in glances.values():
            _create(glance, 0)
            glance.kept = glance.images[0]
            glance.upload(glance.kept)
            glance.download(glance.kept)
        yield glances


def _make_sure_that_messages_came(stage: Stage, name: str, place: Place) -> None:
    if not stage.ids_in(place, 1):
        raise RuntimeError(f"{name} sent nothing")


def _section(factory: str, **lines: str) -> str:
    text = "".join(f"{name} = {value}\n" for name, value in lines.items())
    return f"\n[filter:notify]\npaste.filter_factory = {factory}\n{text}"


def _stock() -> str:
    return paste_file().replace(" notify ", " ")


_LAYOUTS: dict[str, Callable[[Place], dict[str, str]]] = {
    NONE: lambda place: {"paste": _stock()},
    FILTER: lambda place: {
        "paste": paste_file(
            section=_section(
                "glance_notify_middleware:filter_factory",
                **filter_options(place, relay="external"),
            )
        )
    },
    NATIVE: lambda place: {
        "paste": _stock(),
        "default": f"transport_url = {place.url}",
        "more": "[oslo_messaging_notifications]\ndriver = messagingv2\n",
    },
    LOOK_UP: lambda place: {"paste": paste_file(section=_section("bench.look_up:filter_factory"))},
}


def _round(glance: Glance, kinds: Sequence[str]) -> dict[str, Burst]:
    """One burst of each kind. The images with new data are deleted behind them."""
    glance.images = []
    bursts = {kind: _burst(glance, *_PLAYS[kind]) for kind in kinds}
    for image in glance.images[:FEW]:
        glance.ask("DELETE", f"/{image}")
    return bursts


Play = Callable[[Glance, int], float]
"""Sends the request of a number; returns the seconds until the first byte of its body."""


def _create(glance: Glance, number: int) -> float:
    text, first_byte = glance.ask("POST", "", _NEW)
    glance.images.append(json.loads(text)["id"])
    return first_byte


_PLAYS: dict[str, tuple[Play, int]] = {
    CREATE: (_create, MANY),
    TAG: (lambda glance, number: glance.ask("PUT", f"/{glance.kept}/tags/{number}")[1], MANY),
    UPLOAD: (lambda glance, number: glance.upload(glance.images[number]), FEW),
    FIRST: (lambda glance, number: glance.download(glance.images[number]), FEW),
    REPEATED: (lambda glance, number: glance.download(glance.kept), MANY),
}
"""How a request of each kind is played, and how many make a burst."""


def _burst(glance: Glance, play: Play, count: int) -> Burst:
    latencies, first_bytes = [], []
    before = glance.cpu()
    for number in range(count):
        begun = time.perf_counter()
        first_bytes.append(play(glance, number))
        latencies.append(time.perf_counter() - begun)
    spent = glance.cpu() - before
    return Burst(
        spent / count * 1e6,
        statistics.median(latencies) * 1e6,
        statistics.median(first_bytes) * 1e6,
    )
