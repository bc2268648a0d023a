"""A page with pictures of runs: people, bridges, the worst bridge and cost, over time.

One file with everything in it: inline SVG, no script, no font, no address outside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from typing import Final

from octofleet.simulate.bridges import OVERLOAD
from octofleet.simulate.engine import Sample
from octofleet.simulate.running import Run

__all__ = ["page"]

WIDTH: Final = 900
HEIGHT: Final = 190
LEFT: Final = 56
BOTTOM: Final = 22
TOP: Final = 10
POINTS: Final = 600
COLORS: Final = {
    "octofleet": "#0b6e4f",
    "jitsi-autoscaler": "#c1121f",
    "hpa-chart": "#e07a00",
    "hpa-75": "#8a5a00",
    "agones-buffer": "#6a4c93",
    "static-peak": "#6c757d",
    "oracle": "#1d6fb8",
}
STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#1b1f24}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .8em;text-align:right}
td:first-child,th:first-child{text-align:left}tr+tr td{border-top:1px solid #ddd}
th{font-weight:600}.ours td{font-weight:600}.bad{color:#c1121f}
svg{display:block;margin:.3em 0 1.4em}svg text{font:11px system-ui,sans-serif;fill:#555}
.swatch{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px}
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A quantity over time."""

    title: str
    value: Callable[[Sample], float]
    line: float | None = None
    """Where a level is marked."""


def page(runs: Sequence[Run]) -> str:
    """Return a page about some runs, workload by workload."""
    ordered = sorted(runs, key=lambda each: each.figures.workload)
    parts = [
        _workload(name, list(group))
        for name, group in groupby(ordered, key=lambda each: each.figures.workload)
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Octofleet simulation</title><style>{STYLE}</style></head><body>"
        f"<h1>Fleets on paper</h1>{''.join(parts)}</body></html>\n"
    )


def _workload(name: str, runs: list[Run]) -> str:
    price = [each.figures.cost / max(1e-9, each.figures.bridge_hours) for each in runs]
    pictures = (
        Picture("People", lambda sample: sample.people),
        Picture("Bridges", lambda sample: sample.bridges),
        Picture("Stress of the busiest bridge", lambda sample: sample.worst, OVERLOAD),
        Picture("People on overloaded bridges", lambda sample: sample.overloaded),
        Picture("Cost an hour", lambda sample: sample.bridges * max(price)),
    )
    drawn = "".join(_picture(each, runs) for each in pictures)
    return f"<section><h2>{escape(name)}</h2>{_table(runs)}{drawn}</section>"


def _table(runs: list[Run]) -> str:
    head = (
        "<tr><th>Policy<th>Overloaded participant-minutes<th>Refused<th>Moved<th>Dropped"
        "<th>Bridge-hours<th>Cost<th>Recovery</tr>"
    )
    rows: list[str] = []
    for run in sorted(runs, key=lambda each: each.figures.overloaded_minutes):
        each = run.figures
        dropped = f'<td class="bad">{each.dropped}' if each.dropped else "<td>0"
        rows.append(
            f'<tr class="{"ours" if each.policy == "octofleet" else "theirs"}">'
            f'<td><span class="swatch" style="background:{_color(each.policy)}"></span>'
            f"{escape(each.policy)}<td>{each.overloaded_minutes:,.0f}<td>{each.refused}"
            f"<td>{each.moved}{dropped}<td>{each.bridge_hours:,.0f}<td>{each.cost:,.0f}"
            f"<td>{each.recovery_seconds:,.0f} s</tr>"
        )
    return f"<table>{head}{''.join(rows)}</table>"


def _picture(picture: Picture, runs: list[Run]) -> str:
    series = [(each.figures.policy, _thinned(each.samples)) for each in runs if each.samples]
    if not series:
        return ""
    moments = [sample.at for _, samples in series for sample in samples]
    first, last = min(moments), max(max(moments), min(moments) + 1)
    values = [picture.value(sample) for _, samples in series for sample in samples]
    most = max(*values, (picture.line or 0) * 1.1, 1e-9)
    x = _scale(first, last, LEFT, WIDTH - 8)
    y = _scale(0.0, most, HEIGHT - BOTTOM, TOP)
    lines = "".join(
        f'<polyline fill="none" stroke="{_color(name)}" stroke-width="'
        f'{2.2 if name == "octofleet" else 1.1}" points="'
        + " ".join(f"{x(each.at):.1f},{y(picture.value(each)):.1f}" for each in samples)
        + f'"><title>{escape(name)}</title></polyline>'
        for name, samples in sorted(series, key=lambda each: each[0] == "octofleet")
    )
    level = "" if picture.line is None else _level(y(picture.line))
    return (
        f"<h3>{escape(picture.title)}</h3>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img"'
        f' aria-label="{escape(picture.title)}">'
        f"{_axes(first, last, most, x, y)}{level}{lines}</svg>"
    )


def _thinned(samples: tuple[Sample, ...]) -> list[Sample]:
    step = max(1, len(samples) // POINTS)
    return list(samples[::step])


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _level(y: float) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="#c1121f"'
        ' stroke-dasharray="4 4" stroke-width="1"/>'
    )


def _axes(
    first: float,
    last: float,
    most: float,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    parts: list[str] = []
    for share in (0.0, 0.5, 1.0):
        height = y(most * share)
        label = f"{most * share:,.2f}" if most < 10 else f"{most * share:,.0f}"
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{height:.1f}" y2="{height:.1f}"'
            f' stroke="#eee"/><text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">'
            f"{label}</text>"
        )
    for n in range(7):
        moment = first + (last - first) * n / 6
        text = datetime.fromtimestamp(moment, UTC).strftime("%a %H:%M")
        parts.append(
            f'<text x="{x(moment):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{text}</text>'
        )
    return "".join(parts)


def _color(policy: str) -> str:
    return COLORS.get(policy, "#000")
