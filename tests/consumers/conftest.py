"""Both lives, played once: Ceilometer takes longest to start."""

import uuid
from collections.abc import Iterator

import pytest

from demo import glance
from demo.keystone import Keystone
from demo.rabbit import Rabbit
from tests.consumers.ceilometer import Ceilometer, Gnocchi
from tests.consumers.lives import OPTIONS, Life, bind_copy, consumed, play, queues, repeat


@pytest.fixture(scope="module")
def vhosts(rabbit: Rabbit) -> Iterator[dict[str, str]]:
    """One for each life, where each message is copied."""
    names = {name: f"{name}-{uuid.uuid4().hex}" for name in OPTIONS}
    for vhost in names.values():
        rabbit.add_vhost(vhost)
        bind_copy(rabbit, vhost)
    yield names
    for vhost in names.values():
        rabbit.delete_vhost(vhost)


@pytest.fixture(scope="module")
def lives(
    rabbit: Rabbit, vhosts: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Life]:
    """What has come of them when Ceilometer has acknowledged all, and been sent repeats."""
    folder = tmp_path_factory.mktemp("consumers")
    urls = [f"rabbit://guest:guest@127.0.0.1:{rabbit.port}/{vhost}" for vhost in vhosts.values()]
    with Gnocchi() as gnocchi, Ceilometer(folder, urls, gnocchi.url) as ceilometer:
        with Keystone() as keystone:
            configuration = glance.lay_out(folder, keystone.url)
            played = {
                name: play(name, rabbit, vhost, configuration, keystone)
                for name, vhost in vhosts.items()
            }

        def all_have(count: str, owed: dict[str, int]) -> bool:
            return all(queues(rabbit, vhosts[name])[count] >= owed[name] for name in vhosts)

        owed = {name: len(each.messages) for name, each in played.items()}
        ceilometer.wait(lambda: all_have("ack", owed))
        repeated = {name: repeat(rabbit, vhosts[name], each) for name, each in played.items()}
        ceilometer.wait(lambda: ceilometer.duplicates() >= sum(repeated.values()))
        ceilometer.wait(lambda: all_have("unacked", repeated))
        return {
            name: consumed(each, repeated[name], queues(rabbit, vhosts[name]), ceilometer, gnocchi)
            for name, each in played.items()
        }
