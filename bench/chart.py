"""Bar charts as SVG, which look right on a light and on a dark page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
_ROW, _HEAD, _FOOT = 26, 44, 30
_LEFT, _RIGHT = 330, 70
_SPAN = WIDTH - _LEFT - _RIGHT

_STYLE = """
svg { background: #ffffff; }
text { font: 13px system-ui, sans-serif; fill: #1f2933; }
.title { font-size: 15px; font-weight: 600; }
.tick { font-size: 11px; fill: #616e7c; }
.grid { stroke: #d3dae1; stroke-width: 1; }
.bar { fill: #9aa5b1; }
.own { fill: #0b7285; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; }
  text { fill: #e4e7eb; }
  .tick { fill: #9aa5b1; }
  .grid { stroke: #3e4c59; }
  .bar { fill: #616e7c; }
  .own { fill: #3bc9db; }
}
"""


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its value, the text behind it, and whether it is of this filter."""

    label: str
    value: float
    text: str
    is_own: bool


@dataclass(frozen=True)
class Scale:
    """Where values stand between 0 and 1, and the ticks, each with its label."""

    place: Callable[[float], float]
    ticks: Sequence[tuple[float, str]]


def linear(most: float, ticks: Sequence[float]) -> Scale:
    """From 0 to `most`."""
    return Scale(lambda value: value / most, [(tick, f"{tick:,.0f}") for tick in ticks])


def logarithmic(least: float, most: float, ticks: Sequence[tuple[float, str]]) -> Scale:
    """From `least`, below which there is no bar, to `most`."""
    span = math.log(most / least)
    return Scale(lambda value: math.log(max(value, least) / least) / span, ticks)


def svg(title: str, bars: Sequence[Bar], scale: Scale) -> str:
    """The chart. Its title is its text for those who cannot see it, too."""
    height = _HEAD + _ROW * len(bars) + _FOOT
    bottom = height - _FOOT + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="8" y="24">{escape(title)}</text>',
    ]
    for tick, label in scale.ticks:
        x = _x(scale, tick)
        parts.append(f'<line class="grid" x1="{x}" y1="{_HEAD - 6}" x2="{x}" y2="{bottom}"/>')
        parts.append(
            f'<text class="tick" x="{x}" y="{bottom + 15}" text-anchor="middle">{escape(label)}'
            "</text>"
        )
    for number, bar in enumerate(bars):
        y = _HEAD + _ROW * number
        end = _x(scale, bar.value)
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{"own" if bar.is_own else "bar"}" x="{_LEFT}" y="{y}"'
            f' width="{round(end - _LEFT, 1)}" height="18" rx="2"/>',
            f'<text x="{end + 6}" y="{y + 14}">{escape(bar.text)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _x(scale: Scale, value: float) -> float:
    return round(_LEFT + _SPAN * min(max(scale.place(value), 0.0), 1.0), 1)
