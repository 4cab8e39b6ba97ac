"""The contestants: WSGI middlewares, each as its own documentation sets it up.

Every library is imported by the contestant that needs it, so that a process has only that one.
"""

import logging
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from bench.stand_in import REQUESTS, play, stand_in

Middleware = Callable[[WSGIApplication], WSGIApplication]


@dataclass(frozen=True)
class Place:
    """Where a contestant runs."""

    folder: Path
    """For its files; a folder of its own."""
    port: int = 9
    """The port of the broker on loopback, which user and password guest may use."""
    vhost: str = "/"
    """A vhost of its own at the broker."""

    @property
    def url(self) -> str:
        """The broker as a URL of oslo.messaging."""
        return f"rabbit://guest:guest@127.0.0.1:{self.port}/{self.vhost.removeprefix('/')}"


def filter_options(place: Place, **options: str) -> dict[str, str]:
    """The lines of this filter's section for RabbitMQ at `place`, with further `options`."""
    return {
        "notifier_strategy": "rabbit",
        "transport_url": place.url,
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
        "journal_dir": str(place.folder / "journal"),
        **options,
    }


def paste_file(place: Place, **options: str) -> Path:
    """Write a paste file with this filter's section for RabbitMQ at `place`; returns its path."""
    lines = [f"{name} = {value}" for name, value in filter_options(place, **options).items()]
    path = place.folder / "paste.ini"
    factory = "paste.filter_factory = glance_notify_middleware:filter_factory"
    path.write_text("\n".join(["[filter:notify]", factory, *lines, ""]))
    return path


def _filter(**options: str) -> Middleware:
    from glance_notify_middleware import filter_factory

    return filter_factory({}, **options)


def _rabbit(**options: str) -> Callable[[Place], Middleware]:
    return lambda place: _filter(**filter_options(place, **options))


def _logging(place: Place) -> Middleware:
    return _filter(notifier_strategy="logging", log_file=str(place.folder / "notifications.log"))


def _four_targets(place: Place) -> Middleware:
    """What billing, an archive and a security team each want, and a log of shared images. The
    journal has a directory of its own, as all filters of one have to agree on their targets."""
    lines = {
        "journal_dir": str(place.folder / "journal-of-four"),
        "notifier_strategy": "billing, archive, siem, members",
        "billing.strategy": "rabbit",
        "billing.message_format": "oslo",
        "billing.image_delete_payload": "metadata",
        "billing.priorities": "info, error",
        "archive.strategy": "rabbit",
        "siem.strategy": "webhook",
        "siem.webhook_url": "http://localhost:9/",
        "siem.message_format": "cloudevents",
        "members.strategy": "logging",
        "members.log_file": str(place.folder / "members.log"),
        "members.event_types": "image.member",
    }
    return _filter(**filter_options(place, **lines, relay="external"))


def _counting(app: WSGIApplication) -> WSGIApplication:
    """The least code that counts what the server has taken."""
    state = [0]

    def count(body: Iterable[bytes]) -> Iterator[bytes]:
        sent = 0
        for chunk in body:
            yield chunk
            state[0] = sent = sent + len(chunk)

    return lambda environ, start_response: count(app(environ, start_response))


