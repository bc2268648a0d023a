"""Who gets what: the forwarding plan of one conference, and the steps from one to the next.

A plan maps each transport to what it sends and takes. Everyone gets every forwarded stream of
everyone else whose kind it takes. `steps` is a pure difference of two plans, cheap when they
differ in few transports, and applying it to an engine that stands at `before` makes it stand at
`after` (a property test does just that).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from octobridge.core.effects import (
    AddSource,
    Effect,
    MuteSource,
    RemoveSource,
    Subscribe,
    Unsubscribe,
)
from octobridge.core.sources import Stream

__all__ = ["Party", "Plan", "steps"]


@dataclass(frozen=True, slots=True)
class Party:
    """One transport's part: its streams by SSRC, what it takes, what of its own is muted."""

    streams: Mapping[int, Stream]
    takes_audio: bool
    takes_video: bool
    muted_audio: bool = False
    muted_video: bool = False

    def takes(self, stream: Stream) -> bool:
        """Whether this party wants to receive such a stream."""
        wanted = self.takes_audio if stream.media == "audio" else self.takes_video
        return wanted and stream.forwarded

    def mutes(self, stream: Stream) -> bool:
        """Whether this stream of its own is force-muted."""
        return self.muted_audio if stream.media == "audio" else self.muted_video


Plan = Mapping[int, Party]
"""By transport."""

_NOBODY = Party({}, takes_audio=False, takes_video=False)


def steps(before: Plan, after: Plan) -> list[Effect]:
    """Return what turns `before` into `after`: removals first, subscriptions last.

    Transports that left the plan are the caller's to remove; the engine ends their streams and
    subscriptions with them, so no step mentions them.
    """
    changed = [t for t, party in after.items() if before.get(t) != party]
    effects: list[Effect] = []
    for transport in changed:
        effects.extend(_own_removals(transport, before.get(transport, _NOBODY), after[transport]))
    effects.extend(_subscriptions(before, after, changed, wanted=False))
    for transport in changed:
        effects.extend(_own_additions(transport, before.get(transport, _NOBODY), after[transport]))
    effects.extend(_subscriptions(before, after, changed, wanted=True))
    return effects


def _own_removals(transport: int, old: Party, new: Party) -> Iterator[Effect]:
    for ssrc, stream in old.streams.items():
        if _replaced(stream, new.streams.get(ssrc)):
            yield RemoveSource(transport, ssrc)


def _own_additions(transport: int, old: Party, new: Party) -> Iterator[Effect]:
    for ssrc, stream in new.streams.items():
        known = old.streams.get(ssrc)
        fresh = known is None or _replaced(known, stream)
        if fresh:
            yield AddSource(transport, ssrc, stream.kind)
        was_muted = False if fresh or known is None else old.mutes(known)
        if was_muted != new.mutes(stream):
            yield MuteSource(transport, ssrc, new.mutes(stream))


def _replaced(old: Stream, new: Stream | None) -> bool:
    """Whether the engine's source must go: unknown now, or known as another kind."""
    return new is None or new.kind != old.kind


def _subscriptions(
    before: Plan, after: Plan, changed: list[int], *, wanted: bool
) -> Iterator[Effect]:
    """Yield the subscriptions that begin (`wanted`) or end between two staying transports."""
    touched = set(changed)
    for sender, sending in after.items():
        for receiver, receiving in after.items():
            if sender == receiver or (sender not in touched and receiver not in touched):
                continue
            old = _fed(before.get(receiver, _NOBODY), before.get(sender, _NOBODY))
            new = _fed(receiving, sending)
            if wanted:
                for ssrc in new:
                    if old.get(ssrc) != new[ssrc]:
                        yield Subscribe(receiver, sender, ssrc)
            else:
                for ssrc, kind in old.items():
                    # A removed or replaced source took its subscriptions along.
                    if ssrc not in new and _kind_of(sending, ssrc) == kind:
                        yield Unsubscribe(receiver, sender, ssrc)


def _kind_of(party: Party, ssrc: int) -> str | None:
    stream = party.streams.get(ssrc)
    return stream.kind if stream else None


def _fed(receiver: Party, sender: Party) -> dict[int, str]:
    """Return what `sender` feeds `receiver`: the kind by SSRC."""
    return {s.ssrc: s.kind for s in sender.streams.values() if receiver.takes(s)}
