"""Plays both lives once: Ceilometer takes long to start."""

import uuid
from collections.abc import Iterator

import pytest

from demo import glance
from demo.keystone import Keystone
from demo.rabbit import Rabbit
from tests.consumers.ceilometer import Ceilometer, Gnocchi
from tests.consumers.image_life import OPTIONS, Life, bind_copy, consumed, play, queues, repeat


@pytest.fixture(scope="module")
def vhosts(rabbit: Rabbit) -> Iterator[dict[str, str]]:
    """A vhost for each life, with a queue that receives a copy of each message."""
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
    """The lives once Ceilometer has acknowledged all messages and has received the repeats."""
    folder = tmp_path_factory.mktemp("consumers")
    urls = [f"rabbit://guest:guest@127.0.0.1:{rabbit.port}/{vhost}" for vhost in vhosts.values()]
    with Gnocchi() as gnocchi, Ceilometer(folder, urls, gnocchi.url) as ceilometer:
        with Keystone() as keystone:
            configuration = glance.lay_out(folder, keystone.url)
            played = {
                name: play(name, rabbit, vhost, configuration, keystone)
                for name, vhost in vhosts.items()
            }

        def all_have(count: str, expected: dict[str, int]) -> bool:
            return all(queues(rabbit, vhosts[name])[count] >= expected[name] for name in vhosts)

        sent = {name: len(life.messages) + len(life.trials) for name, life in played.items()}
        ceilometer.wait(lambda: all_have("ack", sent))
        repeated = {name: repeat(rabbit, vhosts[name], life) for name, life in played.items()}
        ceilometer.wait(lambda: ceilometer.duplicates() >= sum(repeated.values()))
        ceilometer.wait(lambda: all_have("unacked", repeated))
        return {
            name: consumed(life, repeated[name], queues(rabbit, vhosts[name]), ceilometer, gnocchi)
            for name, life in played.items()
        }
