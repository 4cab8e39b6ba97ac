"""The page of usage: one file of HTML that loads nothing, with charts and tables beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from glance_notify_middleware.cli.audit.charts import (
    Column,
    bytes_scale,
    columns,
    percent,
    percent_scale,
    ranks,
    shares,
    table,
)
from glance_notify_middleware.cli.audit.log_lines import LogFiles
from glance_notify_middleware.cli.audit.page_style import STYLE
from glance_notify_middleware.cli.audit.sums import GROUPS, MEANINGS, Sum, Sums
from glance_notify_middleware.cli.audit.times import Period
from glance_notify_middleware.cli.human import size
from glance_notify_middleware.events.escaping import escaped_text

_MOST_COLUMNS = 92  # days; a longer time is shown by month
_TOP = 10  # receivers that have a bar
_MOST_ROWS = 200  # receivers in the table
_NUMBERS = ("Downloads", "Cut", "Refused", "Bytes sent", "Uploads", "Bytes uploaded")
_ENDS = (("complete", "Complete"), ("cut", "Cut or failed"), ("refused", "Refused"))
"""CSS class and name of how downloads end."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the sums are made of."""

    files: int
    lines: int
    repeats: int
    damaged: int
    unreadable: int

    @classmethod
    def of(cls, files: LogFiles, count: int, repeats: int) -> "Source":
        """The facts of files that were read; `count` is their number."""
        return cls(count, files.lines, repeats, files.damaged, files.unreadable)


def page(sums: Sums, period: Period, source: Source, written: str) -> str:
    """The whole page. `written` is the time when it is made, in words."""
    total = sums.total
    title = "Downloads and uploads of images"
    body = [
        f"<header><h1>{title}</h1><p class='quiet'>{_covered(total, period)}</p></header><main>",
        _notice(source),
        _figures(total),
    ]
    if total.attempts:
        times = _by_time(sums)
        body += [_bytes_over_time(*times), _ends_over_time(total, *times), _receivers(sums)]
    else:
        body.append("<section><h2>No download in this time</h2></section>")
    body += [_meanings(), "</main>", _footer(source, written)]
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        # Nothing is loaded and no script is run, whatever a name in the page may hold.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def _covered(total: Sum, period: Period) -> str:
    """The time that the page is about."""
    if not total.first:
        return "Nothing was found."
    since = period.since if period.since > Period().since else total.first
    if period.until < Period().until:
        return escape(f"From {since[:16]} until {period.until[:16]} (UTC)")
    return escape(f"From {since[:16]} to {total.last[:16]} (UTC)")


def _notice(source: Source) -> str:
    """What is missing in the numbers."""
    missing = []
    if source.damaged:
        missing.append(f"{_counted(source.damaged, 'damaged line')} left out")
    if source.unreadable:
        missing.append(f"{_counted(source.unreadable, 'file')} not read, or not to the end")
    if not missing:
        return ""
    return f'<p class="notice">These numbers can be too low: {" and ".join(missing)}.</p>'


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'s' * (number != 1)}"


def _figures(total: Sum) -> str:
    figures = (
        ("Bytes sent", size(total.bytes_sent), f"{total.bytes_sent:,} bytes"),
        ("Downloads", f"{total.downloads:,}", f"of {total.attempts:,} asked for"),
        ("Cut or failed", percent(total.cut, total.attempts), f"{total.cut:,} downloads"),
        ("Refused", percent(total.refused, total.attempts), f"{total.refused:,} downloads"),
        ("Bytes uploaded", size(total.bytes_uploaded), f"in {_counted(total.uploads, 'upload')}"),
    )
    return (
        '<dl class="figures">'
        + "".join(
            f'<div><dt>{name}</dt><dd class="value number">{escape(value)}</dd>'
            f'<dd class="exact number">{exact}</dd></div>'
            for name, value, exact in figures
        )
        + "</dl>"
    )


def _by_time(sums: Sums) -> tuple[str, list[tuple[str, str, Sum]]]:
    """`day` or `month`, and for each of them, also without uses, a name, a label and the sum."""
    found = dict(sums.by_day())
    first, last = (date.fromisoformat(each) for each in (min(found), max(found)))
    if (last - first).days < _MOST_COLUMNS:
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return "day", [
            (f"{day}", f"{day:%b} {day.day}", found.get(f"{day}", Sum())) for day in days
        ]
    months: dict[str, Sum] = {}
    for day, each in found.items():
        months.setdefault(day[:7], Sum()).add_sum(each)
    return "month", [(month, month, each) for month, each in sorted(months.items())]


