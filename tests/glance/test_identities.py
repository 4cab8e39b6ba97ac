"""Headers that a client forges change no field and evade no event (stock keystone pipeline)."""

from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from demo.keystone import ALICE, CAROL, SERVICE
from tests.glance.conftest import InProcess

FORGED = {
    "X-Identity-Status": "Confirmed",
    "X-Project-Id": CAROL.project_id,
    "X-Tenant-Id": CAROL.project_id,
    "X-User-Id": CAROL.user_id,
    "X-Roles": "admin",
    "X-Service-Identity-Status": "Confirmed",
    "X-Service-User-Id": CAROL.user_id,
    "X-Service-Project-Id": CAROL.project_id,
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
            "service": message["_context_service_user_id"],
            "project of the service": message["_context_service_project_id"],
            "request": (message["_context_method"], message["_context_status"]),
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
    assert {event["service"] for event in honest} == {None}
    assert [event["request"] for event in honest] == [
        ("PUT", None),
        ("PUT", 204),
        ("PUT", 204),
        ("GET", 200),
        ("DELETE", 204),
    ]
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


@pytest.mark.parametrize("after", ["context", "cors"])
def test_service_that_acts_for_the_user_is_known_by_its_validated_token(
    in_process: InProcess, after: str
) -> None:
    """Also where the filter stands above keystonemiddleware."""
    app = in_process.pipeline(after=after)
    image = in_process.image(app, b"data")
    headers = {**FORGED, "X-Service-Token": in_process.token(SERVICE), "User-Agent": "nova"}
    in_process.ask(app, "DELETE", f"/v2/images/{image}", headers=headers)
    (message,) = in_process.new_messages()
    assert message["_context_user_id"] == ALICE.user_id
    assert message["_context_service_user_id"] == SERVICE.user_id
    assert message["_context_service_project_id"] == SERVICE.project_id
    assert message["_context_user_agent"] == "nova"
    assert message["_context_path"] == f"/v2/images/{image}"


def test_service_that_a_client_makes_up_is_not_believed_without_keystonemiddleware(
    in_process: InProcess,
) -> None:
    app = in_process.pipeline("caching", after="unauthenticated-context")
    record = {"name": "n", "disk_format": "raw", "container_format": "bare"}
    in_process.ask(app, "POST", "/v2/images", json=record, headers=FORGED)
    (message,) = in_process.new_messages()
    assert message["_context_service_user_id"] is None
    assert message["_context_service_project_id"] is None


def test_request_id_is_the_global_one_that_nova_sends(in_process: InProcess) -> None:
    app = in_process.pipeline()
    image = in_process.image(app, b"data")
    of_nova = "req-9d8b1f4e-6a51-4c0b-8d3a-2f1e0c9b8a77"
    headers = {"X-Openstack-Request-ID": of_nova}
    in_process.ask(app, "GET", f"/v2/images/{image}/file", headers=headers).body  # noqa: B018
    (message,) = in_process.new_messages()
    assert message["_context_request_id"] == of_nova
