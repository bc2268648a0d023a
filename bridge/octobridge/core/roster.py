"""Who is in a conference, as far as adaptation goes: its members, their sources, its receivers.

`sync` follows what is signalled. It returns what the engine must do at once: voices are connected
here, pictures by the next allocations, for which receivers are made due.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from octobridge.core.constraints import ReceiverSettings
from octobridge.core.effects import Effect
from octobridge.core.listening import Heard, Listening
from octobridge.core.pictures import Pictures, Shown
from octobridge.core.receiver import Receiver
from octobridge.core.slots import Slot, Slots
from octobridge.core.sources import EMPTY, Picture, Sources

__all__ = ["Member", "Roster"]


@dataclass(frozen=True, slots=True)
class Member:
    """What adaptation needs to know of an endpoint."""

    id: str
    transport: int
    """Where its streams come from: its own, or its bridge's."""
    number: int = 0
    """What it is known by; 0 for one connected to this bridge, who goes by the transport."""
    sources: Sources = EMPTY
    takes_audio: bool = True
    takes_video: bool = True
    rewrites: bool = False
    """Whether its client is told which source is on which SSRC."""
    mids: bool = False
    repairs: bool = True
    """Whether it takes retransmissions; without them nothing can be probed."""
    last_n: int = -1
    """As signalled; its client may say something else later."""

    @property
    def is_relayed(self) -> bool:
        """Whether it is on another bridge, which serves it."""
        return self.number != 0

    @property
    def key(self) -> int:
        """What it is known by in a roster."""
        return self.number or self.transport


