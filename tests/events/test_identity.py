"""The requester, and the destination address of image data."""

import ipaddress
import tracemalloc
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events.addresses import UNIX, Network, destination_ip
from glance_notify_middleware.events.bounds import LONGEST_ID, LONGEST_PATH, LONGEST_USER_AGENT
from glance_notify_middleware.events.identity import (
    Requester,
    authentication_has_run,
    from_context,
    from_headers,
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
    """`environ` after http_proxy_to_wsgi of oslo.middleware, when that is enabled."""
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
        ({"webob.adhoc_attrs": {"context": CONTEXT}}, Requester("p1", "u1", "req-1")),
        ({"webob.adhoc_attrs": {"context": CONTEXT}, **CONFIRMED}, Requester("p1", "u1", "req-1")),
        ({"webob.adhoc_attrs": {"context": NOBODY}, **CONFIRMED}, Requester(None, None, "req-1")),
        ({"webob.adhoc_attrs": {"context": object()}}, Requester(None, None, None)),
        ({"webob.adhoc_attrs": {}, **CONFIRMED}, None),
        (CONFIRMED, None),
        ({}, None),
    ],
)
def test_context_names_the_requester(environ: dict[str, Any], expected: Requester | None) -> None:
    assert from_context(environ) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (CONFIRMED, Requester("p2", "u2", None)),
        (
            {"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_TENANT_ID": "p3"},
            Requester("p3", None, None),
        ),
        (
            {"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_TENANT_ID": "", "HTTP_X_USER_ID": ""},
            Requester(None, None, None),
        ),
        ({**CONFIRMED, "HTTP_X_IDENTITY_STATUS": "Invalid"}, Requester(None, None, None)),
        ({"HTTP_X_PROJECT_ID": "p2", "HTTP_X_USER_ID": "u2"}, Requester(None, None, None)),
        ({}, Requester(None, None, None)),
    ],
)
def test_confirmed_headers_name_the_requester(environ: dict[str, Any], expected: Requester) -> None:
    assert from_headers(environ) == expected


REQUEST = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "/image",
    "PATH_INFO": "/v2/images/i/file",
    "QUERY_STRING": "secret=1",
    "HTTP_USER_AGENT": "curl/8",
}
SERVICE = {
    "HTTP_X_SERVICE_IDENTITY_STATUS": "Confirmed",
    "HTTP_X_SERVICE_USER_ID": "nova",
    "HTTP_X_SERVICE_PROJECT_ID": "service",
}
VALIDATED: dict[str, Any] = {"keystone.token_auth": object()}  # authtoken has run
IN_CONTEXT = {"webob.adhoc_attrs": {"context": CONTEXT}}


@pytest.mark.parametrize("named", [IN_CONTEXT, CONFIRMED])
def test_request_is_seen_beside_the_requester(named: dict[str, Any]) -> None:
    found = (from_context(named | REQUEST) or from_headers(named | REQUEST))[3:]
    assert found == ("curl/8", None, None, "GET", "/image/v2/images/i/file")


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"SCRIPT_NAME": "/image/v2", "PATH_INFO": "/images/i/file"}, "/image/v2/images/i/file"),
        ({"SCRIPT_NAME": "/image/v2"}, "/image/v2"),
        ({"SCRIPT_NAME": "", "PATH_INFO": "/v2"}, "/v2"),
        ({"PATH_INFO": "/v2"}, "/v2"),
        ({}, None),
    ],
)
def test_path_is_whole_wherever_the_application_is_mounted(
    environ: dict[str, Any], path: str | None
) -> None:
    assert from_headers(environ).path == path


def test_texts_that_a_client_chooses_are_bounded() -> None:
    environ = {"HTTP_USER_AGENT": "a" * 10_000, "PATH_INFO": "/" * 10_000, "SCRIPT_NAME": "/s"}
    found = from_headers(environ)
    assert found.user_agent == "a" * LONGEST_USER_AGENT
    assert found.path == "/s" + "/" * (LONGEST_PATH - 2)


