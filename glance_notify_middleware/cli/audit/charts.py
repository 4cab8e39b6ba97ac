"""Charts as HTML and SVG, without a script.

Texts stand beside the SVG, so that they keep their size when it is narrow. Each text that comes
from outside is escaped here.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from glance_notify_middleware.cli.human import SIZES

_STEPS = (1, 2, 4, 8, 10, 16, 20, 32, 40, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800)
_PERCENTS = (1, 2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 100)

_FEWEST_SLOTS = 12  # columns of which there are few are no wider
_MOST_LABELS = 4
_WIDTH = 10  # of a slot; the SVG is stretched to its place
_HEIGHT = 1000


class Column(NamedTuple):
    """A column of a chart: the parts that stand on each other, from the ground up."""

    name: str
    label: str
    """A short name below the column; few of them are shown."""
    parts: Sequence[float]
    text: str
    """What the column says, in words."""


class Scale(NamedTuple):
    """The vertical scale: its end, and the texts from the top down to the ground."""

    top: float
    labels: Sequence[str]


def bytes_scale(largest: float) -> Scale:
    """A scale on which `largest` bytes have room."""
    unit = 0
    while largest >= 1024 ** (unit + 1) and unit < len(SIZES) - 1:
        unit += 1
    needed = largest / 1024**unit
    step = next((each for each in _STEPS if each >= needed), max(1024, math.ceil(needed)))
    halves = (f"{count:g} {SIZES[unit]}" for count in (step, step / 2))
    return Scale(step * 1024**unit, (*halves, "0"))


def percent_scale(largest: float) -> Scale:
    """A scale on which a share, 0 to 1, has room."""
    step = next(each for each in _PERCENTS if each >= largest * 100 or each == 100)
    return Scale(step / 100, (f"{step} %", f"{step / 2:g} %", "0"))


def percent(part: float, whole: float) -> str:
    """A share in words: `12.3 %`. A small one is never 0, and a large one never all."""
    if not part or not whole:
        return "0 %"
    share = 100 * part / whole
    if part < whole:
        if share < 0.1:
            return "< 0.1 %"
        if share > 99.9:
            return "> 99.9 %"
    return f"{share:.1f} %" if part < whole else "100 %"


def columns(title: str, shown: Sequence[Column], scale: Scale, kinds: Sequence[str]) -> str:
    """A chart of columns, which is named by its title. `kinds` are the CSS classes of the parts."""
    slots = max(len(shown), _FEWEST_SLOTS)
    width = slots * _WIDTH
    drawn = "".join(_column(number, each, scale, kinds) for number, each in enumerate(shown))
    lines = "".join(f'<line x1="0" x2="{width}" y1="{y}" y2="{y}"/>' for y in (0, _HEIGHT // 2))
    scale_texts = "".join(f"<span>{escape(label)}</span>" for label in scale.labels)
    return (
        f'<div class="chart"><div class="scale" aria-hidden="true">{scale_texts}</div>'
        f'<svg class="plot" role="img" viewBox="0 0 {width} {_HEIGHT}" '
        f'preserveAspectRatio="none" aria-label="{escape(title)}">{lines}{drawn}</svg>'
        f'<div class="times" aria-hidden="true">{_labels(shown, slots)}</div></div>'
    )


def _column(number: int, column: Column, scale: Scale, kinds: Sequence[str]) -> str:
    gap = _WIDTH / 10
    left, wide = number * _WIDTH + gap, _WIDTH - 2 * gap
    ground = float(_HEIGHT)
    drawn = [f"<title>{escape(column.name)}: {escape(column.text)}</title>"]
    for kind, part in zip(kinds, column.parts, strict=True):
        high = part / scale.top * _HEIGHT
        ground -= high
        if high:
            drawn.append(
                f'<rect class="{kind}" x="{left:g}" y="{ground:.2f}" width="{wide:g}" '
                f'height="{high:.2f}"/>'
            )
    return f"<g>{''.join(drawn)}</g>"


def _labels(shown: Sequence[Column], slots: int) -> str:
    count = min(len(shown), _MOST_LABELS)
    last = len(shown) - 1
    numbers = sorted({round(n * last / max(count - 1, 1)) for n in range(count)})
    return "".join(
        f'<span style="left:{100 * (number + 0.5) / slots:.2f}%">{escape(shown[number].label)}'
        "</span>"
        for number in numbers
    )


def shares(parts: Sequence[tuple[str, str, int]]) -> str:
    """One bar of parts, with a legend. A part has a CSS class, a name, and a number."""
    whole = sum(number for _, _, number in parts)
    bar = "".join(
        f'<span class="{kind}" style="flex:{number} 1 0"></span>'
        for kind, _, number in parts
        if number
    )
    legend = "".join(
        f'<li><span class="mark {kind}"></span><span>{escape(name)} <b class="number">'
        f'{percent(number, whole)}</b> <span class="quiet number">({number:,})</span></span></li>'
        for kind, name, number in parts
    )
    return f'<div class="shares" aria-hidden="true">{bar}</div><ul class="legend">{legend}</ul>'


def ranks(items: Sequence[tuple[str, float, str]], rest: Sequence[str] = ()) -> str:
    """Names with a bar each. An item has a name, a number, and the number in words.

    `rest` is the name of all others and their number in words: these have no bar.
    """
    largest = max((number for _, number, _ in items), default=0) or 1
    lines = [
        f"<li>{_rank(name, text)}"
        '<span class="track" aria-hidden="true">'
        f'<span class="complete" style="width:{100 * number / largest:.2f}%"></span></span></li>'
        for name, number, text in items
    ]
    if rest:
        lines.append(f'<li class="quiet">{_rank(*rest)}</li>')
    return f'<ol class="ranks">{"".join(lines)}</ol>'


def _rank(name: str, text: str) -> str:
    return (
        f'<div><span class="name">{escape(name)}</span><span class="number">{escape(text)}</span>'
        "</div>"
    )


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    foot: Sequence[str] = (),
) -> str:
    """A table that can be unfolded."""

    def line(cells: Sequence[str]) -> str:
        first, *rest = map(escape, cells)
        return (
            f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        )

    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    ended = f"<tfoot>{line(foot)}</tfoot>" if foot else ""
    return (
        f"<details><summary>{escape(caption)}</summary>"
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="number"><thead><tr>{names}</tr></thead>'
        f"<tbody>{''.join(map(line, rows))}</tbody>{ended}</table></div></details>"
    )
