"""From signalled media sources to the streams the bridge accepts and the pictures it forwards.

An endpoint's `<sources>` names sources; each holds SSRCs, grouped: SIM lists one picture's
simulcast encodings (lowest first), FID pairs an SSRC with its retransmissions, FEC-FR with its
repair stream. A *stream* is one SSRC as the engine sees it; a *picture* is a video source with
its encodings, of which each receiver gets one at a time; a *voice* is an audio source.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jitsiwire.bridge_channel import VideoType
from jitsiwire.colibri2 import MediaSource, SourceGroup

__all__ = ["EMPTY", "Picture", "Sources", "Stream", "Voice", "read_sources"]

_KINDS: Final = ("audio", "video")


@dataclass(frozen=True, slots=True)
class Stream:
    """One SSRC.

    `kind` is "audio", "video", "rtx" or "fec", `media` the kind of what it carries, `repairs` the
    SSRC that an rtx or fec stream belongs to (0 = none).
    """

    ssrc: int
    kind: str
    media: str
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class Voice:
    """An audio source, known by the one SSRC that carries it."""

    name: str
    ssrc: int
    synthetic: bool = False
    """Made by the bridge's own exporters: sent only to those who ask for it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A video source: its encodings, lowest first, and what it shows as signalled."""

    name: str
    ssrcs: tuple[int, ...]
    rtx: int = 0
    """Of the first encoding; 0 = no retransmissions."""
    video_type: VideoType = VideoType.CAMERA

    @property
    def ssrc(self) -> int:
        """The SSRC it is known by."""
        return self.ssrcs[0]


@dataclass(frozen=True, slots=True)
class Sources:
    """All of one endpoint; each SSRC belongs to the first source that mentions it."""

    streams: Mapping[int, Stream] = field(default_factory=dict[int, Stream])
    voices: tuple[Voice, ...] = ()
    pictures: tuple[Picture, ...] = ()

    def without(self, ssrcs: frozenset[int]) -> "Sources":
        """Return these sources less some SSRCs; a picture goes with its first encoding."""
        if not ssrcs:
            return self
        return Sources(
            {ssrc: s for ssrc, s in self.streams.items() if not {ssrc, s.repairs} & ssrcs},
            tuple(voice for voice in self.voices if voice.ssrc not in ssrcs),
            tuple(p for p in (_less(p, ssrcs) for p in self.pictures) if p is not None),
        )


EMPTY: Final = Sources()


def read_sources(signalled: Iterable[MediaSource]) -> Sources:
    """Return what one endpoint's sources come to."""
    streams: dict[int, Stream] = {}
    voices: list[Voice] = []
    pictures: list[Picture] = []
    for source in signalled:
        if source.type not in _KINDS:
            continue
        fresh = [stream for stream in _streams(source) if stream.ssrc not in streams]
        streams.update((stream.ssrc, stream) for stream in fresh)
        if source.type == "audio":
            voices += [Voice(source.id, ssrc, source.synthetic) for ssrc in _primary(fresh)[:1]]
        else:
            picture = _picture(source, fresh)
            # A name is one picture's: receivers ask for it by that.
            if picture is not None and all(p.name != picture.name for p in pictures):
                pictures.append(picture)
    return Sources(streams, tuple(voices), tuple(pictures))


def _groups(source: MediaSource, semantics: str) -> Iterator[SourceGroup]:
    return (g for g in source.groups if len(g.ssrcs) >= 2 and g.semantics.upper() == semantics)


def _streams(source: MediaSource) -> Iterator[Stream]:
    repairs = {g.ssrcs[1]: ("rtx", g.ssrcs[0]) for g in _groups(source, "FID")}
    repairs |= {g.ssrcs[1]: ("fec", g.ssrcs[0]) for g in _groups(source, "FEC-FR")}
    repairs = {ssrc: repair for ssrc, repair in repairs.items() if repair[1] != ssrc}
    for ssrc in dict.fromkeys(item.ssrc for item in source.sources):
        kind, repaired = repairs.get(ssrc, (source.type, 0))
        yield Stream(ssrc, kind, source.type, repaired)


def _primary(streams: Iterable[Stream]) -> list[int]:
    return [stream.ssrc for stream in streams if stream.kind in _KINDS]


def _picture(source: MediaSource, streams: Sequence[Stream]) -> Picture | None:
    """Return the picture: the first SIM group's encodings, else the first SSRC alone."""
    primary = _primary(streams)
    group = next(_groups(source, "SIM"), None)
    listed = group.ssrcs if group else primary[:1]
    ssrcs = tuple(ssrc for ssrc in dict.fromkeys(listed) if ssrc in primary)
    if not ssrcs:
        return None
    rtx = (s.ssrc for s in streams if s.kind == "rtx" and s.repairs == ssrcs[0])
    return Picture(source.id, ssrcs, next(rtx, 0), _video_type(source))


def _video_type(source: MediaSource) -> VideoType:
    for item in source.sources:
        if item.video_type:
            try:
                return VideoType(item.video_type.lower())
            except ValueError:
                break
    return VideoType.CAMERA


def _less(picture: Picture, ssrcs: frozenset[int]) -> Picture | None:
    if picture.ssrc in ssrcs:
        return None
    rtx = 0 if picture.rtx in ssrcs else picture.rtx
    kept = tuple(ssrc for ssrc in picture.ssrcs if ssrc not in ssrcs)
    return Picture(picture.name, kept, rtx, picture.video_type)
