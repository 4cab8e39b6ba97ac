"""Who asks, and where the data goes."""

import ipaddress
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.identity import (
    Network,
    Receiver,
    destination_ip,
    from_context,
    from_headers,
    is_there,
    was_passed_on,
)

PROXIES: list[Network] = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
PROXY = "10.0.0.1"
CLIENT = "198.51.100.7"

HEADER_TEXT = st.text(st.characters(max_codepoint=255))
FORGED = HEADER_TEXT | st.lists(
    st.sampled_from(
        ["for=", "192.0.2.1", PROXY, CLIENT, "[::1]", '"', ",", ";", "=", ":", " ", "unknown"]
    )
).map("".join)


def proxy_headers_parsed(environ: dict[str, Any]) -> dict[str, Any]:
    """What oslo.middleware's http_proxy_to_wsgi makes of an environ, where it is enabled."""
    parsed = dict(environ)
    if environ.get("HTTP_FORWARDED"):
        first = environ["HTTP_FORWARDED"].split(",")[0]
        pairs = [parameter.partition("=") for parameter in first.split(";")]
        taken = {name.lower().strip(): value.strip() for name, _, value in pairs}.get("for")
    else:
        taken = environ.get("HTTP_X_FORWARDED_FOR")
    if taken:
        parsed["REMOTE_ADDR"] = taken
    return parsed


CONTEXT = SimpleNamespace(project_id="p1", user_id="u1", request_id="req-1", auth_token="secret")
NOBODY = SimpleNamespace(project_id=None, user_id=None, request_id="req-1")
CONFIRMED = {
    "HTTP_X_IDENTITY_STATUS": "Confirmed",
    "HTTP_X_PROJECT_ID": "p2",
    "HTTP_X_TENANT_ID": "p3",
    "HTTP_X_USER_ID": "u2",
}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"webob.adhoc_attrs": {"context": CONTEXT}}, Receiver("p1", "u1", "req-1")),
        ({"webob.adhoc_attrs": {"context": CONTEXT}, **CONFIRMED}, Receiver("p1", "u1", "req-1")),
        ({"webob.adhoc_attrs": {"context": NOBODY}, **CONFIRMED}, Receiver(None, None, "req-1")),
        ({"webob.adhoc_attrs": {"context": object()}}, Receiver(None, None, None)),
        ({"webob.adhoc_attrs": {}, **CONFIRMED}, None),
        (CONFIRMED, None),
        ({}, None),
    ],
)
def test_the_context_tells_who_asks_where_there_is_one(
    environ: dict[str, Any], expected: Receiver | None
) -> None:
    assert from_context(environ) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (CONFIRMED, Receiver("p2", "u2", None)),
        (
            {"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_TENANT_ID": "p3"},
            Receiver("p3", None, None),
        ),
        (
            {"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_TENANT_ID": "", "HTTP_X_USER_ID": ""},
            Receiver(None, None, None),
        ),
        ({**CONFIRMED, "HTTP_X_IDENTITY_STATUS": "Invalid"}, Receiver(None, None, None)),
        ({"HTTP_X_PROJECT_ID": "p2", "HTTP_X_USER_ID": "u2"}, Receiver(None, None, None)),
        ({}, Receiver(None, None, None)),
    ],
)
def test_the_headers_tell_who_asks_when_they_are_confirmed(
    environ: dict[str, Any], expected: Receiver
) -> None:
    assert from_headers(environ) == expected


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%any thing", "fe80::1"),
        ("", None),
        ("unix:", None),
        ("192.0.2.256", None),
        ("client.example", None),
    ],
)
def test_without_trusted_proxies_the_data_goes_to_the_peer(peer: str, expected: str | None) -> None:
    forged = {"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_FORWARDED": "for=203.0.113.9"}
    assert destination_ip({"REMOTE_ADDR": peer} | forged, []) == expected
    assert destination_ip({"REMOTE_ADDR": peer}, PROXIES) == expected


@pytest.mark.parametrize("trusted", [[], PROXIES])
def test_an_absent_peer_is_an_unknown_destination(trusted: list[Network]) -> None:
    assert destination_ip({}, trusted) is None
    assert destination_ip({"HTTP_X_FORWARDED_FOR": "203.0.113.9"}, trusted) is None


def test_a_peer_that_is_no_trusted_proxy_is_not_believed() -> None:
    for header in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"):
        environ = {"REMOTE_ADDR": "192.0.2.1", header: "for=203.0.113.9"}
        assert destination_ip(environ, PROXIES) == "192.0.2.1"


