"""A connection to the receiver: urllib3 over a stream of which every wait has an end.

urllib3's pools are not used: they log the path of a URL at DEBUG, and its `getresponse` does so
where a header is malformed (2.8), and a path may be a secret. Their time-outs begin again with
each byte that comes.
"""

import http.client
import io
import ssl
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from glance_notify_middleware.config.http_url import HttpURL
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.stream import CALL_SIZE, ClosedError, Stream, opened
from glance_notify_middleware.strategies.webhook.answers import Answer, Verdict
from glance_notify_middleware.strategies.webhook.phases import Phases

LONGEST_ANSWER = 2**16
"""Bytes of an answer that are read, at most."""


class BrokenOffError(OSError):
    """The connection has ended in the middle of an answer."""

    def __init__(self) -> None:
        super().__init__("the connection broke off in the middle of the answer")


class ProxyError(Exception):
    """The proxy does not lead to the receiver. `answer` is what it says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the proxy {answer.text}")
        self.answer = answer


class _AnsweredEarlyError(ConnectionError):
    """The receiver answers before it has read all of the request."""


class _Reader(io.RawIOBase):
    """What comes over a stream, up to LONGEST_ANSWER."""

    def __init__(self, stream: Stream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._left = LONGEST_ANSWER
        self.has_ended = False
        """Whether the receiver has closed the connection."""

    @property
    def is_full(self) -> bool:
        """Whether there was more to read than is read."""
        return not self._left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            raise OSError(f"the answer is longer than {LONGEST_ANSWER} bytes")
        try:
            data = self._stream.read_some(min(len(buffer), self._left), self._deadline)
        except ClosedError:
            self.has_ended = True
            return 0
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


class _Socket:
    """What http.client uses of a socket. The stream is closed by its owner, not by an answer."""

    def __init__(self, stream: Stream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self.reader = _Reader(stream, deadline)

    def makefile(self, mode: str) -> io.BufferedReader:
        self.reader = _Reader(self._stream, self._deadline)
        return io.BufferedReader(self.reader)

    def sendall(self, data: bytes) -> None:
        unsent = memoryview(data)
        while unsent:
            sent = self._stream.send(unsent[:CALL_SIZE])
            unsent = unsent[sent:]
            if not sent:
                if self._stream.has_come():
                    raise _AnsweredEarlyError
                self._stream.wait(self._deadline, writing=True)
            self._deadline.left()

    def close(self) -> None:
        """Nothing: the answer is read after it."""


class _Response(http.client.HTTPResponse):
    """An answer. http.client takes each interim one for it, but for 100."""

    def begin(self) -> None:
        """Read the head, and pass over interim answers (RFC 9110, 15.2).

        They are a part of the answer for the deadline, and for LONGEST_ANSWER. 101 is no interim
        one: another protocol follows it.
        """
        super().begin()
        while self.status // 100 == 1 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = self.msg = None  # type: ignore[assignment]  # so that it reads on
            super().begin()


class _Http(HTTPConnection):
    """urllib3's connection, over a stream that is open. It never connects by itself."""

    auto_open = 0
    response_class = _Response

    def __init__(self, url: HttpURL, stream: Stream, deadline: Deadline) -> None:
        super().__init__(url.broker.host, url.broker.port)
        self._deadline = deadline
        self.adapter = _Socket(stream, deadline)
        self.sock: Any = self.adapter
        self.is_reusable = True
        """Whether another request can follow."""

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> None:
        """Send a request."""
        self.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            self.putheader(name, value)
        try:
            self.endheaders(body)
        except (ConnectionError, ssl.SSLEOFError):
            # A receiver that refuses a long body may answer, and close, before it has read it.
            self.is_reusable = False

    def head(self) -> http.client.HTTPResponse:
        """Read the head of the answer."""
        found = http.client.HTTPConnection.getresponse(self)
        if self.adapter.reader.has_ended:
            raise BrokenOffError
        return found

    def skip_body(self, head: http.client.HTTPResponse) -> None:
        """Read the body of an answer to its end, or as far as it is read."""
        body = urllib3.HTTPResponse(
            head,
            headers=dict(head.headers.items()),
            preload_content=False,
            decode_content=False,
            enforce_content_length=True,
        )
        try:
            body.read()
        except ReadTimeoutError:
            raise self._deadline.missed() from None
        except HTTPError:
            if not self.adapter.reader.is_full:
                raise BrokenOffError from None
            self.is_reusable = False
        self.is_reusable = self.is_reusable and self.sock is not None


class Client:
    """An open connection to the receiver. After an error it can only be dropped."""

    def __init__(self, url: HttpURL, stream: Stream, phases: Phases, answer_timeout: float) -> None:
        """`answer_timeout`: seconds from a request's last byte to the end of the answer's head."""
        self._url = url
        self._stream = stream
        self._phases = phases
        self._answer_timeout = answer_timeout
        self._http = _Http(url, stream, phases)
        self.has_answered = False
        """Whether an answer has come over it."""

    @property
    def is_reusable(self) -> bool:
        """Whether another request can be sent, as far as is known without a look."""
        return self._http.is_reusable

    def is_closed(self) -> bool:
        """Whether the receiver has closed the connection. It does not wait."""
        try:
            return self._stream.has_come()  # nothing may come before it is asked
        except OSError:
            return True

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post to the URL, and read the answer, within the whole.

        An answer that is longer than LONGEST_ANSWER counts as read. Raises OSError and
        HTTPException.
        """
        host = str(self._url).partition("://")[2]
        length = {"Host": host, "Content-Length": str(len(body))}
        self._http.ask("POST", self._url.target, length | dict(headers), body)
        self._phases.phase(self._answer_timeout)
        head = self._http.head()
        self.has_answered = True
        self._phases.rest()
        self._http.skip_body(head)
        return _answer(head)

    def close(self) -> None:
        """Close the connection: HTTP has no farewell."""
        self._stream.close()

    drop = forget = close


def connect(
    url: HttpURL,
    proxy: HttpURL | None,
    context: ssl.SSLContext | None,
    phases: Phases,
    answer_timeout: float,
) -> Client:
    """Connect, by way of the proxy where there is one, and through TLS with a context.

    All of it ends with the phase, but for the look-up of a host's name, which has only the
    system's own time-out. Raises OSError, HTTPException and ProxyError, and leaves nothing open
    then.
    """
    stream = opened((proxy or url).broker, phases.left())
    try:
        if proxy:
            _ask_for_tunnel(url, proxy, stream, phases)
        if context:
            stream.start_tls(context, url.broker.host, phases)
    except BaseException:
        stream.close()
        raise
    return Client(url, stream, phases, answer_timeout)


def _ask_for_tunnel(url: HttpURL, proxy: HttpURL, stream: Stream, deadline: Deadline) -> None:
    """RFC 9110, 9.3.6."""
    place = str(url.broker)
    login = {"Proxy-Authorization": proxy.login} if proxy.login else {}
    proxied = _Http(proxy, stream, deadline)
    proxied.ask("CONNECT", place, {"Host": place} | login)
    answer = _answer(proxied.head())
    if answer.verdict is not Verdict.CONFIRMED:
        raise ProxyError(answer)


def _answer(head: http.client.HTTPResponse) -> Answer:
    return Answer(head.status, head.headers.get("Retry-After", "").strip())
