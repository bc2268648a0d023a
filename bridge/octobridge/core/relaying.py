"""What is sent over relays: each stream once to every bridge that doesn't get it otherwise.

A relay gets all encodings of a picture as they come, under their own SSRCs: the bridge behind it
chooses for its own people. Only what is wanted there is sent at all, since senders are told what
is wanted anywhere (`demand`). The engine ends what hangs on a source that it removes.

Source: JVB Conference.java (sendOut), relay/RelayEndpointSender.kt.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from octobridge.core.effects import Effect, RemoveSource, Subscribe, Unsubscribe
from octobridge.core.forwarding import Party, Plan
from octobridge.core.meshes import Meshes

__all__ = ["Relaying", "Taker"]

Whole = Mapping[int, int]
"""Streams by SSRC, with the SSRC that repairs each (0 = none)."""
NOTHING: Final[Whole] = {}


@dataclass(frozen=True, slots=True)
class Taker:
    """A relay as far as it receives."""

    transport: int
    audio: bool = True
    video: bool = True
    repairs: bool = True
    """Whether it takes retransmissions on SSRCs of their own."""


class Relaying:
    """What the engine was told to send whole: streams by relay and sender."""

    def __init__(self, meshes: Meshes) -> None:
        self._meshes = meshes
        self._takers: dict[int, Taker] = {}
        self._sent: dict[int, dict[int, Whole]] = {}

    def take(self, taker: Taker, plan: Plan) -> list[Effect]:
        """Let a relay that is new, or takes something else now, get what there is."""
        if self._takers.get(taker.transport) == taker:
            return []
        self._takers[taker.transport] = taker
        self._sent.setdefault(taker.transport, {})
        return self._update(taker, plan, plan)

    def follow(self, plan: Plan, changed: Iterable[int], done: Iterable[Effect]) -> list[Effect]:
        """Follow senders that changed.

        Args:
            plan: What is sent now.
            changed: The transports concerned.
            done: What the engine was told for it; it ended what hung on removed sources.
        """
        if not self._takers:
            return []
        removed: dict[int, set[int]] = {}
        for effect in done:
            if isinstance(effect, RemoveSource):
                removed.setdefault(effect.transport, set()).add(effect.ssrc)
        senders = list(changed)
        effects: list[Effect] = []
        for taker in self._takers.values():
            sent = self._sent[taker.transport]
            for sender, ssrcs in removed.items():
                if sender in sent:
                    sent[sender] = {s: rtx for s, rtx in sent[sender].items() if s not in ssrcs}
            effects += self._update(taker, senders, plan)
        return effects

    def forget(self, transport: int) -> None:
        """Let a transport go that the engine has removed, whatever it was."""
        self._takers.pop(transport, None)
        self._sent.pop(transport, None)
        for sent in self._sent.values():
            sent.pop(transport, None)

    def streams(self, relay: int) -> int:
        """Return how many streams are sent over a relay."""
        return sum(len(whole) for whole in self._sent.get(relay, {}).values())

    def _update(self, taker: Taker, senders: Iterable[int], plan: Plan) -> list[Effect]:
        """Bring what a relay gets of some senders up to date."""
        effects: list[Effect] = []
        receiver, sent = taker.transport, self._sent[taker.transport]
        for sender in senders:
            passes = self._meshes.passes(sender, receiver)
            wanted = _whole(plan[sender], taker) if passes and sender in plan else NOTHING
            had = sent.get(sender, NOTHING)
            kept = {s for s, rtx in wanted.items() if had.get(s) == rtx}
            effects += (Unsubscribe(receiver, sender, s) for s in had if s not in kept)
            effects += (
                Subscribe(receiver, sender, s, out_rtx_ssrc=rtx, whole=True)
                for s, rtx in wanted.items()
                if s not in kept
            )
            sent[sender] = wanted
        return effects


def _whole(party: Party, taker: Taker) -> Whole:
    """Return the streams of a sender that a relay is to get.

    Those that repair others stay: RTX is each hop's own, and FEC covers headers that each hop
    writes anew, so that what is rebuilt from it would be garbage.
    """
    streams = party.sources.streams.values()
    repairs = {s.repairs: s.ssrc for s in streams if s.kind == "rtx"} if taker.repairs else {}
    return {
        s.ssrc: repairs.get(s.ssrc, 0)
        for s in streams
        if s.kind == s.media and (taker.audio if s.media == "audio" else taker.video)
    }
