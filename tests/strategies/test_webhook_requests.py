"""Which messages go together in a request, how it is written, and its signature."""

import base64
import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from glance_notify_middleware.strategies.webhook import signing
from glance_notify_middleware.strategies.webhook.requests import MOST_BYTES, request, runs
from tests.strategies.sending import message, messages


@given(
    sizes=st.lists(st.one_of(st.integers(2, 50), st.integers(200_000, 1_200_000)), max_size=12),
    most=st.integers(1, 6),
)
def test_runs_have_all_messages_in_order_and_keep_both_bounds(sizes: list[int], most: int) -> None:
    batch = [message(b"x" * size) for size in sizes]
    found = [list(run) for run in runs(batch, range(len(batch)), most)]
    assert list(itertools.chain(*found)) == list(range(len(batch)))
    for run in found:
        assert 0 < len(run) <= most
        body = request([batch[index] for index in run], "plain", is_array=True).body
        assert len(body) <= MOST_BYTES or len(run) == 1
    for run, after in itertools.pairwise(found):  # no run ends early
        both = [batch[index] for index in [*run, after[0]]]
        longer = request(both, "plain", is_array=True).body
        assert len(both) > most or len(longer) > MOST_BYTES


def test_body_is_the_message_or_an_array_of_messages() -> None:
    batch = messages(2)
    assert request(batch[:1], "plain", is_array=False).body == batch[0].body
    assert request(batch[:1], "plain", is_array=True).body == b"[%b]" % batch[0].body
    assert json.loads(request(batch, "plain", is_array=True).body) == [{"number": 0}, {"number": 1}]


def test_id_of_a_message_alone_is_its_own_and_that_of_an_array_is_stable() -> None:
    batch = messages(3)
    for is_array in (False, True):
        assert request(batch[:1], "plain", is_array=is_array).request_id == batch[0].message_id
    array = request(batch, "plain", is_array=True).request_id
    assert request(batch, "plain", is_array=True).request_id == array
    others = [batch[:2], batch[1:], batch[::-1]]
    assert array not in [request(each, "plain", is_array=True).request_id for each in others]


def secret(byte: int, length: int = 32) -> str:
    return f"whsec_{base64.b64encode(bytes([byte] * length)).decode()}"


def test_signature_of_each_secret_is_verified_by_the_reference_library() -> None:
    old, new, another = secret(1), secret(2, 24), secret(3, 64)
    body = '{"a": "\u00e9"}'.encode()
    keys = signing.secrets(f"{old}\n\n  {new}\r\n")
    headers = signing.headers("an-id", int(time.time()), body, keys)
    for accepted in (old, new):
        assert Webhook(accepted).verify(body, headers) == {"a": "\u00e9"}
    for refused, changed in ((another, body), (old, body + b" ")):
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Webhook(refused).verify(changed, headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(old).verify(body, headers | {"webhook-id": "another"})


def test_request_without_a_secret_has_no_signature() -> None:
    assert signing.headers("an-id", 5, b"", ()) == {"webhook-id": "an-id", "webhook-timestamp": "5"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("c2VjcmV0\n", "line 1 does not begin with whsec_"),
        (f"{secret(1)}\nwhsec_s+cret!", "line 2 has no base64 after whsec_"),
        ("whsec_", "line 1 has no base64 after whsec_"),
        (f"\n{secret(1, 23)}", "the secret of line 2 has not 24 to 64 bytes"),
        (secret(1, 65), "the secret of line 1 has not 24 to 64 bytes"),
    ],
)
def test_wrong_secret_is_named_by_its_line_and_not_shown(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="line") as raised:
        signing.secrets(text)
    assert str(raised.value) == why
