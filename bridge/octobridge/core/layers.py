"""The layers of one video source, from what the engine measures of its encodings.

An encoding is one SSRC; VP9 may carry several spatial layers in it. Its height comes from its
keyframes; before the first one it is taken for 180 doubled with each encoding or spatial layer, as
the stock bridge does. A spatial layer is half as high as the next. Bitrates come per spatial and
temporal layer; how many temporal layers there are shows in which of them carry anything. Frame
rates are nominal (30, halved with each layer left out), since measured ones waver around the
thresholds that the allocation compares them with.

Source: JVB's Vp8Packet.getScalabilityStructure and Vp9Packet's (frame rates, heights),
MediaSourceFactory (heights).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from octobridge.core.allocation import Layer

__all__ = ["TEMPORAL_LAYERS", "Encoding", "Rates", "layers_of"]

Rates = tuple[int, int, int]
"""Bits a second of temporal layers up to 0, 1, 2."""

BASE_HEIGHT: Final = 180
TOP_FPS: Final = 30.0
TEMPORAL_LAYERS: Final = 3
SETTLING: Final = 4
STEADY: Final = 0.15
_ALL: Final = TEMPORAL_LAYERS - 1


@dataclass(slots=True)
class Encoding:
    """What is known of one encoding."""

    ssrc: int
    height: int = 0
    """0 = unknown."""
    layer_bps: tuple[Rates, ...] = ((0, 0, 0),)
    """A row for each spatial layer, with those below it; all zero when nothing arrives."""

    settling: int = 0
    """Readings until the bitrate of an encoding that has just begun is a whole window's."""

    @property
    def bps(self) -> int:
        """All of it."""
        return self.layer_bps[-1][_ALL]

    @property
    def spatial(self) -> tuple[int, ...]:
        """The spatial layers that carry anything, lowest first."""
        below = (0, *(row[_ALL] for row in self.layer_bps))
        return tuple(at for at, row in enumerate(self.layer_bps) if row[_ALL] > below[at])

    def resize(self, height: int) -> bool:
        """Take a picture's height, 0 = unknown; return whether it is another one."""
        if height in (0, self.height):
            return False
        self.height = height
        return True

    def measure(self, layer_bps: Sequence[Rates]) -> bool:
        """Take bitrates; return whether any of it came or went, or is still far from steady.

        A steady encoding's rate wavers all the time; that is for the next periodic allocation.
        """
        before, present = self.bps, self.spatial
        self.layer_bps = tuple(layer_bps)
        now = self.bps
        if self.spatial != present:
            self.settling = SETTLING if now > 0 else 0
            return True
        self.settling = max(0, self.settling - 1)
        return self.settling > 0 and abs(now - before) > before * STEADY


def layers_of(encodings: "list[Encoding]") -> tuple[Layer, ...]:
    """Return the source's layers, worst first."""
    return tuple(
        layer for index, encoding in enumerate(encodings) for layer in _layers(index, encoding)
    )


def _layers(index: int, encoding: Encoding) -> list[Layer]:
    rows = encoding.layer_bps
    top = len(rows) - 1
    height = encoding.height or BASE_HEIGHT << min(index + top, 8)
    if encoding.bps <= 0:
        return [
            Layer(index, temporal, height, TOP_FPS / (1 << (_ALL - temporal)), 0)
            for temporal in range(TEMPORAL_LAYERS)
        ]
    return [
        layer
        for spatial in encoding.spatial
        for layer in _temporal(
            index, rows[spatial], height >> (top - spatial), _ALL if spatial == top else spatial
        )
    ]


def _temporal(index: int, rates: Rates, height: int, spatial: int) -> list[Layer]:
    # A temporal layer that adds nothing isn't there.
    present = [t for t in range(TEMPORAL_LAYERS) if rates[t] > (rates[t - 1] if t else 0)]
    if len(present) == 1:
        return [Layer(index, _ALL, height, -1.0, rates[_ALL], spatial)]
    top = len(present) - 1
    return [
        Layer(
            index,
            _ALL if number == top else temporal,
            height,
            TOP_FPS / (1 << (top - number)),
            rates[temporal],
            spatial,
        )
        for number, temporal in enumerate(present)
    ]
