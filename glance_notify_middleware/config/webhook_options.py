"""The options of the webhook strategy: their table, what they must hold together, its settings."""

from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar

from glance_notify_middleware.config import checks
from glance_notify_middleware.config.brokers import PeerSettings
from glance_notify_middleware.config.http_url import PROXY, RECEIVER, HttpURL
from glance_notify_middleware.config.kinds import (
    BOOLEAN,
    NUMBER_TO_500,
    PATH_OR_EMPTY,
    TIME,
)
from glance_notify_middleware.config.option import Option, Values

OPTIONS = (
    Option(
        "webhook_url",
        "",
        RECEIVER,
        "(webhook) Where notifications are posted: https://host/path. Without TLS, as http://, to "
        "this machine alone. It may have user:password@ before the host, or a token in its path: "
        "no more than scheme and host is ever shown. A % is written %% in a paste file.",
        secret=True,
    ),
    Option(
        "webhook_batch",
        "1",
        NUMBER_TO_500,
        "(webhook) How many notifications one request has at most. 1: each request is one JSON "
        "object. More: each is a JSON array, of one notification too; it ends at 1 MiB.",
    ),
    Option(
        "webhook_secrets_file",
        "",
        PATH_OR_EMPTY,
        "(webhook) File with the secrets that sign each request, as Standard Webhooks has it: "
        "whsec_ and base64, one in each line. With several, as while a secret is replaced, each "
        "request has a signature by each. It is read at each connection.",
    ),
    Option(
        "webhook_token_file",
        "",
        PATH_OR_EMPTY,
        "(webhook) File with the token that is sent as Authorization: Bearer. It is read at each "
        "connection.",
    ),
    Option(
        "webhook_ssl_ca_file",
        "",
        PATH_OR_EMPTY,
        "(webhook) File with the certificates of the authorities that the receiver's certificate "
        "is checked against. Empty: the authorities of the system.",
    ),
    Option(
        "webhook_ssl_cert_file",
        "",
        PATH_OR_EMPTY,
        "(webhook) Certificate of the filter, if the receiver asks for one.",
    ),
    Option(
        "webhook_ssl_key_file",
        "",
        PATH_OR_EMPTY,
        "(webhook) The key of that certificate, without a passphrase.",
    ),
    Option(
        "webhook_ssl_verify",
        "true",
        BOOLEAN,
        "(webhook) Whether the receiver's certificate and its host name are checked.",
    ),
    Option(
        "webhook_proxy",
        "",
        PROXY,
        "(webhook) HTTP proxy on the way to the receiver: http://user:password@host:port. Empty: "
        "none, whatever the environment says.",
        secret=True,
    ),
    Option(
        "webhook_connect_timeout",
        "5",
        TIME,
        "(webhook) How long a connection may take, TLS and the proxy included.",
    ),
    Option(
        "webhook_answer_timeout",
        "10",
        TIME,
        "(webhook) How long the receiver may take from a request's last byte to the end of the "
        "answer's head.",
    ),
    Option(
        "webhook_timeout",
        "30",
        TIME,
        "(webhook) How long a request may take in all: connection, request and answer.",
    ),
    Option(
        "webhook_retry_backoff",
        "0.2",
        TIME,
        "(webhook) The first wait before a request is tried again; each further wait is longer. A "
        "longer Retry-After of the receiver is obeyed, up to an hour.",
    ),
    Option("webhook_retry_max_backoff", "30", TIME, "(webhook) The longest of these waits."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings(PeerSettings):
    """What the operator chose for the webhook strategy. Times are seconds.

    `hosts` has the one host of `url`; it is empty where there is no URL.
    """

    option_prefix: ClassVar[str] = "webhook"
    files: ClassVar[tuple[str, ...]] = ("secrets_file", "token_file", *PeerSettings.files)

    url: HttpURL | None
    """None: not set, which the strategy does not allow."""
    batch: int
    secrets_file: str
    token_file: str
    proxy: HttpURL | None
    connect_timeout: float
    answer_timeout: float
    timeout: float
    retry_backoff: float
    retry_max_backoff: float


_NEEDS = (
    ("webhook_ssl_cert_file", "webhook_ssl_key_file"),
    ("webhook_ssl_key_file", "webhook_ssl_cert_file"),
)

_NEED_TLS = (
    "webhook_ssl_ca_file",
    "webhook_ssl_cert_file",
    "webhook_ssl_key_file",
    "webhook_ssl_verify",
    "webhook_proxy",
)


def check(values: Values, given: Set[str]) -> None:
    """See that the options agree; `given` are those with a line that is not empty.

    Raises OptionError.
    """
    checks.needs(_NEEDS, values, given)
    url: HttpURL | None = values["webhook_url"]
    for name in _NEED_TLS:
        if name in given and url is not None and url.scheme != "https":
            raise checks.contradiction(name, "webhook_url", "the first needs https://")
    if url is not None and url.login and values["webhook_token_file"]:
        why = "both say who sends: take user and password out of the URL, or set no token"
        raise checks.contradiction("webhook_url", "webhook_token_file", why)
    for name in ("webhook_connect_timeout", "webhook_answer_timeout"):
        if values[name] > values["webhook_timeout"]:
            raise checks.contradiction(name, "webhook_timeout", "a part is longer than the whole")
    checks.waits("webhook_retry_backoff", "webhook_retry_max_backoff", values)


def settings(values: Values) -> WebhookSettings:
    """The strategy's settings from values that passed `check`."""
    url: HttpURL | None = values["webhook_url"]
    return WebhookSettings(
        hosts=(url.broker,) if url else (),
        url=url,
        batch=values["webhook_batch"],
        secrets_file=values["webhook_secrets_file"],
        token_file=values["webhook_token_file"],
        ssl_ca_file=values["webhook_ssl_ca_file"],
        ssl_cert_file=values["webhook_ssl_cert_file"],
        ssl_key_file=values["webhook_ssl_key_file"],
        ssl_verify=values["webhook_ssl_verify"],
        proxy=values["webhook_proxy"],
        connect_timeout=values["webhook_connect_timeout"],
        answer_timeout=values["webhook_answer_timeout"],
        timeout=values["webhook_timeout"],
        retry_backoff=values["webhook_retry_backoff"],
        retry_max_backoff=values["webhook_retry_max_backoff"],
    )
