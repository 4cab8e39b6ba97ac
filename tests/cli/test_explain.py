"""glance-notify explain: the events that it names are those of the rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.events.operations import ROUTES, Route
from tests.cli.conftest import Run

FILE = "/v2/images/8f3c/file"
SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
"""


def events(run: Run, *words: str) -> list[dict[str, Any]]:
    ended = run("explain", *words, "-f", "json")
    assert ended.status == 0
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def kinds(run: Run, *words: str) -> list[str]:
    return [f"{event['event_type']} {event['priority']}" for event in events(run, *words)]


def request_of(route: Route) -> tuple[str, str]:
    path = route.path
    for word in ("image", "member", "tag", "store"):
        path = path.replace(f"{{{word}}}", f"{word}-1")
    return route.method, f"/v{route.version}/{path}"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_refused_operation_of_each_route_is_its_event_at_warn(route: Route, run: Run) -> None:
    assert kinds(run, *request_of(route), "403") == [f"{route.failure_event} WARN"]


@pytest.mark.parametrize("status", ["503", "exception"])
def test_failed_operation_is_an_error(status: str, run: Run) -> None:
    assert kinds(run, "DELETE", "/v2/images/8f3c", status) == ["image.delete ERROR"]


def test_download_cut_short_is_an_error_with_the_bytes_that_left(run: Run) -> None:
    (event,) = events(run, "GET", FILE, "200", "--size", "1000", "--bytes", "999")
    assert (event["event_type"], event["priority"]) == ("image.send", "ERROR")
    assert event["payload"]["bytes_sent"] == 999


def test_download_of_all_that_was_promised_is_done(run: Run) -> None:
    assert kinds(run, "GET", FILE, "206", "--size", "1000") == ["image.send INFO"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("POST /v2/images 201", ["create"]),
        (f"PUT {FILE} 204", ["prepare", "upload", "activate"]),
        ("PUT /v2/images/8f3c/stage 204", ["update"]),
        ("POST /v2/images/8f3c/actions/deactivate 204", ["update"]),
        ("DELETE /v2/images/8f3c/members/m 204", ["member.delete"]),
        ("POST /v1/images 201", ["create"]),
        ("POST /v1/images 201 --read 9", ["create", "prepare", "upload", "activate"]),
        (
            "POST /v1/images 201 --header X-Image-Meta-Location:http://s/i",
            ["create", "activate"],
        ),
        ("PUT /v1/images/8f3c 200 --read unknown", ["prepare", "upload", "activate", "update"]),
        (
            'PATCH /v2/images/8f3c 200 --body [{"op":"add","path":"/locations"}]',
            ["update", "activate"],
        ),
        ('PATCH /v2/images/8f3c 200 --body [{"op":"add","path":"/name"}]', ["update"]),
        ("GET /v2/images/8f3c?_method=DELETE 204", ["delete"]),
        (f"GET {FILE}?_method=PUT 200", ["send"]),
        ("GET http://glance:9292/v2/images/8f3c/file 200", ["send"]),
    ],
)
def test_success_has_the_events_of_the_contract(words: str, expected: list[str], run: Run) -> None:
    assert kinds(run, *words.split()) == [f"image.{name} INFO" for name in expected]


def test_upload_that_broke_off_depends_on_what_was_read(run: Run) -> None:
    assert kinds(run, "PUT", FILE, "413") == ["image.upload WARN"]
    broken = ["image.prepare INFO", "image.upload ERROR"]
    assert kinds(run, "PUT", FILE, "413", "--read", "1") == broken
    assert kinds(run, "PUT", FILE, "413", "--read", "unknown") == broken


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("GET /v2/images 200", "no operation"),
        ("HEAD /v2/images/8f3c/file 200", "no operation"),
        ("GET /image/v2/images/8f3c/file 200", "try /v2/images/8f3c/file"),
        (f"GET {FILE} 204", "204 has no image data"),
        (f"DELETE {FILE} 204", "no operation"),
        ("DELETE /v2/images/8f3c 300", "300 Multiple Choices changes nothing"),
        ("PATCH /v2/images/8f3c 200 --body []", "it changes nothing"),
        ("POST /v2/images/8f3c/actions/deactivate 204 --before deactivated", "it changes nothing"),
        ("POST /v2/images/8f3c/import 202", "image.prepare, image.upload, image.activate"),
        ("POST /v2/images/8f3c/locations 202", "or image.update at ERROR"),
        ('POST /v2/tasks 201 --body {"type":"location_import"}', "makes no image"),
        ("POST /v2/tasks 201", "once it ends come image.create"),
    ],
)
def test_nothing_has_its_reason(words: str, why: str, run: Run) -> None:
    ended = run("explain", *words.split())
    assert (ended.status, ended.out) == (0, "")
    assert why in ended.err


