"""A page with pictures of runs: people, bridges, overload and cost of every policy, over time.

One file with everything in it: inline SVG, no script, no font, no address outside.
"""

from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from typing import Final

from octofleet.simulate import pictures
from octofleet.simulate.bridges import OVERLOAD
from octofleet.simulate.engine import Sample
from octofleet.simulate.pictures import Line, Points, Span
from octofleet.simulate.running import Run

__all__ = ["page"]

OURS: Final = "octofleet"
COLORS: Final = {
    OURS: "#0b6e4f",
    "jitsi-autoscaler": "#c1121f",
    "hpa-chart": "#e07a00",
    "hpa-75": "#7a4e00",
    "agones-buffer": "#7b3fb5",
    "static-peak": "#6c757d",
    "oracle": "#1d6fb8",
}
OTHER: Final = "#000"
BEYOND: Final = 0.4
"""A bridge that is so much above the threshold is shown darkest."""
STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;padding:0 1em;color:#1b1f24}
h1{margin-bottom:.2em}h2{margin:1.6em 0 .2em;border-bottom:2px solid #1b1f24}
h3{margin:1.4em 0 .1em}p{margin:.1em 0 .5em;color:#4a5158}
table{border-collapse:collapse;margin:1em 0;width:100%}
td,th{padding:.3em .6em;text-align:right;white-space:nowrap}th{font-weight:600;white-space:normal}
td:first-child,th:first-child{text-align:left}tr+tr td{border-top:1px solid #ddd}
.ours td{font-weight:600;background:#eef7f3}.bad{color:#c1121f;font-weight:600}
svg{display:block;margin:.2em 0 .6em}svg text{font:12px system-ui,sans-serif;fill:#444}
.legend{display:flex;flex-wrap:wrap;gap:.1em 1.2em;font-size:13px}.legend .ours{font-weight:600}
.swatch{display:inline-block;width:1.4em;height:.35em;margin:0 .4em .2em 0;border-radius:2px}
"""


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
        "<h1>Fleets on paper</h1><p>The same people under every policy. A bridge is overloaded"
        f" above a stress of {OVERLOAD}; times are UTC.</p>{''.join(parts)}</body></html>\n"
    )


def _workload(name: str, runs: list[Run]) -> str:
    runs = sorted(runs, key=lambda each: (each.figures.policy != OURS, each.figures.policy))
    head = f"<section><h2>{escape(name)}</h2>{_table(runs)}"
    drawn = [each for each in runs if each.samples]
    if not drawn:
        return f"{head}</section>"
    first = min(each.samples[0].at for each in drawn)
    span = Span(first, max(first + 1, *(each.samples[-1].at for each in drawn)))
    return f"{head}{_pictures(drawn, span)}</section>"


def _pictures(runs: list[Run], span: Span) -> str:
    legend = _legend(runs)
    people = [Line("people", "#1b1f24", _points(runs[0], lambda each: each.people), bold=True)]
    shares = _lines(runs, lambda run: _points(run, _overloaded_share))
    above = _lines(runs, lambda run: _points(run, lambda each: max(0.0, each.worst - OVERLOAD)))
    return "".join(
        (
            _titled("People", "In meetings, whatever the policy.", ""),
            pictures.lines("People", "people", span, people),
            _titled("Bridges", "Running, whether ready, starting or draining.", legend),
            pictures.lines(
                "Bridges", "bridges", span, _lines(runs, lambda run: _points(run, _bridges))
            ),
            _titled("Overload", "Share of all people who are on an overloaded bridge: red.", ""),
            pictures.strips("Overload", span, shares, 1.0, "{:.0%} of the people"),
            _titled("The busiest bridge", f"How far its stress is above {OVERLOAD}.", ""),
            pictures.strips("The busiest bridge", span, above, BEYOND, "{:.2f} above"),
            _titled("Cost", "Of bridges, since the beginning.", legend),
            pictures.lines("Cost", "", span, _lines(runs, _spent)),
        )
    )


def _titled(title: str, words: str, legend: str) -> str:
    return f"<h3>{escape(title)}</h3><p>{escape(words)}</p>{legend}"


def _legend(runs: list[Run]) -> str:
    entries = "".join(
        f'<span class="{_class(each)}">{_swatch(each)}{escape(each.figures.policy)}</span>'
        for each in runs
    )
    return f'<div class="legend">{entries}</div>'


def _table(runs: list[Run]) -> str:
    head = (
        "<tr><th>Policy<th>Overloaded participant-minutes<th>Refused<th>Moved<th>Dropped"
        "<th>Bridge-hours<th>Cost<th>Longest overload</tr>"
    )
    rows: list[str] = []
    for run in runs:
        each = run.figures
        dropped = f'<td class="bad">{each.dropped}' if each.dropped else "<td>0"
        rows.append(
            f'<tr class="{_class(run)}"><td>{_swatch(run)}'
            f"{escape(each.policy)}<td>{each.overloaded_minutes:,.0f}<td>{each.refused:,}"
            f"<td>{each.moved:,}{dropped}<td>{each.bridge_hours:,.0f}<td>{each.cost:,.0f}"
            f"<td>{each.recovery_seconds / 60:,.0f} min</tr>"
        )
    return f"<table>{head}{''.join(rows)}</table>"


def _lines(runs: list[Run], points: Callable[[Run], Points]) -> list[Line]:
    return [
        Line(name, COLORS.get(name, OTHER), points(each), bold=name == OURS)
        for each in runs
        if (name := each.figures.policy)
    ]


def _points(run: Run, value: Callable[[Sample], float]) -> Points:
    return [(each.at, value(each)) for each in run.samples]


def _bridges(sample: Sample) -> float:
    return sample.bridges


def _overloaded_share(sample: Sample) -> float:
    return sample.overloaded / sample.people if sample.people else 0.0


def _spent(run: Run) -> Points:
    """Return what was spent up to each moment."""
    price = run.figures.cost / max(1e-9, run.figures.bridge_hours)
    found, spent, before = list[tuple[float, float]](), 0.0, run.samples[0]
    for each in run.samples:
        spent += before.bridges * price * (each.at - before.at) / 3600
        found.append((each.at, spent))
        before = each
    return found


def _class(run: Run) -> str:
    return "ours" if run.figures.policy == OURS else "theirs"


def _swatch(run: Run) -> str:
    color = COLORS.get(run.figures.policy, OTHER)
    return f'<span class="swatch" style="background:{color}"></span>'
