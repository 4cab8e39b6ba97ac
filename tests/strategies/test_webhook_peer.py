"""The webhook strategy at peers that do each thing that a receiver, or a network, can do."""

import base64
import contextlib
import json
import logging
import re
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Reference

from demo.https_receiver import hang_up
from demo.ports import free_port
from glance_notify_middleware import config
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.webhook.strategy import Webhook
from tests.strategies.bad_peers import Peer, repeating, sending, silent
from tests.strategies.https_peer import Answer, HttpsPeer, answer
from tests.strategies.sending import IN_TIME, message, messages, prompt_send_error, send_error

TAKEN, REJECTED = Outcome.TAKEN, Outcome.REJECTED
CANARY = "canary-pa55word"
SHORT = {"webhook_connect_timeout": "2", "webhook_answer_timeout": "1", "webhook_timeout": "2"}
"""For peers that do not answer."""
BELOW_TCP_USER_TIMEOUT = dict.fromkeys(SHORT, "10")
"""The kernel ends a connection over which nothing is taken for 20 seconds."""

Make = Callable[..., Webhook]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes webhook strategies, which send a batch to its end. They are closed after the test."""
    strategies: list[Webhook] = []

    def made(lines: dict[str, str], **more: str) -> Webhook:
        strategy = Webhook(config.read(lines | more, "this-host"))
        strategy.most_time = 300.0
        strategies.append(strategy)
        return strategy

    yield made
    for strategy in strategies:
        strategy.close()


def secret(byte: int) -> str:
    return f"whsec_{base64.b64encode(bytes([byte] * 32)).decode()}"


def test_request_has_what_the_document_says_and_its_signatures_verify(
    make: Make, tmp_path: Path
) -> None:
    secrets, token = tmp_path / "secrets", tmp_path / "token"
    secrets.write_text(f"{secret(1)}\n{secret(2)}\n")
    token.write_text("a-token\n")
    files = {"webhook_secrets_file": str(secrets), "webhook_token_file": str(token)}
    with HttpsPeer(tmp_path) as peer:
        one = message()
        assert list(make(peer.options(**files)).send([one])) == [TAKEN]
        (request,) = peer.requests
    assert request.line == "POST /in?tenant=a HTTP/1.1"
    assert request.body == one.body
    headers = dict(request.headers)
    timestamp = headers.pop("webhook-timestamp")
    assert abs(time.time() - int(timestamp)) < 60
    signatures = headers.pop("webhook-signature")
    assert len(signatures.split(" ")) == 2
    assert headers == {
        "Host": f"127.0.0.1:{peer.port}",
        "Content-Length": str(len(one.body)),
        "Content-Type": "application/json",
        "User-Agent": "glance_notify_middleware",
        "webhook-id": one.message_id,
        "Authorization": "Bearer a-token",
    }
    for number in (1, 2):
        Reference(secret(number)).verify(request.body, dict(request.headers))


def test_files_are_read_at_each_connection(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first")
    with HttpsPeer(tmp_path, answer(), answer("401 Unauthorized")) as peer:
        strategy = make(peer.options(webhook_token_file=str(path)))
        strategy.send(messages(1))
        path.write_text("second")
        assert send_error(strategy).needs_operator
        assert list(strategy.send(messages(1))) == [TAKEN]
        found = [request.headers["Authorization"] for request in peer.requests]
    assert found == ["Bearer first", "Bearer first", "Bearer second"]


def test_messages_go_in_arrays_of_the_chosen_length_over_one_connection(
    make: Make, tmp_path: Path
) -> None:
    batch = messages(7)
    with HttpsPeer(tmp_path) as peer:
        options = peer.options(webhook_batch="3", message_format="cloudevents")
        assert list(make(options).send(batch)) == [TAKEN] * 7
        assert peer.accepted == 1
        sent = [[each["number"] for each in json.loads(one.body)] for one in peer.requests]
        types = {request.headers["Content-Type"] for request in peer.requests}
    assert sent == [[0, 1, 2], [3, 4, 5], [6]]
    assert types == {"application/cloudevents-batch+json; charset=utf-8"}


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 199 X\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
    ],
)
def test_interim_answer_is_passed_over_and_the_one_behind_it_counts(
    make: Make, tmp_path: Path, interim: bytes
) -> None:
    """RFC 9110, 15.2."""
    taken, full, refused = answer("200 OK", b"ok"), answer("422 X", b"{}"), answer("404 X")
    with HttpsPeer(tmp_path, *(interim + each for each in (taken, full, refused))) as peer:
        strategy = make(peer.options())
        with pytest.raises(SendError, match="answers 404") as raised:
            strategy.send(messages(3))
        assert list(raised.value.outcomes) == [TAKEN, REJECTED, None]
        assert len(peer.requests) == 3
        assert peer.accepted == 1


def test_answer_that_changes_the_protocol_is_no_interim_one(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path, answer("101 Switching Protocols", Upgrade="websocket")) as peer:
        error = send_error(make(peer.options()))
        assert len(peer.requests) == 1
    assert error.needs_operator
    assert "answers 101" in str(error)


@pytest.mark.parametrize(
    "status", ["408 Request Timeout", "425 Too Early", "429 Too Many", "500 Oops", "503 Busy"]
)
def test_status_of_a_failure_that_passes_stops_the_batch_and_is_tried_again(
    make: Make, tmp_path: Path, status: str
) -> None:
    with HttpsPeer(tmp_path, answer(), answer(status, b"later", Retry_After="7200")) as peer:
        strategy = make(peer.options())
        batch = messages(3)
        with pytest.raises(SendError, match=f"answers {status[:3]}.*left alone") as raised:
            strategy.send(batch)
        assert list(raised.value.outcomes) == [TAKEN, None, None]
        assert not raised.value.needs_operator
        assert raised.value.retry_after == 3600.0
        assert list(strategy.send(batch[1:])) == [TAKEN, TAKEN]
        sent = [request.headers["webhook-id"] for request in peer.requests]
    first, second, third = [each.message_id for each in batch]
    assert sent == [first, second, second, third]


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405, 410])
def test_status_that_only_an_operator_can_change_needs_one(
    make: Make, tmp_path: Path, status: int
) -> None:
    location = f"https://127.0.0.1:1/{CANARY}"
    given = answer(f"{status} X", Location=location, Retry_After="7200")
    with HttpsPeer(tmp_path, given) as peer:
        error = send_error(make(peer.options()))
        assert len(peer.requests) == 1
    assert error.needs_operator
    assert f"answers {status}" in str(error)
    assert "left alone" not in str(error), "it is tried each minute"
    assert CANARY not in str(error)


POISONED = {2, 5}


class Picky(HttpsPeer):
    """Rejects, with a status, what has one of the numbers POISONED."""

    def __init__(self, folder: Path, status: str) -> None:
        self._status = status
        super().__init__(folder)

    def _talk(self, connection: socket.socket) -> None:
        self._answers = self._picked()
        super()._talk(connection)

    def _picked(self) -> Iterator[Answer]:
        while True:
            numbers = {each["number"] for each in json.loads(self.requests[-1].body)}
            yield answer(self._status if numbers & POISONED else "200 OK", b"{}")


@pytest.mark.parametrize("status", ["400 Bad Request", "413 Too Large", "422 Unprocessable"])
def test_rejected_array_is_split_until_the_messages_stand_alone_that_are_not_taken(
    make: Make, tmp_path: Path, status: str
) -> None:
    with Picky(tmp_path, status) as peer:
        outcomes = list(make(peer.options(webhook_batch="8")).send(messages(9)))
        sent = [[each["number"] for each in json.loads(one.body)] for one in peer.requests]
    assert outcomes == [REJECTED if index in POISONED else TAKEN for index in range(9)]
    assert sent == [
        [*range(8)],
        [0, 1, 2, 3],
        [0, 1],
        [2, 3],
        [2],
        [3],
        [4, 5, 6, 7],
        [4, 5],
        [4],
        [5],
        [6, 7],
        [8],
    ]


def test_batch_ends_after_its_time_and_the_rest_is_not_sent(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path) as peer:
        strategy = make(peer.options())
        strategy.most_time = 0.0
        batch = messages(3)
        assert list(strategy.send(batch)) == [TAKEN]
        strange = [*batch[:1], message(message_id="\x00"), *batch[1:]]
        assert list(strategy.send(strange)) == [TAKEN, REJECTED]
        assert len(peer.requests) == 2


def test_rejected_array_is_split_to_its_end_whatever_time_that_takes(
    make: Make, tmp_path: Path
) -> None:
    with Picky(tmp_path, "422 X") as peer:
        strategy = make(peer.options(webhook_batch="8"))
        strategy.most_time = 0.0
        batch, outcomes = messages(9), list[Outcome]()
        while len(outcomes) < len(batch):
            known = strategy.send(batch[len(outcomes) :])
            assert known
            outcomes += known
    assert outcomes == [REJECTED if index in POISONED else TAKEN for index in range(9)]


def drip(connection: socket.socket) -> None:
    """A whole answer, byte by byte: it would take 12 seconds."""
    for byte in answer("200 OK", b"x" * 80):
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    repeating(b"x", 0.1)(connection)


def end_in_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def end_after_interim(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


def end_in_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")


def end_in_chunks(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end(connection: socket.socket) -> None:
    """Nothing is said."""


@pytest.mark.parametrize(
    ("behave", "what"),
    [
        (silent, "no answer within [12] s"),
        (drip, "no answer within [12] s"),
        (drip_body, "no answer within 2 s"),
        (
            repeating(b"HTTP/1.1 100 Continue\r\n\r\n", 0),
            "no answer within [12] s|longer than 65536",
        ),
        (
            repeating(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0),
            "no answer within [12] s|longer than 65536",
        ),
        (repeating(b"HTTP/1.1 102 Processing\r\n\r\n", 0.1), "no answer within [12] s"),
        (end_after_interim, "broke off before the answer"),
        (repeating(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, 0), "speaks no HTTP|longer than"),
        (repeating(b"\x00" * 1000, 0), "speaks no HTTP|longer than"),
        (sending(b"220 mail.example ESMTP\r\n"), "speaks no HTTP"),
        (end_in_head, "broke off in the middle of the answer"),
        (end_in_body, "broke off in the middle of the answer"),
        (end_in_chunks, "broke off"),
        (reset, "broke off before the answer|reset by peer"),
        (end, "broke off before the answer"),
    ],
)
def test_answer_that_is_none_is_an_error_in_time_and_the_message_is_sent_again(
    make: Make, tmp_path: Path, behave: Answer, what: str
) -> None:
    times = SHORT if "no answer" in what else {}
    with HttpsPeer(tmp_path, behave) as peer:
        strategy = make(peer.options(**times))
        error = prompt_send_error(strategy)
        assert list(error.outcomes) == [None]
        assert not error.needs_operator
        assert re.search(what, str(error)), str(error)
        assert list(make(peer.options()).send(messages(1))) == [TAKEN]


@pytest.mark.parametrize(
    "head", [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked", b"X: to the end"]
)
def test_body_without_end_is_read_for_64_kib_and_its_status_counts(
    make: Make, tmp_path: Path, head: bytes
) -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        while True:
            sent += connection.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")

    with HttpsPeer(tmp_path, pour) as peer:
        strategy = make(peer.options())
        began = time.monotonic()
        assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
        assert time.monotonic() - began < IN_TIME
        assert peer.accepted == 2
    assert sent > 2**16


def test_peer_that_reads_nothing_is_an_error_in_time(make: Make, tmp_path: Path) -> None:
    stop = threading.Event()

    class Deaf(HttpsPeer):
        def _talk(self, connection: socket.socket) -> None:
            with self.shaken(connection):
                stop.wait(60)

    with Deaf(tmp_path) as peer:
        strategy = make(peer.options(**SHORT))
        began = time.monotonic()
        with pytest.raises(SendError, match="no answer within 2 s"):
            strategy.send([message(b"x" * 20_000_000)])
        assert time.monotonic() - began < IN_TIME
        stop.set()


def test_answer_before_the_end_of_a_long_body_is_read(make: Make, tmp_path: Path) -> None:
    stop = threading.Event()

    class Hasty(HttpsPeer):
        def _talk(self, connection: socket.socket) -> None:
            with self.shaken(connection) as tls:
                tls.recv(1000)
                tls.sendall(answer("413 Too Large"))
                stop.wait(60)

    with Hasty(tmp_path) as peer:
        strategy = make(peer.options(**BELOW_TCP_USER_TIMEOUT))
        assert list(strategy.send([message(b"x" * 20_000_000)])) == [REJECTED]
        assert strategy._connection is None
        stop.set()


def test_connection_that_the_peer_closes_between_requests_is_no_failure(
    make: Make, tmp_path: Path
) -> None:
    with HttpsPeer(tmp_path, after=hang_up) as peer:
        strategy, batches = make(peer.options()), [messages(2) for _ in range(3)]
        for batch in batches:
            assert list(strategy.send(batch)) == [TAKEN, TAKEN]
            time.sleep(0.05)
            strategy.keep_alive()
        sent = [request.headers["webhook-id"] for request in peer.requests]
    # The end of a connection can cross a request on its way, which is then posted once more.
    assert list(dict.fromkeys(sent)) == [each.message_id for batch in batches for each in batch]


def test_answer_that_ends_the_connection_is_obeyed(make: Make, tmp_path: Path) -> None:
    last = answer("200 OK", b"ok", Connection="close")
    with HttpsPeer(tmp_path, last, answer("200 OK", b"ok")) as peer:
        assert list(make(peer.options()).send(messages(3))) == [TAKEN] * 3
        assert peer.accepted == 2


def test_request_over_a_kept_connection_that_ends_just_then_is_posted_once_more(
    make: Make, tmp_path: Path
) -> None:
    with HttpsPeer(tmp_path, answer(), end) as peer:
        strategy = make(peer.options())
        first, second = messages(2)
        assert list(strategy.send([first, second])) == [TAKEN, TAKEN]
        sent = [request.headers["webhook-id"] for request in peer.requests]
        assert sent == [first.message_id, second.message_id, second.message_id]
        assert peer.accepted == 2


def test_idle_connection_is_not_made_again_at_once(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path) as peer:
        strategy = make(peer.options())
        for _ in range(2):
            strategy.connect()
            strategy.keep_alive()
        assert list(strategy.send(messages(1))) == [TAKEN]
        assert peer.accepted == 1
        peer.cut()
        time.sleep(0.2)
        strategy.keep_alive()
        strategy.connect()
        assert peer.accepted == 1
        strategy.quiet_time = 0.0
        assert list(strategy.send(messages(1))) == [TAKEN]
        peer.cut()
        time.sleep(0.2)
        strategy.keep_alive()
        strategy.connect()
        assert peer.accepted == 3
        assert len(peer.requests) == 2


def test_receiver_on_this_machine_needs_no_tls(make: Make) -> None:
    read: list[bytes] = []

    def confirm(connection: socket.socket) -> None:
        read.append(connection.recv(65536))
        connection.sendall(answer())
        silent(connection)

    with Peer(confirm) as peer:
        strategy = make({"webhook_url": f"http://localhost:{peer.port}/in"})
        assert list(strategy.send(messages(1))) == [TAKEN]
        strategy.close()
    assert read[0].startswith(b"POST /in HTTP/1.1\r\nHost: localhost:")


# -- TLS ---------------------------------------------------------------------------------------


def fails_for_the_operator(strategy: Webhook) -> str:
    for act in (strategy.connect, lambda: strategy.send(messages(1))):
        with pytest.raises(SendError) as raised:
            act()
        assert raised.value.needs_operator
    return str(raised.value)


def test_certificate_of_another_name_needs_an_operator(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path) as peer:
        url = f"https://127.1:{peer.port}/"
        assert "mismatch" in fails_for_the_operator(make(peer.options(webhook_url=url)))
        unchecked = make(peer.options(webhook_url=url, webhook_ssl_verify="false"))
        assert list(unchecked.send(messages(1))) == [TAKEN]


def test_expired_certificate_needs_an_operator(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path, server_days=-0.5) as peer:
        assert "certificate has expired" in fails_for_the_operator(make(peer.options()))
        assert not peer.requests


def test_certificate_of_another_authority_needs_an_operator(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path) as peer:
        options = peer.options(webhook_ssl_ca_file=str(peer.files.other_ca))
        assert "certificate" in fails_for_the_operator(make(options))
        assert not peer.requests


def test_client_certificate_is_shown_where_the_peer_demands_one(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path, asks_for_certificate=True) as peer:
        own = {
            "webhook_ssl_cert_file": str(peer.files.client),
            "webhook_ssl_key_file": str(peer.files.client_key),
        }
        assert list(make(peer.options(**own)).send(messages(1))) == [TAKEN]
        error = send_error(make(peer.options()))
        assert error.needs_operator
        assert "TLS" in str(error)
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("webhook_token_file", None),
        ("webhook_token_file", ""),
        ("webhook_token_file", f"two {CANARY}"),
        ("webhook_secrets_file", None),
        ("webhook_secrets_file", "\n\n"),
        ("webhook_secrets_file", CANARY),
        ("webhook_ssl_ca_file", CANARY),
    ],
)
def test_file_that_cannot_be_used_is_named_and_not_shown(
    make: Make, tmp_path: Path, name: str, content: str | None
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    with HttpsPeer(tmp_path / "peer") as peer:
        text = fails_for_the_operator(make(peer.options(**{name: str(path)})))
    assert f"option {name}: {path}: " in text
    assert CANARY not in text


# -- proxies -----------------------------------------------------------------------------------


def test_proxy_of_the_environment_is_not_used(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with HttpsPeer(tmp_path) as peer:
        assert list(make(peer.options()).send(messages(1))) == [TAKEN]


class Proxy(Peer):
    """A proxy that tunnels, or answers what `status` says."""

    def __init__(self, status: str = "") -> None:
        self.asked: list[bytes] = []
        self._status = status
        super().__init__(self._tunnel)

    def _tunnel(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.asked.append(head)
        if self._status:
            client.sendall(f"HTTP/1.1 {self._status}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        place = head.split()[1].decode()
        with socket.create_connection((place.split(":")[0], int(place.split(":")[1]))) as there:
            self._open.append(there)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._start(lambda _: self._carry(there, client), client)
            self._carry(client, there)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def test_proxy_of_the_option_leads_to_the_peer_through_tls(make: Make, tmp_path: Path) -> None:
    with HttpsPeer(tmp_path) as peer, Proxy() as proxy:
        url = f"http://u:{CANARY}@127.0.0.1:{proxy.port}"
        strategy = make(peer.options(webhook_proxy=url))
        assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
        strategy.close()
    login = base64.b64encode(f"u:{CANARY}".encode()).decode()
    (asked,) = proxy.asked
    place = f"127.0.0.1:{peer.port}"
    assert asked.decode() == (
        f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nProxy-Authorization: Basic {login}\r\n\r\n"
    )
    assert "Proxy-Authorization" not in peer.requests[0].headers


@pytest.mark.parametrize(
    ("status", "needs_operator", "what"),
    [
        ("407 Who", True, "the proxy answers 407 Proxy Authentication Required; see webhook_proxy"),
        ("403 No", True, "the proxy answers 403"),
        ("502 Bad", False, "the proxy answers 502"),
        ("102 Processing\r\n\r\nHTTP/1.1 502 Bad", False, "the proxy answers 502"),
    ],
)
def test_proxy_that_does_not_lead_there_is_named(
    make: Make, tmp_path: Path, status: str, needs_operator: bool, what: str
) -> None:
    with HttpsPeer(tmp_path) as peer, Proxy(status) as proxy:
        url = f"http://u:{CANARY}@127.0.0.1:{proxy.port}"
        error = send_error(make(peer.options(webhook_proxy=url)))
        assert not peer.accepted
    assert error.needs_operator is needs_operator
    assert what in str(error)
    assert CANARY not in str(error)


# -- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behave",
    [
        answer("404 Not Found"),
        answer("503 Busy"),
        answer("400 Bad"),
        b"HTTP/1.1 200 OK\r\nno header\r\n: x\r\nContent-Length: 0\r\n\r\n",
        end_in_body,
        sending(b"\x00\r\n\r\n"),
        silent,
    ],
)
def test_secrets_are_in_no_log_and_no_error(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, behave: Answer
) -> None:
    caplog.set_level(logging.DEBUG, "")
    secrets = tmp_path / "secrets"
    key = base64.b64encode(f"{CANARY}{CANARY}".encode()).decode()
    secrets.write_text(f"whsec_{key}")
    with HttpsPeer(tmp_path, behave) as peer:
        url = f"https://{CANARY}:{CANARY}@127.0.0.1:{peer.port}/{CANARY}?{CANARY}"
        lines = SHORT | {"webhook_url": url, "webhook_secrets_file": str(secrets)}
        strategy = make(peer.options(**lines))
        shown = f"{strategy!r} {strategy._settings!r}"
        try:
            strategy.send(messages(1))
        except SendError as error:
            shown += "".join(traceback.format_exception(error))
            chained: BaseException | None = error
            while chained is not None:
                shown += f"{chained} {chained!r} {chained.args}"
                chained = chained.__cause__ or chained.__context__
        shown += f"{strategy._sender!r} {caplog.text}"
        (request,) = peer.requests
    assert CANARY in request.line
    login = request.headers["Authorization"].removeprefix("Basic ")
    for hidden in (CANARY, key, login):
        assert hidden not in shown