@pytest.mark.parametrize(
    ("environ", "service"),
    [
        (SERVICE | VALIDATED, ("nova", "service")),
        (SERVICE, (None, None)),  # nothing has removed what a client sends
        (VALIDATED, (None, None)),
        (SERVICE | VALIDATED | {"HTTP_X_SERVICE_IDENTITY_STATUS": "Invalid"}, (None, None)),
        (SERVICE | VALIDATED | {"HTTP_X_SERVICE_PROJECT_ID": ""}, ("nova", None)),
        (SERVICE | VALIDATED | {"HTTP_X_SERVICE_USER_ID": "u" * 9999}, ("u" * 200, "service")),
    ],
)
def test_service_counts_where_keystonemiddleware_has_validated_its_token(
    environ: dict[str, Any], service: tuple[str | None, str | None]
) -> None:
    for found in (from_context(environ | IN_CONTEXT), from_headers(environ)):
        assert found is not None
        user_id = found.service_user_id and found.service_user_id.partition("[")[0]
        assert (user_id, found.service_project_id) == service


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
        ("0.0.0.0", None),
        ("::", None),
        ("localhost", None),
        ("192.0.2.256", None),
        ("192.0.2.1:port", None),
        ("192.0.2.1:123456", None),
        ("[2001:db8::1]x", None),
        ("client.example", None),
    ],
)
def test_destination_without_trusted_proxies_is_the_peer(peer: str, expected: str | None) -> None:
    forged = {"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_FORWARDED": "for=203.0.113.9"}
    assert destination_ip({"REMOTE_ADDR": peer} | forged, []) == expected
    assert destination_ip({"REMOTE_ADDR": peer}, PROXIES) == expected


@pytest.mark.parametrize("trusted", [[], PROXIES])
def test_destination_without_a_peer_is_unknown(trusted: list[Network]) -> None:
    assert destination_ip({}, trusted) is None
    assert destination_ip({"HTTP_X_FORWARDED_FOR": "203.0.113.9"}, trusted) is None


def test_headers_of_an_untrusted_peer_do_not_count() -> None:
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
        ("HTTP_FORWARDED", "for=10.1.1.1, for=10.0.0.2", "10.1.1.1"),
        ("HTTP_FORWARDED", f"for={CLIENT}, for=_hidden", None),
        ("HTTP_FORWARDED", f'for="{CLIENT}:_port";host=', CLIENT),
        ("HTTP_FORWARDED", 'for="198\\.51.100\\.7";', CLIENT),
        ("HTTP_FORWARDED", f'for={CLIENT};host="a.example,for=203.0.113.9"', CLIENT),
        ("HTTP_FORWARDED", f'for={CLIENT};host="a.example;for=203.0.113.9";proto=http', CLIENT),
        ("HTTP_FORWARDED", f'for={CLIENT};by="\\"x, for=203.0.113.9"', CLIENT),
        ("HTTP_FORWARDED", f'for={CLIENT};by="\\\\", for=10.0.0.2', CLIENT),
        ("HTTP_FORWARDED", f'for={CLIENT};secret="x,y"', CLIENT),
        ("HTTP_FORWARDED", f'for=203.0.113.9;by=", for={CLIENT}', CLIENT),
        ("HTTP_FORWARDED", f"for={CLIENT};host=a.example;for=203.0.113.9", None),
        ("HTTP_FORWARDED", f'for={CLIENT};host="a.example', None),
        ("HTTP_FORWARDED", f'for={CLIENT};host=a"b"', None),
        ("HTTP_FORWARDED", f"for={CLIENT} 203.0.113.9", None),
        ("HTTP_FORWARDED", f"for={CLIENT}, proto=https", None),
        ("HTTP_FORWARDED", "proto=https", None),
    ],
)
def test_destination_behind_a_trusted_proxy_is_the_right_most_untrusted_hop(
    parsed: bool, header: str, text: str, expected: str | None
) -> None:
    environ = {"REMOTE_ADDR": PROXY, header: text}
    environ = proxy_headers_parsed(environ) if parsed else environ
    assert destination_ip(environ, PROXIES) == expected


# REMOTE_ADDR of a peer on a unix socket: gunicorn, no server at all, uWSGI, waitress, nginx.
@pytest.mark.parametrize("peer", ["", None, "0.0.0.0", "localhost", "unix:"])
@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("HTTP_X_FORWARDED_FOR", f"203.0.113.9, {CLIENT}"),
        ("HTTP_X_FORWARDED_FOR", f"203.0.113.9, {CLIENT}, unix:"),
        ("HTTP_FORWARDED", f"for=203.0.113.9, for={CLIENT}"),
    ],
)
def test_proxy_on_a_unix_socket_is_trusted_when_the_operator_lists_it(
    header: str, text: str, peer: str | None
) -> None:
    environ = {header: text} | ({} if peer is None else {"REMOTE_ADDR": peer})
    assert destination_ip(environ, [*PROXIES, UNIX]) == CLIENT
    assert destination_ip(proxy_headers_parsed(environ), [*PROXIES, UNIX]) == CLIENT
    assert destination_ip(environ, PROXIES) is None
    assert destination_ip(environ, []) is None


@pytest.mark.parametrize("peer", ["", None])
@pytest.mark.parametrize("forwarded", ["for=, for=203.0.113.9", "proto=https, for=203.0.113.9"])
def test_forwarded_header_without_a_peer_does_not_count(forwarded: str, peer: str | None) -> None:
    """Otherwise a client on a unix socket could choose its address."""
    environ = {"HTTP_FORWARDED": forwarded} | ({} if peer is None else {"REMOTE_ADDR": peer})
    assert destination_ip(environ, PROXIES) is None


