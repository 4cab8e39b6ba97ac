"""The demo with four targets: a whole run, whose messages are held to what others say of them."""

import base64
import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks.webhooks import Webhook

from demo import many
from demo.many import Peers, peers_in, play_many
from demo.story import life
from demo.targets import Came
from tests.broker import need_rabbit
from tests.notification_schema import hold_to_schema

EVENTS = [event for step in life() for event in step.expected]
NAMES = ("billing", "everything", "siem", "members")


@dataclass
class Run:
    """A whole run."""

    status: int
    shown: str
    peers: Peers
    secret: str

    def got(self, name: str) -> list[Came]:
        (inbox,) = [inbox for inbox in self.peers.inboxes if inbox.target.name == name]
        return inbox.got


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    need_rabbit()
    kept: list[Peers] = []

    @contextlib.contextmanager
    def keeping(folder: Path) -> Iterator[Peers]:
        with peers_in(folder) as peers:
            kept.append(peers)
            yield peers

    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "peers_in", keeping)
        status = play_many(tmp_path_factory.mktemp("many"))
    return Run(status, shown.getvalue(), kept[0], kept[0].siem.secrets_file.read_text().strip())


def test_run_finds_no_fault_and_ends_with_0(ran: Run) -> None:
    assert ran.status == 0, ran.shown
    assert ran.peers.siem.refused == []


def test_each_target_gets_its_part_of_the_story_in_its_order(ran: Run) -> None:
    assert {name: [came.event for came in ran.got(name)] for name in NAMES} == {
        "billing": [event for event in EVENTS if not event.endswith("WARN")],
        "everything": EVENTS,
        "siem": EVENTS,
        "members": [event for event in EVENTS if event.startswith("image.member.")],
    }


def test_notification_has_one_id_at_all_targets(ran: Run) -> None:
    everything = {came.message_id: came.event for came in ran.got("everything")}
    assert len(everything) == len(EVENTS)
    for name in NAMES:
        for came in ran.got(name):
            assert everything[came.message_id] == came.event


def test_each_plain_notification_keeps_the_schema(ran: Run) -> None:
    for name in ("billing", "everything", "members"):
        for came in ran.got(name):
            body: dict[str, Any] = json.loads(came.body)
            assert ("oslo.message" in body) is (name == "billing")
            hold_to_schema(json.loads(body["oslo.message"]) if name == "billing" else body)


def test_delete_has_the_payload_that_each_target_chose(ran: Run) -> None:
    deleted = {name: ran.got(name)[-1] for name in ("billing", "everything", "siem")}
    image = deleted["everything"].payload
    assert isinstance(image, str)
    assert deleted["siem"].payload == image
    assert (deleted["billing"].payload["id"], deleted["billing"].payload["name"]) == (
        image,
        "renamed",
    )


def test_sdk_of_cloudevents_reads_each_event_of_each_array(ran: Run) -> None:
    arrays = [json.loads(request.body) for request in ran.peers.siem.requests]
    events = [JSONFormat().read(None, json.dumps(each)) for array in arrays for each in array]
    assert [
        (each.get_id(), f"{each.get_type()} {each.get_extension('priority')}") for each in events
    ] == [(came.message_id, f"org.openstack.{came.event}") for came in ran.got("everything")]


def test_reference_library_verifies_the_signature_of_each_request(ran: Run) -> None:
    reference = Webhook(ran.secret)
    for request in ran.peers.siem.requests:
        reference.verify(request.body, dict(request.headers.items()))
    assert len(base64.b64decode(ran.secret.removeprefix("whsec_"))) == 32


def test_run_shows_what_waits_while_the_others_have_theirs(ran: Run) -> None:
    rows = [line.split() for line in ran.shown.splitlines()]
    shares = ["image.member.create", "INFO"]
    assert [*shares, "waits", "waits", "cloudevents", "plain"] in rows
    assert ["10.", *shares, "oslo", "plain", "has", "it", "has", "it"] in rows
    assert [
        "image.delete",
        "INFO",
        "oslo",
        "metadata",
        "plain",
        "id",
        "cloudevents",
        "id",
        "-",
    ] in rows
    assert ["all", "20", "15", "20", "20", "3"] in rows
