"""A webhook's request has the content type of its format."""

import pytest

from glance_notify_middleware.events.formats import BATCH_CONTENT_TYPES, CONTENT_TYPES
from glance_notify_middleware.strategies.webhook.requests import request
from tests.strategies.sending import messages


@pytest.mark.parametrize("message_format", sorted(CONTENT_TYPES))
def test_request_has_the_content_type_of_its_format(message_format: str) -> None:
    one = request(messages(1), message_format, is_array=False)
    assert one.content_type == CONTENT_TYPES[message_format]
    for count in (1, 2):
        several = request(messages(count), message_format, is_array=True)
        assert several.content_type == BATCH_CONTENT_TYPES[message_format]
