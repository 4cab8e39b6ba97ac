"""etc/grafana-dashboard.json: its queries name metrics that exist, and its panels fit."""

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.etc.metric_names import metrics, named, unknown
from tests.tools import promtool

PATH = Path(__file__).parents[2] / "etc" / "grafana-dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SHOWING = [panel for panel in PANELS if panel["type"] != "row"]
VARIABLES: dict[str, dict[str, Any]] = {
    variable["name"]: variable for variable in DASHBOARD["templating"]["list"]
}
WIDTH = 24  # columns of Grafana's grid

# What Grafana puts in the place of its own variables.
VALUES = {"$__rate_interval": "5m", "$__range": "6h", "$instance": ".*", "$target": ".*"}


def queries() -> Iterator[str]:
    for panel in SHOWING:
        for target in panel["targets"]:
            yield target["expr"]


def test_dashboard_has_four_rows() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == ["Health", "Backlog", "Loss", "Bytes"]


def test_each_query_names_metrics_and_labels_that_exist() -> None:
    found = list(queries())
    assert len(found) > 20
    for query in found:
        assert list(named(query)), query
        assert unknown(query) == [], query
    for name in ("instance", "target"):
        query = VARIABLES[name]["query"]["query"]
        assert list(named(query)), query
        assert unknown(query) == [], query


def test_metric_that_does_not_exist_is_seen() -> None:
    assert unknown("rate(glance_notify_drops_total[5m])") == ["glance_notify_drops_total"]
    assert unknown('glance_notify_pending{priority="INFO"}') == [
        "glance_notify_pending['priority']"
    ]


def test_each_metric_is_shown() -> None:
    shown = {name for query in queries() for name, _ in named(query)}
    assert {name for name in metrics() if name.startswith("glance_notify_")} == shown


def test_each_query_is_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": with_values(query)}
        for number, query in enumerate(queries())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = subprocess.run(
        [promtool(), "check", "rules", path], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def with_values(query: str) -> str:
    for variable, value in VALUES.items():
        query = query.replace(variable, value)
    assert "$" not in query, query
    return query


def test_data_source_and_target_are_variables() -> None:
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    for panel in SHOWING:
        for place in (panel, *panel["targets"]):
            assert place["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for query in queries():
        for name, labels in named(query):
            assert "instance" in labels, query
            assert ("target" in metrics()[name]) == ("target" in labels), query


def test_each_panel_has_an_id_a_title_and_a_unit() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    for panel in SHOWING:
        assert panel["title"], panel["id"]
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    lines = range(place["y"], place["y"] + place["h"])
    return set(itertools.product(columns, lines))


def test_no_panel_covers_another_one_or_leaves_the_grid() -> None:
    for one, another in itertools.combinations(PANELS, 2):
        assert not cells(one) & cells(another), (one["title"], another["title"])
    for panel in PANELS:
        assert all(0 <= column < WIDTH for column, _ in cells(panel)), panel["title"]


@pytest.mark.parametrize("unit", ["Bps", "bytes"])
def test_unit_of_bytes_belongs_to_bytes(unit: str) -> None:
    shown = [panel for panel in SHOWING if panel["fieldConfig"]["defaults"]["unit"] == unit]
    assert shown
    for panel in shown:
        for target in panel["targets"]:
            assert re.search(r"_bytes", target["expr"]), panel["title"]
