"""The qpid strategy with a peer that a test controls: outcomes, ends of connections, limits."""

import os
import resource
import signal
import socket
import time
from typing import Any, cast

import proton
import pytest

from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.qpid.engine import Engine
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from glance_notify_middleware.strategies.stream import Stream
from tests.strategies import amqp10_answers as answers
from tests.strategies import amqp10_peer
from tests.strategies.amqp10_answers import Answer
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.conftest import MakeQpid
from tests.strategies.frozen import freeze
from tests.strategies.sending import IN_TIME, message, messages, prompt_send_error

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED
REJECTED = Outcome.REJECTED


def keep_alive_for(strategy: Qpid, seconds: float) -> None:
    """Ten calls for each of these seconds, which take longer on a busy machine."""
    for _ in range(round(10 * seconds)):
        strategy.keep_alive()
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(answers.accept, TAKEN, id="accepted"),
        pytest.param(answers.release, UNROUTABLE, id="released"),
        pytest.param(answers.modify(), REFUSED, id="modified"),
        pytest.param(answers.modify(undeliverable=True), UNROUTABLE, id="undeliverable here"),
        pytest.param(answers.reject(), REJECTED, id="rejected"),
        pytest.param(answers.reject("amqp:decode-error"), REJECTED, id="rejected for its form"),
        pytest.param(answers.reject("amqp:resource-limit-exceeded"), REFUSED, id="full"),
        pytest.param(answers.reject("amqp:unauthorized-access"), REFUSED, id="not allowed"),
        pytest.param(answers.settle, REFUSED, id="settled without an outcome"),
    ],
)
def test_message_is_taken_only_when_it_is_accepted(
    make_qpid: MakeQpid, answer: Answer, outcome: Outcome
) -> None:
    with Amqp10(answers={1: answer, 4: answer}) as peer:
        strategy = make_qpid(peer.port)
        for _ in range(2):
            peer.received.clear()
            expected = [TAKEN, outcome, TAKEN, TAKEN, outcome]
            assert list(strategy.send(messages(5))) == expected
        assert peer.accepted == 1


def test_message_that_rabbitmq_rejects_is_refused(make_qpid: MakeQpid) -> None:
    with Amqp10(answers.reject(), product="RabbitMQ") as peer:
        strategy = make_qpid(peer.port, qpid_target="/exchange/glance")
        assert list(strategy.send(messages(2))) == [REFUSED, REFUSED]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(answers.answer_nothing, "no answer within 2 s", id="silent"),
        pytest.param(answers.receive_only, "no answer within 2 s", id="never final"),
        pytest.param(answers.chatter, "no answer within 2 s", id="sends empty frames"),
        pytest.param(answers.give_credit, "no answer within 2 s", id="gives credit"),
        pytest.param(answers.drop, "closed the connection", id="drops the connection"),
        pytest.param(answers.end("link"), "ended the link: amqp:internal-error", id="link"),
        pytest.param(answers.end("link", ""), "ended the link", id="link without a reason"),
        pytest.param(answers.end("session"), "ended the session: amqp:internal", id="session"),
        pytest.param(answers.end("connection"), "ended the connection: amqp", id="connection"),
    ],
)
def test_connection_that_ends_early_is_an_error_with_the_known_outcomes(
    make_qpid: MakeQpid, answer: Answer, reason: str
) -> None:
    with Amqp10(answers={0: answers.release, 3: answer}) as peer:
        peer.answers |= dict.fromkeys(range(4, 10), answers.answer_nothing)
        strategy = make_qpid(peer.port)
        error = prompt_send_error(strategy, count=5)
        assert reason in str(error)
        assert not error.needs_operator
        assert list(error.outcomes)[3:] == [None, None]
        assert list(error.outcomes)[:3] in ([UNROUTABLE, TAKEN, TAKEN], [UNROUTABLE, None, None])
        peer.answers.clear()
        assert list(strategy.send(messages(5))) == [TAKEN] * 5
        assert peer.accepted == 2


class EndlessStream:
    """A stream on which there is always something to read, for two seconds."""

    def __init__(self) -> None:
        self._end = time.monotonic() + 2
        self._next = b"AMQP\x00\x01\x00\x00"

    def receive(self) -> bytes:
        assert time.monotonic() < self._end
        data, self._next = self._next, b"\x00\x00\x00\x08\x02\x00\x00\x00"
        return data

    def send(self, data: bytes) -> int:
        return len(data)


def test_peer_that_never_stops_sending_is_read_until_the_deadline() -> None:
    engine = Engine(cast(Stream, EndlessStream()), Deadline(0.2), name="n", host="h", heartbeat=0)
    with pytest.raises(TimeoutError):
        engine.open()


def test_outcomes_that_came_before_a_silence_are_known(make_qpid: MakeQpid) -> None:
    with Amqp10(answers={0: answers.release, 3: answers.answer_nothing}) as peer:
        error = prompt_send_error(make_qpid(peer.port), count=5)
        assert list(error.outcomes) == [UNROUTABLE, TAKEN, TAKEN, None, TAKEN]


def test_message_that_ends_the_session_is_rejected_and_the_others_are_taken(
    make_qpid: MakeQpid, caplog: pytest.LogCaptureFixture
) -> None:
    def end_when_too_large(talk: answers.Conversation, delivery: proton.Delivery) -> None:
        body: Any = peer.received[-1].body
        if len(body) > 100:
            answers.end("session", "amqp:precondition-failed")(talk, delivery)
        else:
            answers.accept(talk, delivery)

    with Amqp10(end_when_too_large) as peer:
        batch = messages(5)
        batch[2] = message(b"x" * 101)
        strategy = make_qpid(peer.port)
        assert list(strategy.send(batch)) == [TAKEN, TAKEN, REJECTED, TAKEN, TAKEN]
        assert f"rejects {batch[2].message_id} for what it is" in caplog.text


