"""The charts of the benchmark."""

from xml.etree import ElementTree

import pytest

from bench.chart import Bar, Scale, linear, logarithmic, svg

SVG = "{http://www.w3.org/2000/svg}"
BARS = [Bar("one & two", 10.0, "10 µs", True), Bar("other", 1000.0, "1 <ms", False)]
TICKS = ((1.0, "1 µs"), (1000.0, "1 ms"))


def test_chart_has_every_label_and_text() -> None:
    root = ElementTree.fromstring(svg("A title", BARS, logarithmic(1.0, 1000.0, TICKS)))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts == ["A title", "1 µs", "1 ms", "one & two", "10 µs", "other", "1 <ms"]


def test_colours_follow_the_readers_scheme() -> None:
    assert "@media (prefers-color-scheme: dark)" in svg("A title", BARS, linear(1000.0, [0.0]))


@pytest.mark.parametrize(
    ("scale", "ratio"), [(logarithmic(1.0, 1000.0, TICKS), 3.0), (linear(1000.0, [0.0]), 100.0)]
)
def test_bars_are_as_long_as_the_scale_says(scale: Scale, ratio: float) -> None:
    root = ElementTree.fromstring(svg("A title", BARS, scale))
    short, long = (float(each.attrib["width"]) for each in root.iter(f"{SVG}rect"))
    assert long / short == pytest.approx(ratio, rel=0.02)


def test_value_outside_of_the_scale_stays_inside_of_the_chart() -> None:
    bars = [Bar("less", 0.0, "0", True), Bar("more", 5000.0, "5,000", False)]
    root = ElementTree.fromstring(svg("A title", bars, logarithmic(1.0, 1000.0, TICKS)))
    widths = [float(each.attrib["width"]) for each in root.iter(f"{SVG}rect")]
    assert widths == [0.0, 360.0]
