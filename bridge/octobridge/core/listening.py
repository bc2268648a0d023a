"""Who hears whom: everybody everybody else, unless a client asked for less.

A client that keeps SSRCs apart itself gets every voice on its own SSRC: what it hears follows
from the voices there are and what it asked for, so nothing is kept of it, and a change costs one
step for each pair it concerns. A client whose SSRCs are rewritten gets up to 50 voices in slots:
all of them while they fit, else those that send, the latest speakers first. Slots are mapped when
a voice is announced, so that none of its first packets is lost.

Source: JVB AudioSsrcCache and its audio subscription (reference: bridge channel).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from jitsiwire.bridge_channel import (
    AudioSourceMapping,
    AudioSourcesMap,
    ReceiverAudioSubscription,
)
from octobridge.core.effects import Effect, Subscribe, Unsubscribe, say
from octobridge.core.slots import Key, Slot, Slots
from octobridge.core.sources import Voice

__all__ = ["Heard", "Listener", "Listening"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A voice of this conference."""

    voice: Voice
    owner: str
    """Endpoint id."""
    transport: int

    @property
    def key(self) -> Key:
        """What subscriptions name it by."""
        return self.transport, self.voice.ssrc


@dataclass(slots=True)
class Listener:
    """One who takes audio; `slots` only where SSRCs are rewritten."""

    transport: int
    slots: Slots | None = None
    subscription: ReceiverAudioSubscription | None = None

    def wants(self, heard: Heard) -> bool:
        """Whether it is to hear this voice; synthetic ones have to be asked for by name."""
        if heard.transport == self.transport:
            return False
        asked, voice = self.subscription, heard.voice
        if asked is None:
            return not voice.synthetic
        if voice.synthetic and voice.name not in (*asked.include, *asked.list):
            return False
        return asked.wants(voice.name)


