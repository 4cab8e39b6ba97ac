"""The inspection of a RabbitMQ: what is wrong there is found and named, and nothing is changed."""

import time
from collections.abc import Iterator

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.events.notification import Priority
from tests.strategies.inspecting import CANARY, apply, consumers, found, the_one
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import messages

QUEUES = [f"notifications.{priority.lower()}" for priority in Priority]
AUTO = {"create_queues": "auto", "rabbit_durable_queues": "true"}


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    return RabbitPlace(rabbit, vhost)


@pytest.fixture
def user(place: RabbitPlace) -> Iterator[str]:
    """A user of the broker, with the canary as password, who may do nothing."""
    name = f"user-{place.vhost}"
    place.node.api("PUT", f"users/{name}", {"password": CANARY, "tags": ""})
    yield name
    place.node.api("DELETE", f"users/{name}")


def options(place: RabbitPlace, **more: str) -> dict[str, str]:
    hosts = {"rabbit_hosts": f"127.0.0.1:{place.port}", "rabbit_virtual_host": place.vhost}
    return hosts | more


def as_user(place: RabbitPlace, user: str, **more: str) -> dict[str, str]:
    return options(place, rabbit_userid=user, rabbit_password=CANARY, **more)


def permit(place: RabbitPlace, user: str, configure: str, write: str, read: str) -> None:
    what = {"configure": configure, "write": write, "read": read}
    place.node.api("PUT", f"permissions/{place.vhost}/{user}", what)


@pytest.fixture
def declared(place: RabbitPlace) -> None:
    """Exchange and queues, durable, as their reader declares them."""
    place.exchange()
    for queue in QUEUES:
        place.queue(queue)


@pytest.fixture
def read(declared: None, place: RabbitPlace) -> Iterator[None]:
    """The same, with a reader."""
    with consumers(place.node, place.vhost, *QUEUES):
        yield


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize("how", [{}, AUTO, {"create_queues": "never"}])
def test_right_set_up_has_no_finding(place: RabbitPlace, how: dict[str, str]) -> None:
    assert found("rabbit", options(place, **how)) == {}


@pytest.mark.usefixtures("read")
def test_right_set_up_over_tls_has_no_finding(place: RabbitPlace) -> None:
    place.port = place.node.tls_port
    tls = {"rabbit_use_ssl": "true", "rabbit_ssl_ca_file": str(place.node.certificates.ca)}
    assert found("rabbit", options(place, **tls)) == {}


def test_missing_exchange_and_queues_are_found_and_not_created(place: RabbitPlace) -> None:
    findings = found("rabbit", options(place))
    assert list(findings) == ["exchange-missing", "queue-missing"]
    assert findings["exchange-missing"].level is Level.ERROR
    assert f"no exchange glance in virtual host {place.vhost}" in findings["exchange-missing"].what
    assert ", ".join(QUEUES) in findings["queue-missing"].what
    assert "create_queues = auto" in findings["queue-missing"].mend
    assert place.declared("exchanges") == place.declared("queues") == {}


def test_create_queues_auto_mends_what_is_missing(place: RabbitPlace) -> None:
    assert found("rabbit", options(place, **AUTO)) == {}
    assert place.declared("exchanges") == place.declared("queues") == {}


def test_missing_permission_to_create_is_found_and_its_line_mends_it(
    place: RabbitPlace, user: str
) -> None:
    permit(place, user, "^glance$", "", "")
    finding = the_one("rabbit", as_user(place, user, **AUTO))
    assert finding.name == "broker-permission-missing"
    assert f"user {user} may not create queue notifications.info" in finding.what
    assert "write to exchange glance" in finding.what
    assert place.declared("exchanges") == place.declared("queues") == {}
    apply(place.node, finding.mend)
    assert found("rabbit", as_user(place, user, **AUTO)) == {}


@pytest.mark.usefixtures("read")
def test_missing_permission_to_write_is_found_and_its_line_mends_it(
    place: RabbitPlace, user: str
) -> None:
    permit(place, user, "", "^other$", ".*")
    finding = the_one("rabbit", as_user(place, user))
    assert finding.name == "broker-permission-missing"
    assert f"user {user} may not write to exchange glance" in finding.what
    apply(place.node, finding.mend)
    assert found("rabbit", as_user(place, user)) == {}


def test_wrong_password_is_found(place: RabbitPlace) -> None:
    finding = the_one("rabbit", options(place, rabbit_password=CANARY))
    assert finding.name == "broker-login-refused"
    assert finding.mend.startswith("rabbitmqctl change_password guest PASSWORD (")


def test_missing_virtual_host_is_found(place: RabbitPlace) -> None:
    place.vhost = "no vhost"
    finding = the_one("rabbit", options(place))
    assert finding.name == "broker-vhost-missing"
    assert "rabbitmqctl add_vhost 'no vhost'" in finding.mend


