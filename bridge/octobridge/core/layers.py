"""The layers of one video source, from what the engine measures of its encodings.

An encoding is one SSRC. Its height comes from its keyframes; before the first one it is taken
for 180 doubled with each encoding, as the stock bridge does. Its bitrates come per temporal
layer; how many temporal layers there are shows in which of them carry anything. Frame rates are
nominal (30, halved with each layer left out), since measured ones waver around the thresholds
that the allocation compares them with.

Source: JVB's Vp8Packet.getScalabilityStructure (frame rates), MediaSourceFactory (heights).
"""

from dataclasses import dataclass, field
from typing import Final

from octobridge.core.allocation import Layer

__all__ = ["TEMPORAL_LAYERS", "Encoding", "layers_of"]

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
    temporal_bps: tuple[int, int, int] = field(default=(0, 0, 0))
    """Of temporal layers up to 0, 1, 2; all zero when nothing arrives."""

    settling: int = 0
    """Readings until the bitrate of an encoding that has just begun is a whole window's."""

    @property
    def bps(self) -> int:
        """All of it."""
        return self.temporal_bps[_ALL]

    def resize(self, height: int) -> bool:
        """Take a picture's height, 0 = unknown; return whether it is another one."""
        if height in (0, self.height):
            return False
        self.height = height
        return True

    def measure(self, temporal_bps: tuple[int, int, int]) -> bool:
        """Take bitrates; return whether it came or went, or is still far from steady.

        A steady encoding's rate wavers all the time; that is for the next periodic allocation.
        """
        before, now = self.bps, temporal_bps[_ALL]
        self.temporal_bps = temporal_bps
        if (now > 0) != (before > 0):
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
    height = encoding.height or BASE_HEIGHT << min(index, 8)
    if encoding.bps <= 0:
        return [
            Layer(index, temporal, height, TOP_FPS / (1 << (_ALL - temporal)), 0)
            for temporal in range(TEMPORAL_LAYERS)
        ]
    rates = encoding.temporal_bps
    # A temporal layer that adds nothing isn't there.
    present = [t for t in range(TEMPORAL_LAYERS) if rates[t] > (rates[t - 1] if t else 0)]
    if len(present) == 1:
        return [Layer(index, _ALL, height, -1.0, encoding.bps)]
    top = len(present) - 1
    return [
        Layer(
            index,
            _ALL if number == top else temporal,
            height,
            TOP_FPS / (1 << (top - number)),
            rates[temporal],
        )
        for number, temporal in enumerate(present)
    ]
