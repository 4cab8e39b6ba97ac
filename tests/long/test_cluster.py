"""Nodes of a cluster are killed while events flow: nothing is missing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit, missing
from tests.faults.load import Load
from tests.faults.tally import QUEUES, compare, drain
from tests.long import page
from tests.long.cluster import RabbitCluster
from tests.long.conftest import stage_to
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
    """The node that the relay is connected to, or one that it is not connected to."""
    theirs = cluster.node_of_the_connection()
    return next(node for node in cluster.nodes if (node is theirs) == connected)


@takes_long
def test_nothing_is_missing_when_a_cluster_loses_its_nodes(
    cluster: RabbitCluster, tmp_path: Path
) -> None:
    with stage_to(tmp_path / "stage", cluster.hosts, "/", rabbit_queue_type="quorum") as stage:
        with Load(stage.port, rate=100) as ledger:
            time.sleep(3)
            for kill in range(KILLS):
                node = _to_kill(cluster, connected=kill % 2 == 0)
                node.kill()
                time.sleep(4)
                node.start()
                cluster.wait_until_whole()
                time.sleep(2)
        types = {each["name"]: each["type"] for each in cluster.nodes[0].api("GET", "queues")}
        owed = ledger.owed
        tally = compare(owed, drain(cluster.nodes[0], "/", owed, 30))
        said = stage.log_text()
    rows = [
        ("nodes killed", f"{KILLS}"),
        ("events owed", f"{tally.owed:,}"),
        ("delivered", f"{tally.delivered:,}"),
        ("missing", f"{len(tally.missing)}"),
        ("repeated, with the same message_id", f"{tally.repeated}"),
        ("came after a later one of its image", f"{len(tally.inversions)}"),
        ("times that messages were refused", f"{said.count('refuses messages')}"),
        ("slowest answer of Glance (ms)", f"{ledger.slowest:.0f}"),
    ]
    print(f"\n{markdown(page.COLUMNS, rows)}")
    assert types == dict.fromkeys(QUEUES, "quorum")
    assert "rabbit is out of reach" in said
    assert not ledger.wrong, ledger.wrong[:3]
    assert not tally.missing, tally.missing[:3]
    assert not tally.doubled, tally.doubled[:3]
    assert not tally.miscounted, tally.miscounted[:3]
    # A quorum queue that loses its leader refuses what comes; refused messages come later.
    assert not tally.inversions or "refuses messages" in said, tally.inversions[:3]
    page.write("cluster", rows, cluster.nodes[0])
