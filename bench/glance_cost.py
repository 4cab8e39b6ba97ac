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
    """A set-up of a running Glance, and the images of a round."""

    server: Server
    token: str
    way: str
    images: list[str] = field(default_factory=list)
    kept: str = ""
    """An image that stays, with data that was downloaded. Nothing changes it: the filter would look
    its owner up again."""

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[bytes, float]:
        """Send a request; returns the body, and the seconds until its first byte was there.

        Raises RuntimeError for a refusal.
        """
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
    """Each set-up, all at the same time, and the relay of the filter."""
    with contextlib.ExitStack() as stack:
        keystone = stack.enter_context(Keystone())
        here, there = (stack.enter_context(stage.placed()) for _ in range(2))
        section = _SECTION.format(
            lines="".join(f"{name} = {value}\n" for name, value in _options(here).items())
        )
        servers = {
            NATIVE: _server(
                *(stack, keystone, there),
                paste=paste_file().replace(" notify ", " "),
                default=f"transport_url = {there.url}",
                more="[oslo_messaging_notifications]\ndriver = messagingv2\n",
            )
        }
        switched = _server(stack, keystone, here, paste=paste_file(section=section))
        stack.enter_context(relay(here))
        token = keystone.token(ALICE)
        glances = {
            name: Glance(servers.get(name, switched), token, way) for name, way in WAYS.items()
        }
        for glance in glances.values():
            _create(glance, 0)
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


def _options(place: Place) -> dict[str, str]:
    return filter_options(place, relay="external")


def _server(stack: contextlib.ExitStack, keystone: Keystone, place: Place, **layout: str) -> Server:
    configuration = lay_out(place.folder, keystone.url, **layout)
    return stack.enter_context(Server(configuration, place.folder / "glance.log"))


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
    TAG: (lambda glance, number: glance.ask("PUT", f"/{glance.images[-1]}/tags/{number}")[1], MANY),
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
