"""What a client says of itself changes no field and evades no event (stock keystone pipeline)."""

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
def parsing(in_process: InProcess) -> Iterator[None]:
    """oslo's proxy header parsing, switched on."""
    from oslo_config import cfg

    option = ("enable_proxy_headers_parsing", "oslo_middleware")
    in_process.pipeline()  # registers the option
    cfg.CONF.set_override(option[0], True, option[1])
    yield
    cfg.CONF.clear_override(option[0], option[1])


def told_of_a_life(
    in_process: InProcess, app: WSGIApplication, **more: Any
) -> list[dict[str, Any]]:
    """What is told of upload, download and delete, less what differs from image to image."""
    image = in_process.image(app)
    one = f"/v2/images/{image}"
    in_process.ask(app, "PUT", f"{one}/file", body=b"data", **more)
    in_process.ask(app, "GET", f"{one}/file", **more).body  # noqa: B018 (it is read)
    in_process.ask(app, "DELETE", one, **more)
    return [
        {
            "event": (each["event_type"], each["priority"]),
            "project": each["_context_project_id"],
            "user": each["_context_user_id"],
            "sent": each["payload"] | {"image_id": None} if "send" in each["event_type"] else None,
        }
        for each in in_process.told()
    ]


def test_forged_headers_change_nothing_with_the_defaults(in_process: InProcess) -> None:
    app = in_process.pipeline()
    honest = told_of_a_life(in_process, app)
    assert [each["event"][0] for each in honest] == [
        "image.prepare",
        "image.upload",
        "image.activate",
        "image.send",
        "image.delete",
    ]
    assert {each["user"] for each in honest} == {ALICE.user_id}
    assert honest[3]["sent"]["destination_ip"] == "192.0.2.7"
    for name, value in FORGED.items():
        assert told_of_a_life(in_process, app, headers={name: value}) == honest, name
    assert told_of_a_life(in_process, app, headers=FORGED) == honest


@pytest.mark.parametrize(
    ("header", "own"),
    [
        ("X-Forwarded-For", "192.0.2.7"),
        ("Forwarded", "for=192.0.2.7;proto=http"),
        ("Forwarded", 'for=192.0.2.7;host="a.example,for=6.6.6.6"'),
    ],
)
def test_behind_a_trusted_proxy_what_stands_left_of_its_own_entry_changes_nothing(
    header: str, own: str, in_process: InProcess, parsing: None
) -> None:
    app = in_process.pipeline(trusted_proxies="10.0.0.0/8")
    honest = told_of_a_life(in_process, app, headers={header: own}, REMOTE_ADDR=PROXY)
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
        assert told_of_a_life(in_process, app, headers=headers, REMOTE_ADDR=PROXY) == honest, left


@pytest.mark.parametrize("prefix", ["/v2/schemas", "/v2", "/x", "/v2/images/../.."])
def test_no_forwarded_prefix_hides_a_request(
    prefix: str, in_process: InProcess, parsing: None
) -> None:
    app = in_process.pipeline(trusted_proxies="10.0.0.0/8")
    headers = {"X-Forwarded-Prefix": prefix}
    told = told_of_a_life(in_process, app, headers=headers, REMOTE_ADDR=PROXY)
    assert [each["event"] for each in told][3:] == [
        ("image.send", "INFO"),
        ("image.delete", "INFO"),
    ]


def test_somebody_without_a_token_is_nobody_and_tells_nothing(in_process: InProcess) -> None:
    app = in_process.pipeline()
    image = in_process.image(app, b"data")
    headers = {**FORGED, "X-Auth-Token": "made up"}
    answer = in_process.ask(app, "DELETE", f"/v2/images/{image}", headers=headers)
    assert answer.status_int == 401
    assert in_process.told() == []