@pytest.mark.parametrize(
    ("options", "address", "capabilities"),
    [
        ({}, "glance", []),
        ({"qpid_notification_exchange": "images"}, "images", []),
        ({"qpid_target": "/exchange/{exchange}"}, "/exchange/glance", []),
        ({"qpid_create_node": "true"}, "glance", ["create-on-demand", "topic"]),
    ],
)
def test_address_of_the_node_is_that_of_the_options(
    make_qpid: MakeQpid, options: dict[str, str], address: str, capabilities: list[str]
) -> None:
    with Amqp10() as peer:
        make_qpid(peer.port, **options).send(messages(1))
        assert peer.attached == [(address, capabilities)]


def test_unknown_node_needs_an_operator(make_qpid: MakeQpid) -> None:
    with Amqp10(unknown=["glance"]) as peer:
        error = prompt_send_error(make_qpid(peer.port))
        assert error.needs_operator
        assert "ended the link: amqp:not-found: no such node (glance)" in str(error)


def test_rabbitmq_with_a_target_that_names_a_queue_is_an_error(make_qpid: MakeQpid) -> None:
    with Amqp10(product="RabbitMQ") as peer:
        error = prompt_send_error(make_qpid(peer.port))
        assert error.needs_operator
        assert "expected /exchange/{exchange}" in str(error)
        assert peer.attached == []


def test_messages_on_their_way_are_no_more_than_the_credit(make_qpid: MakeQpid) -> None:
    with Amqp10(credit=3) as peer:
        assert list(make_qpid(peer.port).send(messages(20))) == [TAKEN] * 20


def test_send_without_credit_ends_in_time(make_qpid: MakeQpid) -> None:
    with Amqp10(credit=0) as peer:
        assert list(prompt_send_error(make_qpid(peer.port), count=2).outcomes) == [None, None]


def test_messages_on_their_way_are_no_more_than_most_unsettled(make_qpid: MakeQpid) -> None:
    with Amqp10(answers.answer_nothing, answers={0: answers.accept}) as peer:
        strategy = make_qpid(peer.port)
        strategy.most_unsettled = 150
        prompt_send_error(strategy, count=500)
        assert len(peer.received) == 1 + 150


def test_bytes_on_their_way_are_no_more_than_most_unsettled_bytes(make_qpid: MakeQpid) -> None:
    with Amqp10(answers.answer_nothing, answers={0: answers.accept}) as peer:
        with pytest.raises(SendError):
            make_qpid(peer.port).send([message(b"x" * 250_000) for _ in range(10)])
        assert len(peer.received) == 1 + 4


def test_keep_alive_sends_heartbeats_and_notices_a_silent_broker(make_qpid: MakeQpid) -> None:
    with Amqp10(idle=1.0) as peer:
        strategy = make_qpid(peer.port, qpid_heartbeat="0")
        strategy.send(messages(1))
        bytes_read = peer.bytes_read
        keep_alive_for(strategy, 1.5)
        assert peer.bytes_read >= bytes_read + 2 * 8  # empty frames
        assert list(strategy.send(messages(1))) == [TAKEN]
        assert peer.accepted == 1
    with Amqp10() as peer:
        strategy = make_qpid(peer.port, qpid_heartbeat="0.6")
        strategy.send(messages(1))
        began = time.monotonic()
        with pytest.raises(SendError, match="idle"):
            keep_alive_for(strategy, 3)
        assert time.monotonic() > began + 0.4


def test_every_call_ends_in_time_beside_a_frozen_process(make_qpid: MakeQpid) -> None:
    with amqp10_peer.in_a_process() as (port, process):
        busy, idle = make_qpid(port), make_qpid(port)
        busy.send(messages(1))
        idle.send(messages(1))
        freeze(process)
        try:
            prompt_send_error(busy, count=500)
            prompt_send_error(busy)  # in the greeting: the kernel of a frozen process accepts
            began = time.monotonic()
            busy.close()
            idle.keep_alive()
            idle.close()
            assert time.monotonic() - began < IN_TIME
        finally:
            process.send_signal(signal.SIGCONT)
        assert list(busy.send(messages(1))) == [TAKEN]


def test_send_works_with_more_than_1024_open_files(make_qpid: MakeQpid) -> None:
    descriptors = []
    limits = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:  # on many machines it is 1,024
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    try:
        with Amqp10() as peer:
            for _ in range(1100):
                descriptors.append(os.open(os.devnull, os.O_RDONLY))
            strategy = make_qpid(peer.port)
            assert list(strategy.send(messages(500))) == [TAKEN] * 500
            with socket.socket() as another:
                assert another.fileno() > 1024
            strategy.close()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_interrupted_send_ends_its_connection(make_qpid: MakeQpid) -> None:
    """Its outcomes would be taken for those of the next batch."""

    class Interrupting(str):
        def encode(self, *_: object) -> bytes:
            raise KeyboardInterrupt

    with Amqp10() as peer:
        strategy = make_qpid(peer.port)
        first, second = messages(2)
        with pytest.raises(KeyboardInterrupt):
            strategy.send([first, message(message_id=Interrupting("x"))])
        assert list(strategy.send([second])) == [TAKEN]
        assert peer.accepted == 2