def _floor(place: Place) -> Middleware:
    """What every filter must do that survives kill -9: look at method and path, and for an event
    write as many bytes as this filter before and behind the call, each with a checksum."""
    intent, event = _entries_of_a_create(place)
    file = os.open(place.folder / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def wrap(app: WSGIApplication) -> WSGIApplication:
        def floor(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            if method == "GET" and not path.endswith("/file"):
                return app(environ, start_response)
            zlib.crc32(intent)
            os.write(file, intent)
            body = app(environ, start_response)
            zlib.crc32(event)
            os.write(file, event)
            return body

        return floor

    return wrap


def _one_fdatasync(place: Place) -> Middleware:
    """One append, and one fdatasync(), of as many bytes as this filter writes for a create."""
    data = b"".join(_entries_of_a_create(place))
    file = (place.folder / "synced").open("ab", buffering=0)

    def wrap(app: WSGIApplication) -> WSGIApplication:
        def synced(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            file.write(data)
            os.fdatasync(file.fileno())
            return app(environ, start_response)

        return synced

    return wrap


def _entries_of_a_create(place: Place) -> tuple[bytes, bytes]:
    """What this filter writes to its journal for a create: the intent, and the event."""
    from glance_notify_middleware.journal import entries

    other = Place(place.folder / "other", place.port, place.vhost)
    other.folder.mkdir()
    play(_rabbit(relay="external")(other)(stand_in()), REQUESTS["create"]())
    (segment,) = (other.folder / "journal").glob("*.seg")
    data = segment.read_bytes()
    intent, event = list(entries.walk(data))[-2:]
    return data[intent.start : intent.end], data[event.start : event.end]


def _translogger(place: Place) -> Middleware:
    from paste.translogger import TransLogger

    logger = logging.getLogger("wsgi")
    logger.addHandler(logging.FileHandler(place.folder / "access.log"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return lambda app: TransLogger(app, logger=logger)


def _opentelemetry(place: Place) -> Middleware:
    """Spans that are recorded and batched, and exported to a file of one line for each span."""
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    out = (place.folder / "spans").open("a")
    exporter = ConsoleSpanExporter(out=out, formatter=lambda span: f"{span.name}\n")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return lambda app: OpenTelemetryMiddleware(app, tracer_provider=provider)


def _configure_oslo(place: Place) -> None:
    """Let the notifiers of oslo.messaging in this process send to the broker, by messagingv2."""
    from oslo_config import cfg

    path = place.folder / "oslo.conf"
    path.write_text(
        f"[DEFAULT]\ntransport_url = {place.url}\n"
        "[oslo_messaging_notifications]\ndriver = messagingv2\n"
    )
    cfg.CONF(["--config-file", str(path)], project="bench")


def _request_notifier(place: Place) -> Middleware:
    from oslo_messaging.notify.middleware import RequestNotifier

    _configure_oslo(place)
    return lambda app: RequestNotifier(app, publisher_id="glance-1.example")


def _audit(place: Place) -> Middleware:
    from keystonemiddleware.audit import AuditMiddleware

    _configure_oslo(place)
    audit_map = Path(sys.prefix) / "etc" / "pycadf" / "glance_api_audit_map.conf"
    return lambda app: AuditMiddleware(app, audit_map_file=str(audit_map))


def _ceilometer(nonblocking: bool) -> Callable[[Place], Middleware]:
    def make(place: Place) -> Middleware:
        from ceilometermiddleware.swift import filter_factory

        lines = {"driver": "messagingv2", "nonblocking_notify": str(nonblocking)}
        made: Middleware = filter_factory({}, url=place.url, **lines)
        return made

    return make


BARE = "bare"
COUNTING = "a bare counting generator"
FLOOR = "two writes and their checksums"
NOOP = "this filter, noop"
LOGGING = "this filter, logging"
EXTERNAL = "this filter, rabbit, relay = external"
FOUR_TARGETS = "this filter, four targets, relay = external"
THREAD = "this filter, rabbit, relay = thread"
SYNCED = "this filter, rabbit, journal_sync = full"
FDATASYNC = "one fdatasync of as many bytes"
TRANSLOGGER = "Paste TransLogger"
OPENTELEMETRY = "OpenTelemetry"
NOTIFIER = "oslo.messaging RequestNotifier"
AUDIT = "keystonemiddleware audit"
CEILOMETER = "ceilometermiddleware"
NONBLOCKING = "ceilometermiddleware, nonblocking"

CONTESTANTS: dict[str, Callable[[Place], Middleware]] = {
    BARE: lambda place: lambda app: app,
    COUNTING: lambda place: _counting,
    FLOOR: _floor,
    NOOP: lambda place: _filter(notifier_strategy="noop"),
    LOGGING: _logging,
    EXTERNAL: _rabbit(relay="external"),
    FOUR_TARGETS: _four_targets,
    THREAD: _rabbit(relay="thread"),
    SYNCED: _rabbit(relay="external", journal_sync="full"),
    FDATASYNC: _one_fdatasync,
    TRANSLOGGER: _translogger,
    OPENTELEMETRY: _opentelemetry,
    NOTIFIER: _request_notifier,
    AUDIT: _audit,
    CEILOMETER: _ceilometer(nonblocking=False),
    NONBLOCKING: _ceilometer(nonblocking=True),
}
"""Makes each contestant, by its name in the tables."""