@pytest.mark.parametrize("parsed", [False, True], ids=["as_received", "proxy_headers_parsed"])
@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [(f"for={CLIENT}", CLIENT), ("for=203.0.113.9", None), ("nonsense", None)],
)
def test_destination_is_unknown_when_two_headers_disagree(
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
def test_destination_is_an_address_or_unknown_for_any_header(
    environ: dict[str, str],
) -> None:
    for seen in (environ, proxy_headers_parsed(environ), environ | {"REMOTE_ADDR": PROXY}):
        for trusted in ([], PROXIES):
            found = destination_ip(seen, trusted)
            assert found is None or ipaddress.ip_address(found)


@given(FORGED, st.sampled_from(["", ", 10.0.0.2", ", 10.0.0.2, fd00::3"]))
def test_x_forwarded_for_does_not_count_left_of_the_entry_of_the_proxy(
    forged: str, proxies: str
) -> None:
    environ = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": f"{forged},{CLIENT}{proxies}"}
    assert destination_ip(environ, PROXIES) == CLIENT
    assert destination_ip(proxy_headers_parsed(environ), PROXIES) == CLIENT


def quoted(text: str) -> str:
    """`text` as a quoted string of RFC 7239, section 4."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


CLIENTS_OWN = (
    HEADER_TEXT
    | FORGED
    | st.text(st.sampled_from('\\\\"",,;=a ')).map(lambda text: f"{text},for=203.0.113.9{text}")
)


@given(
    CLIENTS_OWN,
    st.lists(st.tuples(st.sampled_from(["host", "by", "secret"]), CLIENTS_OWN), max_size=3),
    st.integers(0, 3),
    st.sampled_from(["", ", for=10.0.0.2", ', for="[fd00::3]:80";host="10.0.0.2,for=unknown"']),
)
def test_forwarded_does_not_count_what_a_proxy_quotes_from_the_client(
    forged: str, more: list[tuple[str, str]], at: int, proxies: str
) -> None:
    """The element of the proxy can hold what the client chose, such as a Host header, in quotes."""
    pairs = [f"{name}={quoted(text)}" for name, text in more]
    own = ";".join([*pairs[:at], f"for={CLIENT}", *pairs[at:]])
    for text in (own, f"{forged},{own}"):
        environ = {"REMOTE_ADDR": PROXY, "HTTP_FORWARDED": f"{text}{proxies}"}
        assert destination_ip(environ, PROXIES) == CLIENT
        assert destination_ip(proxy_headers_parsed(environ), PROXIES) == CLIENT


@pytest.mark.parametrize("forged", ["203.0.113.9," * 20_000, '"' * 250_000, '\\",' * 80_000])
@pytest.mark.parametrize(
    ("header", "own"), [("HTTP_FORWARDED", f"for={CLIENT}"), ("HTTP_X_FORWARDED_FOR", CLIENT)]
)
def test_long_header_hides_no_address_and_leaves_nothing_in_memory(
    header: str, own: str, forged: str
) -> None:
    tracemalloc.start()
    try:
        for number in range(50):
            text = f"{forged}{number}"
            environ = {"REMOTE_ADDR": PROXY, header: f"{text},{own}"}
            assert destination_ip(environ, PROXIES) == CLIENT
            assert destination_ip({"REMOTE_ADDR": PROXY, header: text}, PROXIES) is None
            assert destination_ip({"REMOTE_ADDR": text}, PROXIES) is None
            del text, environ
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


@given(FORGED, st.sampled_from(["", ", for=10.0.0.2", ', for=10.0.0.2, for="[fd00::3]:80"']))
def test_forwarded_does_not_count_left_of_the_element_of_the_proxy(
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
def test_request_was_passed_on_when_its_id_has_changed(
    environ: dict[str, Any], passed_on: bool
) -> None:
    assert was_passed_on(Requester("p1", "u1", "req-1"), environ) is passed_on


@pytest.mark.parametrize("length", [0, LONGEST_ID, LONGEST_ID + 1, 10**6])
def test_long_ids_of_a_requester_are_bounded_and_hide_no_request(length: int) -> None:
    """Glance takes the request id from a header that the client can send."""
    long = "i" * length
    environ = {"webob.adhoc_attrs": {"context": SimpleNamespace(request_id=long, user_id=long)}}
    in_context = from_context(environ)
    in_headers = from_headers({**CONFIRMED, "HTTP_X_USER_ID": long, "HTTP_X_PROJECT_ID": long})
    assert in_context is not None
    assert not was_passed_on(in_context, environ)
    assert all(len(each or "") <= LONGEST_ID for each in (*in_context, *in_headers))


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
def test_authentication_has_run_when_it_left_a_trace(environ: dict[str, Any], there: bool) -> None:
    assert authentication_has_run(environ) is there