@pytest.mark.parametrize("parsed", [False, True], ids=["as_received", "proxy_headers_parsed"])
@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [
        ("HTTP_X_FORWARDED_FOR", CLIENT, CLIENT),
        ("HTTP_X_FORWARDED_FOR", f"{CLIENT}:51000", CLIENT),
        ("HTTP_X_FORWARDED_FOR", f"203.0.113.9, {CLIENT}, 10.0.0.2", CLIENT),
        ("HTTP_X_FORWARDED_FOR", f"{CLIENT},fd00::2", CLIENT),
        ("HTTP_X_FORWARDED_FOR", "2001:db8::7, 10.0.0.2", "2001:db8::7"),
        ("HTTP_X_FORWARDED_FOR", "[2001:db8::7]:51000", "2001:db8::7"),
        ("HTTP_X_FORWARDED_FOR", "10.1.1.1, 10.0.0.2", "10.1.1.1"),
        ("HTTP_X_FORWARDED_FOR", f"{CLIENT}, unknown", None),
        ("HTTP_X_FORWARDED_FOR", f"{CLIENT},", None),
        ("HTTP_FORWARDED", f"for={CLIENT};proto=http;by=203.0.113.43", CLIENT),
        ("HTTP_FORWARDED", f"by=203.0.113.43; For = {CLIENT}", CLIENT),
        ("HTTP_FORWARDED", f"for=203.0.113.9, for={CLIENT}, for=10.0.0.2", CLIENT),
        ("HTTP_FORWARDED", 'for="[2001:db8::7]:4711", for="[fd00::2]"', "2001:db8::7"),
        ("HTTP_FORWARDED", f"for={CLIENT}, for=_hidden", None),
        ("HTTP_FORWARDED", f"for={CLIENT}, proto=https", None),
        ("HTTP_FORWARDED", "proto=https", None),
    ],
)
def test_behind_a_trusted_proxy_the_right_most_stranger_of_the_chain_counts(
    parsed: bool, header: str, text: str, expected: str | None
) -> None:
    environ = {"REMOTE_ADDR": PROXY, header: text}
    environ = proxy_headers_parsed(environ) if parsed else environ
    assert destination_ip(environ, PROXIES) == expected


@pytest.mark.parametrize("parsed", [False, True], ids=["as_received", "proxy_headers_parsed"])
@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [(f"for={CLIENT}", CLIENT), ("for=203.0.113.9", None), ("nonsense", None)],
)
def test_two_headers_that_disagree_tell_nothing(
    parsed: bool, forwarded: str, expected: str | None
) -> None:
    environ = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": CLIENT, "HTTP_FORWARDED": forwarded}
    environ = proxy_headers_parsed(environ) if parsed else environ
    assert destination_ip(environ, PROXIES) == expected


@given(
    st.dictionaries(
        st.sampled_from(["REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"]), FORGED
    )
)
def test_no_header_makes_the_destination_fail_and_it_is_an_address_or_unknown(
    environ: dict[str, str],
) -> None:
    for seen in (environ, proxy_headers_parsed(environ), environ | {"REMOTE_ADDR": PROXY}):
        for trusted in ([], PROXIES):
            found = destination_ip(seen, trusted)
            assert found is None or ipaddress.ip_address(found)


@given(FORGED, st.sampled_from(["", ", 10.0.0.2", ", 10.0.0.2, fd00::3"]))
def test_nothing_left_of_the_proxys_own_entry_in_x_forwarded_for_counts(
    forged: str, proxies: str
) -> None:
    environ = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": f"{forged},{CLIENT}{proxies}"}
    assert destination_ip(environ, PROXIES) == CLIENT
    assert destination_ip(proxy_headers_parsed(environ), PROXIES) == CLIENT


@given(FORGED, st.sampled_from(["", ", for=10.0.0.2", ', for=10.0.0.2, for="[fd00::3]:80"']))
def test_nothing_left_of_the_proxys_own_entry_in_forwarded_counts(
    forged: str, proxies: str
) -> None:
    environ = {"REMOTE_ADDR": PROXY, "HTTP_FORWARDED": f"{forged},for={CLIENT}{proxies}"}
    assert destination_ip(environ, PROXIES) == CLIENT
    assert destination_ip(proxy_headers_parsed(environ), PROXIES) == CLIENT


@pytest.mark.parametrize(
    ("environ", "passed_on"),
    [
        ({"webob.adhoc_attrs": {"context": SimpleNamespace(request_id="req-2")}}, True),
        ({"webob.adhoc_attrs": {"context": SimpleNamespace(request_id=None)}}, True),
        ({"webob.adhoc_attrs": {"context": CONTEXT}}, False),
        ({"webob.adhoc_attrs": {}}, False),
        ({}, False),
    ],
)
def test_a_request_was_passed_on_when_it_has_the_id_that_another_node_gave_it(
    environ: dict[str, Any], passed_on: bool
) -> None:
    assert was_passed_on(Receiver("p1", "u1", "req-1"), environ) is passed_on


@pytest.mark.parametrize(
    ("environ", "there"),
    [
        ({"webob.adhoc_attrs": {"context": NOBODY}}, True),
        ({"HTTP_X_IDENTITY_STATUS": "Invalid"}, True),
        ({"webob.adhoc_attrs": {"context": None}}, False),
        ({"HTTP_X_PROJECT_ID": "p2"}, False),
        ({}, False),
    ],
)
def test_an_identity_is_there_when_anything_has_looked_for_it(
    environ: dict[str, Any], there: bool
) -> None:
    assert is_there(environ) is there
