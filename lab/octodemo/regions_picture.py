"""What was measured between regions: a table for the terminal, a picture for the docs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from rich.table import Table

__all__ = ["Measured", "drawn"]

Pair = tuple[str, str]
BAR, GAP, LEFT, TOP, WIDE = 16, 6, 130, 60, 420
NEAR_COLOUR: Final = "#2a7f62"
FAR_COLOUR: Final = "#c2703d"


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of running the platform."""

    regions: tuple[str, ...]
    near: float
    """Share of people on a bridge of their own region."""
    delays: Mapping[Pair, float]
    """Milliseconds from somebody in one region to somebody in another, or in the same."""
    wan_mbps: float
    links: tuple[tuple[str, str, str], ...] = ()
    """Round trips as the operator tells them."""

    @property
    def local_ms(self) -> float:
        """From somebody to somebody else of the same region, the mean over the regions."""
        return sum(self.delays[one, one] for one in self.regions) / len(self.regions)

    def table(self) -> Table:
        """Return it for the terminal."""
        table = Table("from \\ to, ms", *self.regions)
        for origin in self.regions:
            told = (f"{self.delays[origin, target]:.0f}" for target in self.regions)
            table.add_row(origin, *told)
        table.caption = f"between regions: {self.wan_mbps:.2f} Mbit/s"
        return table


def drawn(octo: Measured, central: Measured) -> str:
    """Return an SVG: how long media takes from each region to each, both ways of running."""
    rows = [(a, b) for a in octo.regions for b in octo.regions]
    most = max(*octo.delays.values(), *central.delays.values(), 1.0)
    height = TOP + len(rows) * (2 * BAR + GAP) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="660" height="{height}" fill="white"/>',
        '<text x="12" y="22" font-size="15">From speaker to listener, milliseconds</text>',
        _legend(12, NEAR_COLOUR, "bridges and relays in every region"),
        _legend(300, FAR_COLOUR, "all bridges in one region"),
    ]
    for number, pair in enumerate(rows):
        y = TOP + number * (2 * BAR + GAP)
        name = f"{pair[0]} to {pair[1]}"
        parts.append(f'<text x="12" y="{y + BAR + 4}">{escape(name)}</text>')
        parts.append(_bar(y, octo.delays[pair], most, NEAR_COLOUR))
        parts.append(_bar(y + BAR, central.delays[pair], most, FAR_COLOUR))
    told = (
        f"Between regions: {octo.wan_mbps:.1f} Mbit/s with relays, "
        f"{central.wan_mbps:.1f} Mbit/s without."
    )
    parts += [f'<text x="12" y="{height - 22}">{told}</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def _legend(x: int, colour: str, text: str) -> str:
    mark = f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>'
    return f'{mark}<text x="{x + 18}" y="44">{text}</text>'


def _bar(y: int, value: float, most: float, colour: str) -> str:
    width = max(1.0, WIDE * value / most)
    return (
        f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>'
        f'<text x="{LEFT + width + 6:.1f}" y="{y + BAR - 5}">{value:.0f}</text>'
    )
