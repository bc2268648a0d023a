"""Pictures of quantities over time as inline SVG: lines on common axes, and strips of colour.

Lines suit what differs much between policies. Where they would cover one another, as overload
does, each policy has a strip of its own, the darker the worse.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

__all__ = ["Line", "Points", "Span", "lines", "strips"]

WIDTH: Final = 920
HEIGHT: Final = 228
LEFT: Final = 132
RIGHT: Final = 14
BOTTOM: Final = 31
TOP: Final = 8
ROW: Final = 22
CELLS: Final = 260
POINTS: Final = 700
DAY: Final = 86_400.0

Points = Sequence[tuple[float, float]]
"""Moments, seconds since the epoch, and values."""
Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Span:
    """What the horizontal axis shows."""

    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity of one policy."""

    name: str
    color: str
    points: Points
    bold: bool = False


def lines(title: str, unit: str, span: Span, drawn: Sequence[Line]) -> str:
    """Return a picture of lines; the bold ones are drawn last, on top."""
    most = max((value for line in drawn for _, value in line.points), default=0.0)
    ticks = _ticks(most)
    x, y = _scale(span.first, span.last, LEFT, WIDTH - RIGHT), _upwards(ticks[-1])
    parts = [_grid(ticks, y, unit), _days(span, x, HEIGHT)]
    for line in sorted(drawn, key=lambda each: each.bold):
        path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in _thinned(line.points))
        parts.append(
            f'<polyline data-policy="{escape(line.name)}" fill="none" stroke="{line.color}"'
            f' stroke-width="{2.6 if line.bold else 1.4}" stroke-linejoin="round"'
            f' points="{path}"><title>{escape(line.name)}</title></polyline>'
        )
    return _svg(title, HEIGHT, "".join(parts))


def strips(title: str, span: Span, drawn: Sequence[Line], worst: float, words: str) -> str:
    """Return a picture with a strip for each policy.

    Args:
        title: What is shown.
        span: The time it covers.
        drawn: A line for each strip, in order.
        worst: The value that is darkest.
        words: How a value is told, such as `{:.0%} of the people`.
    """
    x = _scale(span.first, span.last, LEFT, WIDTH - RIGHT)
    height = TOP + ROW * len(drawn) + BOTTOM
    parts = [_days(span, x, height)]
    for row, line in enumerate(drawn):
        top = TOP + ROW * row
        weight = ' font-weight="600"' if line.bold else ""
        parts.append(
            f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end"{weight}>{escape(line.name)}'
            f'</text><rect x="{LEFT}" y="{top}" width="{WIDTH - RIGHT - LEFT}"'
            f' height="{ROW - 5}" fill="#eef1f4"/>'
            f'<g data-policy="{escape(line.name)}">{_cells(line, span, x, top, worst, words)}</g>'
        )
    return _svg(title, height, "".join(parts))


def _cells(line: Line, span: Span, x: Scale, top: float, worst: float, words: str) -> str:
    """Return the coloured cells of a strip: of each stretch of time the worst value."""
    step = (span.last - span.first) / CELLS
    highest = [0.0] * CELLS
    for at, value in line.points:
        cell = min(CELLS - 1, max(0, int((at - span.first) / step)))
        highest[cell] = max(highest[cell], value)
    width = x(span.first + step) - x(span.first) + 0.3
    return "".join(
        f'<rect x="{x(span.first + n * step):.1f}" y="{top}" width="{width:.1f}"'
        f' height="{ROW - 5}" fill="#b3000c" fill-opacity="{_shade(value / worst):.2f}">'
        f"<title>{escape(line.name)}, {_moment(span.first + n * step)}:"
        f" {escape(words.format(value))}</title></rect>"
        for n, value in enumerate(highest)
        if value > 0
    )


def _shade(share: float) -> float:
    """Return how dark a cell is: even a little shows."""
    return 0.18 + 0.82 * min(1.0, share)


def _ticks(most: float) -> list[float]:
    """Return round values from 0 to at least the greatest, three to six of them."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= rough)
    return [n * step for n in range(math.ceil(most / step - 1e-9) + 1)]


def _grid(ticks: Sequence[float], y: Scale, unit: str) -> str:
    return "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"'
        f' stroke="#e3e6ea"/><text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">'
        f"{tick:,g}{f' {escape(unit)}' if tick == ticks[-1] else ''}</text>"
        for tick in ticks
    )


def _days(span: Span, x: Scale, height: float) -> str:
    """Return the times below, with a line at each midnight; UTC."""
    hours = next(
        (
            each
            for each in (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96)
            if (span.last - span.first) / 3600 / each <= 9
        ),
        168,
    )
    step, parts = hours * 3600, list[str]()
    at = math.ceil(span.first / step) * step
    while at <= span.last:
        midnight = at % DAY == 0
        anchor = "end" if x(at) > WIDTH - RIGHT - 30 else "middle"
        color = "#c3c9d0" if midnight else "#eceff2"
        parts.append(
            f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{height - BOTTOM}"'
            f' stroke="{color}"/><text x="{x(at):.1f}" y="{height - 7}"'
            f' text-anchor="{anchor}">{_moment(at)}</text>'
        )
        at += step
    return "".join(parts)


def _moment(at: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).strftime("%a %H:%M")


def _thinned(points: Points) -> Points:
    """Return fewer points: of each stretch the first, the lowest and the highest."""
    size = len(points) // POINTS
    if size < 2:
        return points
    kept: list[tuple[float, float]] = []
    for n in range(0, len(points), 3 * size):
        part = points[n : n + 3 * size]
        ends = {part[0], min(part, key=lambda each: each[1]), max(part, key=lambda each: each[1])}
        kept += sorted(ends)
    return [*kept, points[-1]]


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    return lambda value: start + (value - low) / max(1e-9, high - low) * (end - start)


def _upwards(most: float) -> Scale:
    return _scale(0.0, most, HEIGHT - BOTTOM, TOP)


def _svg(title: str, height: float, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" width="100%" role="img"'
        f' aria-label="{escape(title)}">{inside}</svg>'
    )
