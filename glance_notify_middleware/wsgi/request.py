"""What has been seen of a request: who makes it, and what the application has read of its body."""

from wsgiref.types import WSGIEnvironment

from glance_notify_middleware.events import identity
from glance_notify_middleware.events.exchange import RequestFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.wsgi.request_input import (
    InputTally,
    OnRead,
    unwatch_input,
    watch_input,
)


class SeenRequest:
    """A request, from before the application is called to the end of the response.

    `environ` is the application's own: filters below may change it during the call. `named_before`
    is who Glance's context named before the call; None where there was no context. `input` is
    what the application has read; None where the input is not watched. `destination_ip` is where
    image data goes to, for a request that may be a download.

    SeenOperation sets the attributes: a request and the operation that it asks for are one object.
    """

    environ: WSGIEnvironment
    named_before: Requester | None
    destination_ip: str | None = None
    input: InputTally | None = None

    def watch_input(self, on_read: OnRead, kept: int) -> None:
        """Count what the application reads, and keep the first `kept` bytes of it."""
        if "wsgi.input" in self.environ:
            self.input = watch_input(self.environ, on_read, kept)

    def requester(self) -> Requester:
        """Who makes the request. A filter below may make the context during the call."""
        return (
            self.named_before
            or identity.from_context(self.environ)
            or identity.from_headers(self.environ)
        )

    def facts(self, *, prepared: bool) -> RequestFacts:
        """What the rules need to know; `prepared`: image.prepare has been emitted."""
        seen, environ = self.input, self.environ
        # Glance reads a chunked body by uwsgi.chunked_read(), past wsgi.input.
        reads_are_hidden = (
            "uwsgi.version" in environ
            and environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        )
        return RequestFacts(
            requester=self.requester(),
            destination_ip=self.destination_ip,
            bytes_read=None if reads_are_hidden else seen.bytes_read if seen else 0,
            body_start=seen.head if seen and seen.touched else None,
            prepared=prepared,
        )

    def release(self) -> None:
        """Put the input back, and let the environ go: the server may hold the body for long."""
        if self.input is not None:
            unwatch_input(self.environ)
        self.environ, self.input = {}, None
