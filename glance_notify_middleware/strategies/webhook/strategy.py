"""The webhook strategy: messages are posted to a receiver, which confirms each request."""

import http.client
import logging
import ssl
import time
from collections import deque
from collections.abc import Sequence

from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies import Outcome, SendError, credentials, errors
from glance_notify_middleware.strategies.connected import Connected, Outcomes
from glance_notify_middleware.strategies.webhook import sender, signing
from glance_notify_middleware.strategies.webhook.answers import Answer, Verdict
from glance_notify_middleware.strategies.webhook.client import Client, ProxyError, connect
from glance_notify_middleware.strategies.webhook.phases import Phases
from glance_notify_middleware.strategies.webhook.requests import (
    Request,
    is_expressible,
    request,
    runs,
)
from glance_notify_middleware.strategies.webhook.sender import Sender

_USER_AGENT = "glance_notify_middleware"


class AnsweredError(Exception):
    """The receiver has answered, and takes nothing for now."""

    def __init__(self, answer: Answer, wait: float) -> None:
        """`wait`: seconds that the receiver wants to be left alone."""
        until = f"; it is left alone for {wait:.0f} s, as it wants" if wait else ""
        super().__init__(f"{answer.text}{until}")
        self.needs_operator = answer.verdict is Verdict.OPERATOR
        self.wait = wait


class Webhook(Connected[Client]):
    """Posts messages in their order, one request at a time over one connection.

    Messages that may go together and are rejected are split in halves, until the one that the
    receiver does not take stands alone.
    """

    most_time = 2.0
    """Seconds after which a batch is not continued: what is confirmed can be counted first."""
    quiet_time = 60.0
    """Seconds for which an idle connection that the receiver has closed is not made again. Many
    receivers close after a few seconds; that is no failure (RFC 9112, 9.5)."""

    def __init__(self, settings: Settings) -> None:
        """Raises OptionError where there is no URL."""
        self._settings = settings.webhook
        super().__init__(self._settings.hosts)
        if self._settings.url is None:
            raise OptionError("option webhook_url of the notify filter: is not set")
        self._url = self._settings.url
        self._format = settings.message_format
        self._phases = Phases(self._settings.timeout)
        self._sender = Sender("", ())
        self._quiet_until = 0.0

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """See the contract."""
        outcomes = super().send(batch)
        return [outcome for outcome in outcomes if outcome is not None]  # the first of them

    def connect(self) -> None:
        """See the contract."""
        if self._connection is not None or time.monotonic() >= self._quiet_until:
            self._phases.begin()
            super().connect()

    def _connect(self, broker: Broker) -> Client:
        settings = self._settings
        self._sender = sender.read(settings)
        context = credentials.tls_context(settings) if self._url.scheme == "https" else None
        self._phases.phase(settings.connect_timeout)
        made = connect(self._url, settings.proxy, context, self._phases, settings.answer_timeout)
        self._phases.rest()
        return made

    def _heartbeat(self, connection: Client) -> None:
        if connection.is_closed():
            self._drop()
            self._quiet_until = time.monotonic() + self.quiet_time

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        end = time.monotonic() + self.most_time
        waiting: list[int] = []
        for index, message in enumerate(batch):
            if is_expressible(message):
                waiting.append(index)
            else:
                outcomes[index] = Outcome.REJECTED
        parts = deque(runs(batch, waiting, self._settings.batch))
        while parts:
            part = parts.popleft()
            if self._is_taken(batch, part):
                for index in part:
                    outcomes[index] = Outcome.TAKEN
            elif len(part) > 1:
                middle = len(part) // 2
                parts.extendleft((part[middle:], part[:middle]))
            else:
                outcomes[part[0]] = Outcome.REJECTED
            first = parts[0][0] if parts else len(batch)
            if time.monotonic() >= end and any(outcomes[:first]):
                outcomes[first:] = [None] * (len(batch) - first)  # what follows is given again
                break

    def _is_taken(self, batch: Sequence[Message], part: Sequence[int]) -> bool:
        """Whether the receiver takes the messages; else it rejects them. Raises what keeps it from
        either."""
        messages = [batch[index] for index in part]
        posted = request(messages, self._format, is_array=self._settings.batch > 1)
        answer = self._post(posted)
        if answer.verdict is Verdict.CONFIRMED:
            return True
        if answer.verdict is Verdict.REJECTED:
            if len(part) == 1:
                what = f"{self._broker} rejects {messages[0].message_id} for what it is"
                log_line(LOG, logging.WARNING, f"{what}: {answer.text}")
            return False
        raise AnsweredError(answer, answer.wait(time.time()))

    def _post(self, posted: Request) -> Answer:
        """Post over the connection that there is, or over a new one.

        A receiver may close a connection that is idle just when a request comes over it. Such a
        request is posted once more, as it has the same id.
        """
        self._forget_connection_of_parent()
        self._phases.begin()
        if self._connection is not None and self._connection.is_closed():
            self._drop()
        if self._connection is not None:
            try:
                return self._post_over(self._connection, posted)
            except ConnectionError:
                self._drop()
        return self._post_over(self._open_connection(), posted)

    def _post_over(self, connection: Client, posted: Request) -> Answer:
        headers = {
            "Content-Type": posted.content_type,
            "User-Agent": _USER_AGENT,
            **signing.headers(posted.request_id, int(time.time()), posted.body, self._sender.keys),
        }
        if self._sender.authorization:
            headers["Authorization"] = self._sender.authorization
        answer = connection.post(headers, posted.body)
        if not connection.is_reusable:
            self._drop()
        return answer

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        match error:
            case AnsweredError():
                return str(error), error.needs_operator
            case ProxyError():
                return str(error), error.answer.verdict is Verdict.OPERATOR
            case ConnectionError():
                return error.strerror or "the connection broke off before the answer", False
            case ssl.SSLError() if self._connection is not None and self._connection.has_answered:
                return "the connection broke off in the middle of TLS", False
            case http.client.HTTPException():
                return "what answers speaks no HTTP/1.1", False
            case _:
                return errors.explain(error)

    def _lost(self, error: Exception, outcomes: Sequence[Outcome | None]) -> SendError:
        lost = super()._lost(error, outcomes)
        if isinstance(error, AnsweredError):
            lost.retry_after = error.wait
        return lost
