"""The page of usage --html: it has the numbers, loads nothing, and shows names as they are."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from glance_notify_middleware.cli.audit.charts import bytes_scale, percent, percent_scale
from glance_notify_middleware.events.notification import Priority
from tests.cli.conftest import Run
from tests.cli.notification_lines import RECEIVER, line, sent
from tests.cli.test_who import written

DAY = 86400.0
CANARY = "<script>alert('canary')</script>&\"'\x1b[2J"


class Parsed(HTMLParser):
    """The tags, attributes and texts of a page; an element that is not closed is an error."""

    VOID = ("meta", "line", "rect")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(run: Run, tmp_path: Path, *lines: bytes, options: tuple[str, ...] = ()) -> str:
    page = tmp_path / "usage.html"
    run("usage", written(tmp_path / "log", *lines), "--html", str(page), *options)
    return page.read_text()


def test_page_loads_nothing_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, *(line(after=DAY * day) for day in range(3)))
    parsed = Parsed(page)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(parsed.tags)
    names = {name for name, _ in parsed.attributes}
    assert not {"src", "href", "srcset", "action"} & names
    assert not [name for name in names if name.startswith("on")]
    assert "://" not in page
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_name_in_a_notification_is_shown_and_never_markup(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, line(payload=sent(5, receiver_tenant_id=CANARY)))
    parsed = Parsed(page)
    assert "script" not in parsed.tags
    shown = "<script>alert('canary')</script>&\"'\\u001b[2J"
    assert parsed.texts.count(shown) == 2  # beside its bar, and in the table
    assert "\x1b" not in page


def test_page_has_the_exact_numbers_of_each_day_and_receiver(run: Run, tmp_path: Path) -> None:
    lines = [
        line(payload=sent(1234567)),
        line(payload=sent(1000), priority=Priority.ERROR, after=DAY),
        line(payload=sent(0), priority=Priority.WARN, after=3 * DAY),
        line(payload=sent(5, receiver_tenant_id=None), after=3 * DAY),
    ]
    page = page_of(run, tmp_path, *lines)
    first = f'<th scope="row">{RECEIVER}</th><td>1</td><td>1</td><td>1</td><td>1,235,567</td>'
    assert first in page
    assert '<th scope="row">(no project)</th><td>1</td><td>0</td><td>0</td><td>5</td>' in page
    assert '<th scope="row">All</th><td>2</td><td>1</td><td>1</td><td>1,235,572</td>' in page
    days = re.findall(r'<th scope="row">(2026-11-\d\d)</th><td>\d+</td><td>\d+</td><td>', page)
    assert days == [f"2026-11-0{day}" for day in (1, 2, 3, 4)]  # the third had none
    assert '<th scope="row">2026-11-04</th><td>2</td><td>50.0 %</td>' in page


def test_page_says_which_time_it_covers_and_what_is_missing(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, line(after=60), line(after=DAY), b"{", line()[:99])
    assert "From 2026-11-01 00:01 to 2026-11-02 00:00 (UTC)" in page
    assert "These numbers can be too low: 2 damaged lines left out." in page
    assert "from 4 lines of 1 file. 0 repeats left out" in page
    since = ("--since", "2026-11-02", "--until", "2026-12-01")
    page = page_of(run, tmp_path, line(after=DAY), options=since)
    assert "From 2026-11-02 00:00 until 2026-12-01 00:00 (UTC)" in page
    assert "too low" not in page


def test_page_without_downloads_says_so(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path)
    assert "No download in this time" in page
    Parsed(page)


def test_long_time_is_shown_by_month(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, *(line(after=DAY * day) for day in range(0, 400, 5)))
    assert "Bytes sent per month" in page
    assert page.count("<title>2026-11: ") == 2
    assert len(re.findall(r"<title>202\d-\d\d: ", page)) == 2 * 14
    Parsed(page)


def test_many_receivers_are_ten_bars_and_the_sum_of_the_others(run: Run, tmp_path: Path) -> None:
    lines = [line(payload=sent(n + 1, receiver_tenant_id=f"p{n:03}")) for n in range(300)]
    page = page_of(run, tmp_path, *lines)
    assert page.count('class="track"') == 10
    assert '<span class="name">290 more</span>' in page
    assert "The 200 largest receivers as a table" in page
    assert page.count('<th scope="row">p') == 200


@pytest.mark.parametrize(
    ("largest", "top", "labels"),
    [
        (0, 1, ("1 B", "0.5 B", "0")),
        (1000, 1024, ("1024 B", "512 B", "0")),
        (1500, 2048, ("2 KiB", "1 KiB", "0")),
        (3.2 * 1024**4, 4 * 1024**4, ("4 TiB", "2 TiB", "0")),
        (5000 * 1024**6, 5000 * 1024**6, ("5000 EiB", "2500 EiB", "0")),
    ],
)
def test_scale_has_room_for_the_largest(
    largest: float, top: float, labels: tuple[str, ...]
) -> None:
    assert bytes_scale(largest) == (top, labels)


def test_shares_are_in_words_that_never_round_to_nothing_or_all() -> None:
    whole = 100_000
    words = [percent(part, whole) for part in (0, 1, 12_345, 99_999, whole)]
    assert words == ["0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100 %"]
    assert percent(0, 0) == "0 %"
    assert percent_scale(0.0).top == 0.01
    assert percent_scale(0.115).labels == ("12 %", "6 %", "0")
    assert percent_scale(1.0).top == 1.0
