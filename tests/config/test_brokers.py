"""A broker's text, and the routing keys of the strategies with brokers."""

import pytest

from glance_notify_middleware.config.brokers import Broker
from tests.config.reading import settings_of


@pytest.mark.parametrize(("host", "text"), [("a.example", "a.example:1"), ("::1", "[::1]:1")])
def test_text_of_a_broker_is_its_address(host: str, text: str) -> None:
    assert str(Broker(host, 1, "u", "p")) == text


def test_routing_key_is_the_topic_a_dot_and_the_priority_in_lower_case() -> None:
    settings = settings_of({"rabbit_notification_topic": "a", "qpid_notification_topic": "b.c"})
    assert settings.rabbit.routing_key("INFO") == "a.info"
    assert settings.qpid.routing_key("ERROR") == "b.c.error"
