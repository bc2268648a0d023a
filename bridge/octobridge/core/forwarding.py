"""What the engine accepts from whom: the plan of one conference, and the steps to the next one.

A plan maps each transport to the streams it sends, their grouping into pictures and what of them
is muted. `steps` is a pure difference of two plans, cheap when they differ in few transports, and
applying it to an engine that stands at `before` makes it stand at `after` (a property test does
just that). Who receives what is `listening`'s and `receiver`'s business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from octobridge.core.effects import AddSource, Effect, MuteSource, RemoveSource, SetEncodings
from octobridge.core.sources import EMPTY, Picture, Sources, Stream

__all__ = ["Party", "Plan", "steps"]


@dataclass(frozen=True, slots=True)
class Party:
    """One transport's part: what it sends, and what of that is muted."""

    sources: Sources = field(default=EMPTY)
    muted_audio: bool = False
    muted_video: bool = False
    owners: Mapping[int, int] = field(default_factory=dict[int, int])
    """Where one transport carries several people: whose each SSRC is."""

    def mutes(self, stream: Stream) -> bool:
        """Whether this stream of its own is force-muted."""
        return self.muted_audio if stream.media == "audio" else self.muted_video


Plan = Mapping[int, Party]
"""By transport."""

_NOBODY = Party()


def steps(before: Plan, after: Plan) -> list[Effect]:
    """Return what turns `before` into `after`: removals first.

    Transports that left the plan are the caller's to remove; the engine ends their streams with
    them, so no step mentions them.
    """
    changed = [t for t, party in after.items() if _differs(before.get(t), party)]
    effects: list[Effect] = []
    for transport in changed:
        effects.extend(_removals(transport, before.get(transport, _NOBODY), after[transport]))
    for transport in changed:
        effects.extend(_additions(transport, before.get(transport, _NOBODY), after[transport]))
    return effects


def _differs(old: Party | None, new: Party) -> bool:
    """Whether anything changed; most parties are the same object as before."""
    return old is not new and old != new


def _removals(transport: int, old: Party, new: Party) -> Iterator[Effect]:
    for ssrc, stream in old.sources.streams.items():
        if _replaced(stream, new.sources.streams.get(ssrc)) or _moved(ssrc, old, new):
            yield RemoveSource(transport, ssrc)


def _additions(transport: int, old: Party, new: Party) -> Iterator[Effect]:
    for ssrc, stream in new.sources.streams.items():
        known = old.sources.streams.get(ssrc)
        fresh = known is None or _replaced(known, stream) or _moved(ssrc, old, new)
        if fresh:
            yield AddSource(transport, ssrc, stream.kind, stream.repairs)
        was_muted = False if fresh or known is None else old.mutes(known)
        if was_muted != new.mutes(stream):
            yield MuteSource(transport, ssrc, new.mutes(stream))
    known_pictures = {picture.ssrc: picture for picture in old.sources.pictures}
    for picture in new.sources.pictures:
        if _regrouped(picture, known_pictures.get(picture.ssrc), old, new):
            yield SetEncodings(transport, picture.ssrcs)


def _replaced(old: Stream, new: Stream | None) -> bool:
    """Whether the engine's source must go: unknown now, or known as something else."""
    return new is None or (new.kind, new.repairs) != (old.kind, old.repairs)


def _moved(ssrc: int, old: Party, new: Party) -> bool:
    """Whether an SSRC is somebody else's now: what hung on it must end."""
    return old.owners.get(ssrc) != new.owners.get(ssrc)


def _regrouped(picture: Picture, before: Picture | None, old: Party, new: Party) -> bool:
    """Whether the engine must be told (again) which SSRCs are one picture.

    It forgets the grouping of a source that was removed, and takes a lone SSRC for a picture.
    """
    if before is None or before.ssrcs != picture.ssrcs:
        return len(picture.ssrcs) > 1 or before is not None
    fresh = (
        s not in old.sources.streams
        or _replaced(old.sources.streams[s], new.sources.streams[s])
        or _moved(s, old, new)
        for s in picture.ssrcs
    )
    return len(picture.ssrcs) > 1 and any(fresh)