@pytest.mark.usefixtures("read")
def test_refused_virtual_host_is_found_and_its_line_mends_it(place: RabbitPlace, user: str) -> None:
    finding = the_one("rabbit", as_user(place, user))
    assert finding.name == "broker-vhost-refused"
    apply(place.node, finding.mend)
    assert found("rabbit", as_user(place, user)) == {}


def test_exchange_of_another_type_is_found(place: RabbitPlace) -> None:
    place.exchange("fanout")
    finding = found("rabbit", options(place))["exchange-differs"]
    assert "is of type fanout: expected topic" in finding.what


def queue_finding(place: RabbitPlace, **how: str) -> Finding:
    """The finding about notifications.info, which is read."""
    with consumers(place.node, place.vhost, QUEUES[0]):
        return the_one("rabbit", options(place, priorities="info", **how))


@pytest.mark.parametrize("how", [{}, AUTO])
def test_queue_that_is_not_durable_is_found(place: RabbitPlace, how: dict[str, str]) -> None:
    place.exchange()
    place.queue(QUEUES[0], durable=False)
    finding = queue_finding(place, **how)
    assert (finding.level, finding.name) == (Level.WARNING, "queue-not-durable")
    assert f"rabbitmqctl delete_queue -p {place.vhost} {QUEUES[0]}" in finding.mend


def test_queue_that_is_chosen_to_be_not_durable_is_no_finding(place: RabbitPlace) -> None:
    place.exchange()
    place.queue(QUEUES[0], durable=False)
    chosen = options(place, priorities="info", rabbit_durable_queues="false")
    with consumers(place.node, place.vhost, QUEUES[0]):
        assert found("rabbit", chosen) == {}


@pytest.mark.parametrize(
    ("arguments", "how", "mend"),
    [
        ({"x-queue-type": "quorum"}, {}, "rabbit_queue_type = quorum"),
        ({}, {"rabbit_queue_type": "quorum"}, "rabbit_queue_type = classic"),
        ({}, {"queue_max_bytes": "64KiB"}, '{"max-length-bytes": 65536, "overflow": "drop-head"}'),
    ],
)
def test_queue_that_differs_from_the_options_is_found(
    place: RabbitPlace, arguments: dict[str, object], how: dict[str, str], mend: str
) -> None:
    place.exchange()
    place.queue(QUEUES[0], arguments)
    finding = queue_finding(place, **AUTO, **how)
    assert finding.name == "queue-differs"
    assert mend in finding.mend


def test_durable_queue_is_found_where_the_options_create_others(place: RabbitPlace) -> None:
    place.exchange(durable=False)
    place.queue(QUEUES[0])
    finding = queue_finding(place, create_queues="auto", rabbit_durable_queues="false")
    assert (finding.name, finding.mend) == ("queue-differs", "rabbit_durable_queues = true")


@pytest.mark.usefixtures("declared")
def test_queue_without_a_reader_is_found_with_what_waits_and_the_line_that_bounds_it(
    place: RabbitPlace,
) -> None:
    sender = place.strategy()
    sender.send(messages(3))
    sender.close()
    options_ = options(place, priorities="info")
    finding = the_one("rabbit", options_)
    assert (finding.level, finding.name) == (Level.WARNING, "queue-unread")
    assert "notifications.info" in finding.what
    assert finding.what.endswith("has no consumer; messages that wait in it: 3")
    assert len(place.received()) == 3  # nothing was taken
    apply(place.node, finding.mend)
    (policy,) = place.node.api("GET", f"policies/{place.vhost}")
    assert policy["definition"]["overflow"] == "drop-head"
    with consumers(place.node, place.vhost, "notifications.info"):
        assert found("rabbit", options_) == {}


@pytest.mark.usefixtures("read")
def test_broker_short_of_memory_is_found_and_its_line_mends_it(place: RabbitPlace) -> None:
    place.node.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        finding = the_one("rabbit", options(place))
        assert finding.name == "broker-blocked"
        assert "rabbitmqctl set_vm_memory_high_watermark 0.6" in finding.mend
    finally:
        place.node.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
    assert found("rabbit", options(place)) == {}


@pytest.mark.usefixtures("read")
def test_hosts_of_a_list_are_each_looked_at(place: RabbitPlace) -> None:
    hosts = f"127.0.0.1:1,no-such-host.invalid:5672,127.0.0.1:{place.port}"
    began = time.monotonic()
    findings = found("rabbit", options(place, rabbit_hosts=hosts))
    assert time.monotonic() - began < 12
    assert list(findings) == ["broker-port-closed", "broker-host-unknown"]


@pytest.mark.parametrize("option", ["rabbit_password_file", "rabbit_ssl_ca_file"])
def test_file_that_cannot_be_read_is_found_beside_what_is_wrong_with_the_hosts(
    place: RabbitPlace, option: str
) -> None:
    more = {option: "/no/such/file", "rabbit_hosts": "127.0.0.1:1"}
    if "ssl" in option:
        more["rabbit_use_ssl"] = "true"
    findings = found("rabbit", options(place, **more))
    assert list(findings) == ["broker-file-unusable", "broker-port-closed"]
    assert option in findings["broker-file-unusable"].mend
