"""Headers that a client forges change no field and evade no event (stock keystone pipeline)."""

from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from demo.keystone import ALICE, CAROL
from tests.glance.conftest import InProcess

FORGED = {
    "X-Identity-Status": "Confirmed",
    "X-Project-Id": CAROL.project_id,
    "X-Tenant-Id": CAROL.project_id,
    "X-User-Id": CAROL.user_id,
    "X-Roles": "admin",
    "X-Forwarded-For": "6.6.6.6",
    "Forwarded": "for=6.6.6.6",
    "X-Forwarded-Prefix": "/v2/schemas",
}
PROXY = "10.0.0.1"


@pytest.fixture
def header_parsing(in_process: InProcess) -> Iterator[None]:
    """Switches oslo's parsing of proxy headers on."""
    from oslo_config import cfg

    option = ("enable_proxy_headers_parsing", "oslo_middleware")
    in_process.pipeline()  # registers the option
    cfg.CONF.set_override(option[0], True, option[1])
    yield
    cfg.CONF.clear_override(option[0], option[1])


def events_of_a_life(
    in_process: InProcess, app: WSGIApplication, **more: Any
) -> list[dict[str, Any]]:
    """The events of an upload, a download and a delete, without what differs between images."""
    image = in_process.image(app)
    path = f"/v2/images/{image}"
    in_process.ask(app, "PUT", f"{path}/file", body=b"data", **more)
    in_process.ask(app, "GET", f"{path}/file", **more).body  # noqa: B018 (it is read)
    in_process.ask(app, "DELETE", path, **more)
    return [
        {
            "event": (message["event_type"], message["priority"]),
            "project": message["_context_project_id"],
            "user": message["_context_user_id"],
            "sent": (
                message["payload"] | {"image_id": None} if "send" in message["event_type"] else None
            ),
        }
        for message in in_process.new_messages()
    ]


def test_forged_headers_change_nothing_with_the_defaults(in_process: InProcess) -> None:
    app = in_process.pipeline()
    honest = events_of_a_life(in_process, app)
    assert [event["event"][0] for event in honest] == [
        "image.prepare",
        "image.upload",
        "image.activate",
        "image.send",
        "image.delete",
    ]
    assert {event["user"] for event in honest} == {ALICE.user_id}
    assert honest[3]["sent"]["destination_ip"] == "192.0.2.7"
    for name, value in FORGED.items():
        assert events_of_a_life(in_process, app, headers={name: value}) == honest, name
    assert events_of_a_life(in_process, app, headers=FORGED) == honest


@pytest.mark.parametrize(
    ("header", "own"),
    [
        ("X-Forwarded-For", "192.0.2.7"),
        ("Forwarded", "for=192.0.2.7;proto=http"),
        ("Forwarded", 'for=192.0.2.7;host="a.example,for=6.6.6.6"'),
    ],
)
def test_entries_left_of_the_trusted_proxys_own_change_nothing(
    header: str, own: str, in_process: InProcess, header_parsing: None
) -> None:
    app = in_process.pipeline(trusted_proxies="10.0.0.0/8")
    honest = events_of_a_life(in_process, app, headers={header: own}, REMOTE_ADDR=PROXY)
    assert honest[3]["sent"]["destination_ip"] == "192.0.2.7"
    for left in (
        "6.6.6.6",
        "10.6.6.6",
        "for=6.6.6.6",
        "nonsense",
        "10.0.0.1, 6.6.6.6",
        '"[::1]:80"',
    ):
        headers = {**FORGED, header: f"{left}, {own}"}
        del headers[({"X-Forwarded-For", "Forwarded"} - {header}).pop()]  # which the proxy removes
        assert events_of_a_life(in_process, app, headers=headers, REMOTE_ADDR=PROXY) == honest, left


@pytest.mark.parametrize("prefix", ["/v2/schemas", "/v2", "/x", "/v2/images/../.."])
def test_forwarded_prefix_hides_no_request(
    prefix: str, in_process: InProcess, header_parsing: None
) -> None:
    app = in_process.pipeline(trusted_proxies="10.0.0.0/8")
    headers = {"X-Forwarded-Prefix": prefix}
    events = events_of_a_life(in_process, app, headers=headers, REMOTE_ADDR=PROXY)
    assert [event["event"] for event in events][3:] == [
        ("image.send", "INFO"),
        ("image.delete", "INFO"),
    ]


def test_request_with_a_forged_identity_and_no_valid_token_emits_nothing(
    in_process: InProcess,
) -> None:
    app = in_process.pipeline()
    image = in_process.image(app, b"data")
    headers = {**FORGED, "X-Auth-Token": "made up"}
    answer = in_process.ask(app, "DELETE", f"/v2/images/{image}", headers=headers)
    assert answer.status_int == 401
    assert in_process.new_messages() == []
