"""Nodes of a cluster are killed while clients are at work: no event is missing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit, missing
from tests.faults.arrivals import QUEUES, compare, drain
from tests.faults.client_load import Load
from tests.long import page
from tests.long.conftest import rabbit_deployment
from tests.long.rabbit_cluster import RabbitCluster
from tests.long_runs import takes_long
from tests.markdown import markdown

KILLS = 4


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RabbitCluster]:
    reason = missing()
    if reason is not None:
        pytest.fail(reason)
    with RabbitCluster(tmp_path / "cluster") as cluster:
        yield cluster


def _to_kill(cluster: RabbitCluster, connected: bool) -> Rabbit:
    """The node that the relay is connected to, or another node."""
    connected_node = cluster.node_of_the_connection()
    return next(node for node in cluster.nodes if (node is connected_node) == connected)


@takes_long
def test_cluster_that_loses_its_nodes_loses_no_event(
    cluster: RabbitCluster, tmp_path: Path
) -> None:
    with rabbit_deployment(
        tmp_path / "deployment", cluster.hosts, "/", rabbit_queue_type="quorum"
    ) as deployment:
        with Load(deployment.port, rate=100) as ledger:
            time.sleep(3)
            for kill in range(KILLS):
                node = _to_kill(cluster, connected=kill % 2 == 0)
                node.kill()
                time.sleep(4)
                node.start()
                cluster.wait_until_whole()
                time.sleep(2)
        types = {queue["name"]: queue["type"] for queue in cluster.nodes[0].api("GET", "queues")}
        expected = ledger.expected
        tally = compare(expected, drain(cluster.nodes[0], "/", expected, 30))
        log_text = deployment.log_text()
    rows = [
        ("nodes killed", f"{KILLS}"),
        ("events expected", f"{tally.expected:,}"),
        ("delivered", f"{tally.delivered:,}"),
        ("missing", f"{len(tally.missing)}"),
        ("repeated, with the same message_id", f"{tally.repeated}"),
        ("arrived after a later event of its image", f"{len(tally.inversions)}"),
        ("refusals of messages logged", f"{log_text.count('refuses messages')}"),
        ("slowest answer of Glance (ms)", f"{ledger.slowest:.0f}"),
    ]
    print(f"\n{markdown(page.COLUMNS, rows)}")
    assert types == dict.fromkeys(QUEUES, "quorum")
    assert "rabbit is out of reach" in log_text
    assert not ledger.wrong, ledger.wrong[:3]
    assert not tally.missing, tally.missing[:3]
    assert not tally.doubled, tally.doubled[:3]
    assert not tally.miscounted, tally.miscounted[:3]
    # A quorum queue that loses its leader refuses messages; these arrive later.
    assert not tally.inversions or "refuses messages" in log_text, tally.inversions[:3]
    page.write("cluster", rows, cluster.nodes[0])
