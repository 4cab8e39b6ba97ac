"""The messages of the qpid strategy: their bytes, and what a peer receives."""

import proton
import pytest

from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.qpid.message import encoded
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.conftest import MakeQpid
from tests.strategies.sending import message

TAKEN, REJECTED = Outcome.TAKEN, Outcome.REJECTED


def test_message_longer_than_the_link_allows_is_not_sent(make_qpid: MakeQpid) -> None:
    with Amqp10(longest=1000) as peer:
        batch = [message(), message(b"x" * 1000), message()]
        assert list(make_qpid(peer.port).send(batch)) == [TAKEN, REJECTED, TAKEN]
        assert len(peer.received) == 2


@pytest.mark.parametrize("length", [0, 1, 127, 128, 254, 255])
def test_encoded_message_is_the_one_that_proton_would_make(length: int) -> None:
    for body in (b"", b"x" * 255, b"x" * 256, b"\xff" * 70_000):
        subject = "s" * max(length, 1)
        decoded = proton.Message()
        decoded.decode(encoded("i" * length, subject, "application/json", body))
        made_by_proton = proton.Message(
            body,
            id="i" * length,
            subject=subject,
            durable=True,
            inferred=True,
            content_type="application/json",
        )
        expected = proton.Message()
        expected.decode(bytes(made_by_proton.encode()))
        for name in (
            "id",
            "subject",
            "body",
            "durable",
            "inferred",
            "content_type",
            "address",
            "user_id",
            "reply_to",
            "correlation_id",
            "content_encoding",
            "ttl",
            "priority",
            "creation_time",
            "properties",
            "annotations",
        ):
            assert getattr(decoded, name) == getattr(expected, name), name


def test_message_has_the_content_type_of_the_format(make_qpid: MakeQpid) -> None:
    with Amqp10() as peer:
        make_qpid(peer.port, message_format="cloudevents").send([message()])
        (came,) = peer.received
        assert came.content_type == "application/cloudevents+json; charset=utf-8"


@pytest.mark.parametrize("message_id", ["x" * 256, "ü" * 128, "\ud800"])
def test_message_id_that_brokers_cannot_carry_is_rejected(
    make_qpid: MakeQpid, message_id: str
) -> None:
    with Amqp10() as peer:
        batch = [message(), message(message_id=message_id), message()]
        assert list(make_qpid(peer.port).send(batch)) == [TAKEN, REJECTED, TAKEN]


def test_message_is_durable_json_in_bytes_with_its_id_and_subject(make_qpid: MakeQpid) -> None:
    with Amqp10() as peer:
        one = message(b'{"a": 1}', Priority.WARN)
        make_qpid(peer.port, qpid_notification_topic="n").send([one])
        (came,) = peer.received
        assert (came.body, came.inferred) == (b'{"a": 1}', True)
        assert (came.durable, came.content_type) == (True, "application/json")
        assert (came.id, came.subject) == (one.message_id, "n.warn")