def _bytes_over_time(unit: str, times: Sequence[tuple[str, str, Sum]]) -> str:
    name, _, most = max(times, key=lambda item: item[2].bytes_sent)
    shown = [
        Column(name, label, (each.bytes_sent,), size(each.bytes_sent))
        for name, label, each in times
    ]
    title = f"Bytes sent per {unit}"
    said = f"The most on {name}: {size(most.bytes_sent)}."
    scale = bytes_scale(most.bytes_sent)
    rows = [(name, *_cells(each)) for name, _, each in times]
    return (
        f"<section><h2>{title}</h2><p class='quiet'>{said}</p>"
        + columns(
            f"{title}. {said} All numbers are in the table below.", shown, scale, ["complete"]
        )
        + table(f"Each {unit} as a table", (unit.capitalize(), *_NUMBERS), rows)
        + "</section>"
    )


def _ends_over_time(total: Sum, unit: str, times: Sequence[tuple[str, str, Sum]]) -> str:
    counts = (total.downloads, total.cut, total.refused)
    ended = [(kind, name, count) for (kind, name), count in zip(_ENDS, counts, strict=True)]
    shown = [
        Column(
            name,
            label,
            (each.cut / (each.attempts or 1), each.refused / (each.attempts or 1)),
            f"{percent(each.cut, each.attempts)} cut or failed, "
            f"{percent(each.refused, each.attempts)} refused",
        )
        for name, label, each in times
    ]
    title = f"Share that was cut or refused per {unit}"
    rows = [
        (
            name,
            f"{each.attempts:,}",
            percent(each.downloads, each.attempts),
            percent(each.cut, each.attempts),
            percent(each.refused, each.attempts),
        )
        for name, _, each in times
    ]
    head = (unit.capitalize(), "Asked for", *(name for _, name in _ENDS))
    return (
        "<section><h2>How downloads ended</h2>"
        + shares(ended)
        + f"<h3>{title}</h3>"
        + columns(
            f"{title}. All numbers are in the table below.",
            shown,
            percent_scale(max(sum(column.parts) for column in shown)),
            ["cut", "refused"],
        )
        + table("The shares as a table", head, rows)
        + "</section>"
    )


def _receivers(sums: Sums) -> str:
    total = sums.total
    found = sums.largest_first("receiver")
    top, others = found[:_TOP], found[_TOP:]
    items = [(_name(key), float(each.bytes_sent), _of(each, total)) for key, each in top]
    rest = Sum()
    for _, each in others:
        rest.add_sum(each)
    more = (f"{len(others):,} more", _of(rest, total)) if others else ()
    rows = [(_name(key), *_cells(each)) for key, each in found[:_MOST_ROWS]]
    caption = "Receivers as a table"
    if len(found) > _MOST_ROWS:
        caption = f"The {_MOST_ROWS} largest receivers as a table"
    return (
        "<section><h2>Top receivers</h2><p class='quiet'>Projects by the bytes that were sent to "
        "them.</p>"
        + ranks(items, more)
        + table(caption, ("Project", *_NUMBERS), rows, ("All", *_cells(total)))
        + "</section>"
    )


def _name(key: str | None) -> str:
    return "(no project)" if key is None else escaped_text(key)


def _of(part: Sum, total: Sum) -> str:
    return f"{size(part.bytes_sent)} · {percent(part.bytes_sent, total.bytes_sent)}"


def _cells(found: Sum) -> tuple[str, ...]:
    numbers = (
        found.downloads,
        found.cut,
        found.refused,
        found.bytes_sent,
        found.uploads,
        found.bytes_uploaded,
    )
    return tuple(f"{number:,}" for number in numbers)


def _meanings() -> str:
    meanings = {name: MEANINGS[name.lower()] for name in _NUMBERS}
    meanings["Project"] = GROUPS["receiver"].replace("`", "")
    return (
        '<section><h2>What the numbers are</h2><dl class="meanings">'
        + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in meanings.items())
        + "</dl></section>"
    )


def _footer(source: Source, written: str) -> str:
    read = (
        f"Written by glance-notify usage at {written}, from {_counted(source.lines, 'line')} of "
        f"{_counted(source.files, 'file')}. {_counted(source.repeats, 'repeat')} left out: each "
        "notification is counted once. A day is one in UTC."
    )
    return f"<footer><p>{escape(read)}</p></footer>"
