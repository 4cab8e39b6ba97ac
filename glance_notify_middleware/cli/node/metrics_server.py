"""Serves the metrics of a node over HTTP, in the process of the relay."""

import argparse
import socket
import socketserver
import threading
from collections.abc import Iterable
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

from glance_notify_middleware.config import OptionError
from glance_notify_middleware.config.brokers import address
from glance_notify_middleware.runtime.own_log import log_error

EXAMPLE = "127.0.0.1:9464"

_SILENT = 10.0  # seconds after which a client that sends nothing is left


def listening_address(text: str) -> tuple[str, int]:
    """Host and port of a text like 127.0.0.1:9464 or [::1]:9464.

    Raises argparse.ArgumentTypeError.
    """
    try:
        host, port = address(text)
    except ValueError:
        port = None
    if port is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; expected HOST:PORT, as {EXAMPLE} or [::1]:9464"
        )
    return host, port


class MetricsServer:
    """Answers each GET with the metrics of `registry`."""

    def __init__(self, host: str, port: int) -> None:
        """Listens, and answers nothing yet. Raises OptionError where that is not possible."""
        try:
            self._server = _server(host, port)
        except OSError as error:
            raise OptionError(
                f"--metrics-listen {host}:{port}: {error.strerror}; expected an address of this "
                "machine, and a port that no process listens on"
            ) from error

    def close(self) -> None:
        """Listen no more. Requests that are being answered go on."""
        self._server.server_close()

    def start(self, registry: CollectorRegistry) -> None:
        """Answer from now on, in a daemon thread."""
        self._server.set_app(_never_raises(make_wsgi_app(registry)))
        threading.Thread(
            target=self._server.serve_forever, name="glance-notify-metrics", daemon=True
        ).start()


class _Handler(WSGIRequestHandler):
    timeout = _SILENT

    def log_message(self, format: str, *args: object) -> None:
        """Log no request."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind. WSGIServer would ask the DNS for the name of the host, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


def _server(host: str, port: int) -> _Server:
    """Raises OSError."""
    (family, _, _, _, where), *_ = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )

    class OfFamily(_Server):
        address_family = family

    return OfFamily((str(where[0]), int(where[1])), _Handler)


def _never_raises(application: WSGIApplication) -> WSGIApplication:
    """The application; an error is logged, and the answer says that there are no metrics now."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return list(application(environ, start_response))
        except Exception as error:
            log_error("the metrics cannot be read", error)
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"the metrics cannot be read: see the log of the relay\n"]

    return answer
