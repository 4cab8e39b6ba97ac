"""The page of usage --html as headless Chromium shows it: in each width, light and dark.

Without Chromium the tests are skipped; with the environment variable CI=true they fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware import cli
from glance_notify_middleware.cli.command import WARNINGS
from glance_notify_middleware.events.notification import Priority
from tests.cli import browser
from tests.cli.browser import Browser
from tests.cli.notification_lines import line, sent
from tests.cli.played_month import play
from tests.cli.test_usage_page import CANARY
from tests.cli.test_who import written

WIDTHS = (360, 768, 1440)
HUGE = 2**60  # bytes

LOOK = """
(() => {
  const found = {wide: [], pale: [], small: [], charts: [], overlaps: 0};
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = color => numbers(color).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0);
  const contrast = (one, two) => {
    const [low, high] = [luminance(one), luminance(two)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = element => {
    const color = getComputedStyle(element).backgroundColor;
    const opaque = (numbers(color)[3] ?? 1) > 0;
    return opaque || !element.parentElement ? color : ground(element.parentElement);
  };
  for (const element of document.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    const name = element.tagName + '.' + element.getAttribute('class');
    if (!box.width || !box.height) continue;
    const scrolls = element.parentElement.closest('.scroll');
    if (!scrolls && (box.right > innerWidth + 0.5 || box.left < -0.5)) found.wide.push(name);
    const texts = [...element.childNodes].filter(node => node.nodeType == 3 && node.data.trim());
    if (element.closest('svg') || !texts.length) continue;
    const style = getComputedStyle(element);
    if (contrast(style.color, ground(element)) < 4.5) found.pale.push(name);
    if (parseFloat(style.fontSize) < 13) found.small.push(name);
  }
  for (const rect of document.querySelectorAll('.plot rect')) {
    const style = getComputedStyle(rect);
    if (contrast(style.fill, ground(rect.closest('section'))) < 3) found.pale.push('rect');
  }
  for (const chart of document.querySelectorAll('.plot')) {
    found.charts.push([chart.getAttribute('aria-label'), chart.querySelectorAll('rect').length,
      Boolean(chart.closest('section').querySelector('details table th[scope=row]'))]);
  }
  for (const labels of document.querySelectorAll('.times')) {
    const boxes = [...labels.children].map(label => label.getBoundingClientRect());
    found.overlaps += boxes.filter((box, n) => n && box.left < boxes[n - 1].right + 4).length;
  }
  found.scrolls = document.documentElement.scrollWidth - innerWidth;
  found.ground = luminance(getComputedStyle(document.body).backgroundColor);
  found.headings = [...document.querySelectorAll('h1, h2, h3')].map(each => each.tagName);
  found.canary = document.querySelectorAll('script').length;
  return found;
})()
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if browser.COMMAND is None:
        fail = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        fail("Chromium is not installed: apt-get install chromium")
    with browser.browser(tmp_path_factory.mktemp("chromium")) as shown:
        yield shown


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a month, with what is long and what is dangerous in it."""
    folder = tmp_path_factory.mktemp("page")
    month = play(folder / "month", 1000)
    odd = written(
        folder / "odd.log",
        line(payload=sent(HUGE, receiver_tenant_id="W" * 255)),
        line(payload=sent(HUGE, receiver_tenant_id=CANARY), priority=Priority.ERROR),
    )
    path = folder / "usage.html"
    words = ["usage", *month.files, odd, "--html", str(path), "-f", "value", "-c", "Cut"]
    assert cli.main(words) == WARNINGS
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_page_can_be_read_in_each_width_light_and_dark(
    width: int, scheme: str, page: Path, chromium: Browser, tmp_path: Path
) -> None:
    chromium.show(page, width, scheme)
    folded = chromium.value(LOOK)
    _check(folded, scheme)
    chromium.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    unfolded = chromium.value(LOOK)
    _check(unfolded, scheme)
    (tmp_path / "page.png").write_bytes(chromium.picture())  # for who looks into a failure
    assert set(chromium.requested) == {page.as_uri()}


def _check(found: Any, scheme: str) -> None:
    assert found["scrolls"] <= 0, found
    assert (found["wide"], found["pale"], found["small"]) == ([], [], [])
    assert found["overlaps"] == 0
    assert (found["ground"] > 0.5) == (scheme == "light")
    assert [(count > 25, has_table) for _, count, has_table in found["charts"]] == [
        (True, True)
    ] * 2
    assert all(name.endswith("All numbers are in the table below.") for name, *_ in found["charts"])
    assert found["headings"] == ["H1", "H2", "H2", "H3", "H2", "H2"]
    assert found["canary"] == 0