class Listening:
    """The voices of a conference and those who hear them.

    Args:
        capacity: Slots of one listener.
        fresh_ssrc: Returns an SSRC that nobody uses.
    """

    def __init__(self, capacity: int, fresh_ssrc: Callable[[], int]) -> None:
        self._capacity = capacity
        self._fresh_ssrc = fresh_ssrc
        self._voices: dict[Key, Heard] = {}
        self._listeners: dict[int, Listener] = {}
        self._sending: set[Key] = set()
        self._order: list[Key] | None = None
        self._speech: Mapping[str, int] = {}

    # ---- what there is --------------------------------------------------------------------

    def change_voices(self, gone: Iterable[Key], new: Iterable[Heard]) -> list[Effect]:
        """Forget voices whose sources the engine has removed already, and connect new ones."""
        removed = [key for key in gone if self._voices.pop(key, None) is not None]
        added = [heard for heard in new if heard.key not in self._voices]
        if not removed and not added:
            return []
        self._voices.update((heard.key, heard) for heard in added)
        self._sending.difference_update(removed)
        self._order = None
        effects: list[Effect] = []
        for listener in self._listeners.values():
            if listener.slots is None:
                effects += (_subscribe(listener, h) for h in added if listener.wants(h))
                continue
            for key in removed:
                listener.slots.release(key)
            effects += self._fill(listener, listener.slots)
        return effects

    def add_listener(self, transport: int, mids: bool | None) -> list[Effect]:
        """Let one hear the others.

        Args:
            transport: Its transport.
            mids: None where SSRCs aren't rewritten; else whether slots have mids.
        """
        slots = None if mids is None else self._slots(mids)
        listener = self._listeners[transport] = Listener(transport, slots)
        return self._connect(listener)

    def remove_listener(self, transport: int, *, is_gone: bool) -> list[Effect]:
        """Let one hear nothing more; with `is_gone`, the engine knows already."""
        listener = self._listeners.pop(transport, None)
        if listener is None or is_gone:
            return []
        keys = [h.key for h in self._voices.values() if self._hears(listener, h)]
        return [Unsubscribe(transport, *key) for key in keys]

    def subscribe(self, transport: int, wish: ReceiverAudioSubscription) -> list[Effect]:
        """Let one hear what it asked for, instead of what it asked for before."""
        listener = self._listeners.get(transport)
        if listener is None:
            return []
        before = [h for h in self._voices.values() if self._hears(listener, h)]
        listener.subscription = wish
        unwanted = [heard.key for heard in before if not listener.wants(heard)]
        effects: list[Effect] = [Unsubscribe(transport, *key) for key in unwanted]
        if listener.slots is not None:
            for key in unwanted:
                listener.slots.release(key)
            return effects + self._fill(listener, listener.slots)
        had = {heard.key for heard in before}
        new = (h for h in self._voices.values() if h.key not in had and listener.wants(h))
        return [*effects, *(_subscribe(listener, heard) for heard in new)]

    # ---- who matters most where not all fit -----------------------------------------------

    def set_order(self, speech: Mapping[str, int]) -> list[Effect]:
        """Note the order of speech: an endpoint's place by its id."""
        self._speech = speech
        return self._reorder()

    def set_sending(self, sending: Iterable[Key]) -> list[Effect]:
        """Note which voices have lately sent."""
        now = {key for key in sending if key in self._voices}
        if now == self._sending:
            return []
        self._sending = now
        return self._reorder()

    def mappings(self, transport: int) -> AudioSourcesMap | None:
        """Return all slots of a listener; None when its SSRCs aren't rewritten."""
        listener = self._listeners.get(transport)
        if listener is None or listener.slots is None:
            return None
        return self._map(listener.slots.items())

    def _reorder(self) -> list[Effect]:
        if len(self._voices) <= self._capacity:
            return []
        self._order = None
        effects: list[Effect] = []
        for listener in self._listeners.values():
            if listener.slots is not None:
                effects += self._fill(listener, listener.slots)
        return effects

    def _ordered(self) -> list[Key]:
        if self._order is None:
            last = len(self._speech)
            self._order = sorted(
                self._voices,
                key=lambda key: (
                    key not in self._sending,
                    self._speech.get(self._voices[key].owner, last),
                ),
            )
        return self._order

    # ---- slots ----------------------------------------------------------------------------

    def _slots(self, mids: bool) -> Slots:
        def make(number: int) -> Slot:
            return Slot(self._fresh_ssrc(), 0, f"a{number}" if mids else "")

        return Slots(self._capacity, make)

    def _hears(self, listener: Listener, heard: Heard) -> bool:
        if listener.slots is not None:
            return listener.slots.find(heard.key) is not None
        return listener.wants(heard)

    def _connect(self, listener: Listener) -> list[Effect]:
        if listener.slots is not None:
            return self._fill(listener, listener.slots)
        wanted = (h for h in self._voices.values() if listener.wants(h))
        return [_subscribe(listener, heard) for heard in wanted]

    def _fill(self, listener: Listener, slots: Slots) -> list[Effect]:
        """Give slots to those who matter most to this listener."""
        wanted = list(islice(self._wanted(listener), self._capacity))
        moved = slots.place(wanted)
        effects: list[Effect] = []
        for move in moved:
            if move.before is not None:
                effects.append(Unsubscribe(listener.transport, *move.before))
        effects += (_subscribe(listener, self._voices[m.key], m.slot) for m in moved)
        if moved:
            told = self._map((move.key, move.slot) for move in moved)
            effects.append(say(listener.transport, told))
        return effects

    def _wanted(self, listener: Listener) -> Iterator[Key]:
        return (key for key in self._ordered() if listener.wants(self._voices[key]))

    def _map(self, held: Iterable[tuple[Key, Slot]]) -> AudioSourcesMap:
        return AudioSourcesMap(
            mapped_sources=tuple(
                AudioSourceMapping(
                    source=self._voices[key].voice.name,
                    owner=self._voices[key].owner,
                    ssrc=slot.ssrc,
                    mid=slot.mid or None,
                )
                for key, slot in held
            )
        )


def _subscribe(listener: Listener, heard: Heard, slot: Slot | None = None) -> Subscribe:
    if slot is None:
        return Subscribe(listener.transport, heard.transport, heard.voice.ssrc)
    return Subscribe(listener.transport, heard.transport, heard.voice.ssrc, slot.ssrc, mid=slot.mid)