def test_requester_and_address_are_found_as_in_a_request(run: Run, tmp_path: Path) -> None:
    paste = tmp_path / "paste.ini"
    paste.write_text(f"{SECTION}notifier_strategy = logging\ntrusted_proxies = 10.0.0.0/8\n")
    words = ["GET", FILE, "200", "--peer", "10.0.0.1", "--header", "X-Forwarded-For: 192.0.2.99"]
    words += ["--header", "X-Project-Id: p", "--header", "X-User-Id: u"]
    (untrusting,), (trusting,) = events(run, *words), events(run, *words, "--paste", str(paste))
    assert untrusting["payload"]["destination_ip"] == "10.0.0.1"
    assert trusting["payload"]["destination_ip"] == "192.0.2.99"
    assert trusting["payload"]["receiver_tenant_id"] == "p"
    assert trusting["payload"]["receiver_user_id"] == "u"


def test_options_of_the_paste_file_say_what_is_sent(run: Run, tmp_path: Path) -> None:
    paste = tmp_path / "paste.ini"
    paste.write_text(f"{SECTION}priorities = info\ndisabled_notifications = image.prepare\n")
    sent = [event["sent"] for event in events(run, "PUT", FILE, "204", "--paste", str(paste))]
    assert sent == ["no: disabled_notifications", "yes", "yes"]
    (refused,) = events(run, "PUT", FILE, "403", "--paste", str(paste))
    assert refused["sent"] == "no: priorities"


def test_payload_of_a_delete_is_that_of_the_option(run: Run, tmp_path: Path) -> None:
    paste = tmp_path / "paste.ini"
    paste.write_text(f"{SECTION}image_delete_payload = metadata\n")
    words = ("DELETE", "/v2/images/8f3c", "204")
    assert events(run, *words)[0]["payload"] == "8f3c"
    assert events(run, *words, "--paste", str(paste))[0]["payload"]["deleted"] is True


@pytest.mark.parametrize(
    "words",
    [
        "GE/T /v2/images 200",
        "GET v2/images 200",
        "GET /v2/images 99",
        "GET /v2/images 600",
        "GET /v2/images teapot",
        "GET /v2/images 200 --header none",
        "GET /v2/images 200 --size many",
        "GET /v2/images 200 --read some",
        "GET /v2/images",
        "GET /v2/images 200 --paste /nowhere/paste.ini",
        "GET /v2/images/i/file 200 -c colour",
    ],
)
def test_wrong_use_is_one_line(words: str, run: Run) -> None:
    ended = run("explain", *words.split())
    assert (ended.status, ended.out) == (2, "")
    assert len([line for line in ended.err.splitlines() if "operation" not in line]) == 1


TARGETS = """
notifier_strategy = feed, refusals, mine
feed.strategy = rabbit
feed.image_delete_payload = metadata
feed.disabled_notifications = image.send
refusals.strategy = logging
refusals.priorities = warn
mine.strategy = rabbit
mine.projects = mine
mine.event_types = image.delete
"""


def test_each_target_is_named_with_the_option_that_keeps_an_event_from_it(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "paste.ini"
    path.write_text(SECTION + TARGETS)
    (event,) = events(run, "DELETE", "/v2/images/8f3c", "204", "--paste", str(path))
    assert event["sent"] == "feed: yes; refusals: no: priorities; mine: no: projects"
    assert event["payload"]["id"] == "8f3c"
    (event,) = events(run, "GET", FILE, "200", "--paste", str(path))
    assert event["sent"] == (
        "feed: no: disabled_notifications; refusals: no: priorities; mine: no: event_types"
    )


def test_event_of_one_target_is_shown_as_the_target_gets_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "paste.ini"
    path.write_text(SECTION + TARGETS)
    words = ("DELETE", "/v2/images/8f3c", "204", "--paste", str(path), "--target")
    (event,) = events(run, *words, "feed")
    assert (event["sent"], event["payload"]["id"]) == ("yes", "8f3c")
    (event,) = events(run, *words, "mine")
    assert (event["sent"], event["payload"]) == ("no: projects", "8f3c")
    assert run("explain", *words, "zzz").status == 2
