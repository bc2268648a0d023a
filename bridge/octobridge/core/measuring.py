"""Hands what the engine measured of received sources to the conferences' adaptation."""

from collections.abc import Mapping, Sequence
from typing import Final

from octobridge.core.conference import Conference
from octobridge.core.effects import Effect
from octobridge.core.registry import Registry
from octobridge.core.slots import Key
from octobridge.core.traffic import SourceReading

__all__ = ["measure"]

SENDING_WITHIN_MS: Final = 5_000
"""A voice that sent within this keeps its place before silent ones."""


def measure(registry: Registry, readings: Mapping[int, Sequence[SourceReading]]) -> list[Effect]:
    """Take readings by transport; return what follows at once, the rest comes with `step`."""
    sending: dict[int, list[Key]] = {}
    conferences: dict[int, Conference] = {}
    for transport, sources in readings.items():
        found = registry.peer(transport)
        if found is None:
            continue
        conference = conferences[found[0].group] = found[0]
        voices = sending.setdefault(conference.group, [])
        for source in sources:
            if source.kind == "video":
                conference.adaptation.set_reading(
                    transport,
                    source.ssrc,
                    layer_bps=source.layer_bps,
                    height=min(source.width, source.height),
                )
            elif source.kind == "audio" and 0 <= source.age_ms <= SENDING_WITHIN_MS:
                voices.append((transport, source.ssrc))
    effects: list[Effect] = []
    for group, conference in conferences.items():
        effects += conference.adaptation.set_sending_voices(sending[group])
    return effects