class Roster:
    """See the module.

    Args:
        slots: Streams of each kind for a client whose SSRCs are rewritten.
        initial: What a client wants before it said a word.
        fresh_ssrc: Returns an SSRC that nobody uses.
    """

    def __init__(
        self, slots: int, initial: ReceiverSettings, fresh_ssrc: Callable[[], int]
    ) -> None:
        self.members: dict[int, Member] = {}
        self.receivers: dict[int, Receiver] = {}
        self.ages: dict[int, None] = {}
        """Those that take video, the longest not allocated for first."""
        self.due: dict[int, None] = {}
        """Those to allocate for soon."""
        self.pictures = Pictures()
        self.listening = Listening(slots, fresh_ssrc)
        self._by_id: dict[str, int] = {}
        """Transports of those connected to this bridge."""
        self._names: dict[str, dict[int, frozenset[str]]] = {}
        """Video sources by endpoint id; somebody who moves is in two places for a moment."""
        self._freed: set[str] = set()
        self._slots = slots
        self._initial = initial
        self._fresh_ssrc = fresh_ssrc

    def transport_of(self, endpoint_id: str) -> int | None:
        """Return a member's transport."""
        return self._by_id.get(endpoint_id)

    def find(self, endpoint_id: str) -> Receiver | None:
        """Return a member as a receiver."""
        transport = self._by_id.get(endpoint_id)
        return None if transport is None else self.receivers[transport]

    def names_of(self, endpoint_id: str) -> Iterator[str]:
        """Yield the names of somebody's video sources, wherever he is."""
        return chain.from_iterable(self._names.get(endpoint_id, {}).values())

    def make_due(self, transports: Iterable[int]) -> None:
        """Have these allocated for soon."""
        self.due.update((t, None) for t in transports if t in self.ages)

    def make_all_due(self) -> None:
        """Have everyone allocated for soon."""
        self.due.update(self.ages)

    def sync(self, members: Mapping[int, Member]) -> list[Effect]:
        """Follow what is signalled; the engine knows of sources come and gone already."""
        gone = [member for k, member in self.members.items() if k not in members]
        known = self.members
        changed = [m for k, m in members.items() if known.get(k) is not m and known.get(k) != m]
        if not gone and not changed:
            return []
        before, self.members = self.members, dict(members)
        pairs = [(before.get(m.key), m) for m in changed]
        for member in gone:
            if not member.is_relayed:
                self.listening.remove_listener(member.transport, is_gone=True)
        effects = self._change_voices(gone, pairs)
        for member in gone:
            self._change_pictures(member, EMPTY)
            self._leave(member)
        for old, new in pairs:
            effects += self._change_pictures(old or replace(new, sources=EMPTY), new.sources)
            effects += self._follow(old, new)
        self._adopt()
        if len(before) < 2 <= len(members):
            # Alone, nobody was told that nobody watches.
            self.pictures.demanded.update(shown.picture.name for shown in self.pictures)
        return effects

    # ---- sources --------------------------------------------------------------------------

    def _change_voices(
        self, gone: Iterable[Member], changed: Iterable[tuple[Member | None, Member]]
    ) -> list[Effect]:
        had = [_heard(m) for m in gone] + [_heard(old) for old, _ in changed if old]
        have = [heard for _, new in changed for heard in _heard(new)]
        kept = {(heard.key, heard.owner) for heard in have}
        lost = [h.key for voices in had for h in voices if (h.key, h.owner) not in kept]
        return self.listening.change_voices(lost, have)

    def _change_pictures(self, member: Member, sources: Sources) -> list[Effect]:
        """Let a member's pictures become those of `sources`."""
        new = {(p.name, p.ssrc): p for p in sources.pictures}
        effects: list[Effect] = []
        changed = False
        for picture in member.sources.pictures:
            shown = self.pictures.find(picture.name)
            if shown is None or (shown.transport, shown.owner) != (member.transport, member.id):
                continue
            now = new.get((picture.name, picture.ssrc))
            if now is None:
                self._remove(shown)
            elif now != picture:
                effects += self._reshape(shown, now)
            changed |= now != picture
        for picture in sources.pictures:
            if self.pictures.find(picture.name) is None:
                self.pictures.add(picture, member.id, member.transport)
                changed = True
        if changed:
            self.make_all_due()
        return effects

    def _adopt(self) -> None:
        """Let pictures whose names were somebody else's until now be shown."""
        freed, self._freed = self._freed, set()
        if not freed:
            return
        for member in self.members.values():
            for picture in member.sources.pictures:
                if picture.name in freed and self.pictures.find(picture.name) is None:
                    self.pictures.add(picture, member.id, member.transport)

    def _remove(self, shown: Shown) -> None:
        self.pictures.remove(shown)
        self._freed.add(shown.picture.name)
        for receiver in self.receivers.values():
            receiver.forget(shown)

    def _reshape(self, shown: Shown, picture: Picture) -> list[Effect]:
        """Follow a picture that has other encodings now; other SSRCs need new subscriptions."""
        moved = picture.rtx != shown.picture.rtx
        self.pictures.reshape(shown, picture)
        if not moved:
            return []
        return [effect for r in self.receivers.values() for effect in r.renew(shown)]

    # ---- receivers ------------------------------------------------------------------------

    def _leave(self, member: Member) -> None:
        self._name(member.id, member.key, frozenset())
        self.pictures.forget_announced(member.id)
        if member.is_relayed:
            return
        transport = member.transport
        self.receivers.pop(transport).stop(self.pictures)
        self.ages.pop(transport, None)
        self.due.pop(transport, None)
        del self._by_id[member.id]

    def _follow(self, old: Member | None, new: Member) -> list[Effect]:
        """Let a member receive as it can now."""
        transport, effects = new.transport, list[Effect]()
        own = frozenset(picture.name for picture in new.sources.pictures)
        self._name(new.id, new.key, own)
        if new.is_relayed:
            return effects
        receiver = self.receivers.get(transport)
        if receiver is None:
            receiver = self._receiver(new)
            self.receivers[transport], self._by_id[new.id] = receiver, transport
        receiver.own = own
        receiver.trusts_estimates = new.repairs
        if new.last_n != (old.last_n if old else -1) and not receiver.settings.heard:
            # The first value only: once the client has spoken, what it says counts.
            receiver.settings = replace(receiver.settings, last_n=new.last_n)
        heard_before = old is not None and old.takes_audio
        if new.takes_audio and not heard_before:
            effects += self.listening.add_listener(transport, new.mids if new.rewrites else None)
        elif heard_before and not new.takes_audio:
            effects += self.listening.remove_listener(transport, is_gone=False)
        if new.takes_video:
            self.ages.setdefault(transport)
            self.due[transport] = None
        elif old is not None and old.takes_video:
            self.ages.pop(transport, None)
            self.due.pop(transport, None)
            effects += receiver.stop(self.pictures)
        return effects

    def _name(self, endpoint_id: str, key: int, names: frozenset[str]) -> None:
        """Note what somebody's video sources are called."""
        known = self._names.setdefault(endpoint_id, {})
        known.pop(key, None)
        if names:
            known[key] = names
        elif not known:
            del self._names[endpoint_id]

    def _receiver(self, member: Member) -> Receiver:
        def make(number: int) -> Slot:
            mid = f"v{number}" if member.mids else ""
            return Slot(self._fresh_ssrc(), self._fresh_ssrc(), mid)

        slots = Slots(self._slots, make) if member.rewrites else None
        return Receiver(member.transport, frozenset(), slots, member.repairs, self._initial)


def _heard(member: Member) -> list[Heard]:
    return [Heard(voice, member.id, member.transport) for voice in member.sources.voices]
