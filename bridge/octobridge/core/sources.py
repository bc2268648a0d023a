"""From signalled media sources to the streams the bridge accepts and forwards.

An endpoint's `<sources>` names sources; each holds SSRCs, grouped: SIM lists one picture's
simulcast encodings (lowest first), FID pairs an SSRC with its retransmissions, FEC-FR with its
repair stream. A *stream* is one SSRC as the engine sees it.

In this version one encoding of a source is forwarded, the first of its SIM group, with its
retransmissions; the other encodings are accepted (they're counted) and go no further.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jitsiwire.colibri2 import MediaSource

__all__ = ["Stream", "streams_of"]

_KINDS: Final = ("audio", "video")


@dataclass(frozen=True, slots=True)
class Stream:
    """One SSRC: kind "audio", "video" or "rtx"; `media` is the kind of what it carries."""

    ssrc: int
    kind: str
    media: str
    forwarded: bool


def streams_of(sources: Iterable[MediaSource]) -> tuple[Stream, ...]:
    """Return the streams of one endpoint, each SSRC once (the first mention wins)."""
    streams: dict[int, Stream] = {}
    for source in sources:
        if source.type in _KINDS:
            for stream in _streams_of_one(source):
                streams.setdefault(stream.ssrc, stream)
    return tuple(streams.values())


def _streams_of_one(source: MediaSource) -> Iterable[Stream]:
    groups = [group for group in source.groups if len(group.ssrcs) >= 2]
    repaired = {g.ssrcs[1]: g.ssrcs[0] for g in groups if g.semantics.upper() == "FID"}
    repair = {g.ssrcs[1] for g in groups if g.semantics.upper() == "FEC-FR"}
    upper = {s for g in groups if g.semantics.upper() == "SIM" for s in g.ssrcs[1:]}
    for ssrc in dict.fromkeys(item.ssrc for item in source.sources):
        if ssrc in repair:
            continue
        primary = repaired.get(ssrc, ssrc)
        forwarded = primary not in upper and not source.synthetic
        kind = "rtx" if ssrc in repaired else source.type
        yield Stream(ssrc, kind, source.type, forwarded)
