"""Whose each SSRC is: the one's who claimed it first.

Receivers may get SSRCs as they are, and relays always do, so a second stream on the same number
would tear both. A stream of somebody who came later is left out until the first one is gone.
"""

from collections.abc import Iterable

from octobridge.core.endpoint import Endpoint
from octobridge.core.forwarding import Party
from octobridge.core.relay import RelayedEndpoint
from octobridge.core.sources import EMPTY, Sources, Stream

__all__ = ["Ownership", "Person"]

Person = Endpoint | RelayedEndpoint
"""One participant, connected to this bridge or to another."""


class Ownership:
    """See the module; people are known by their numbers."""

    def __init__(self) -> None:
        self.conflicts = 0
        """SSRCs that are signalled by more than one."""
        self._owners: dict[int, int] = {}
        self._owned: dict[int, Sources] = {}

    def owner(self, ssrc: int) -> int | None:
        """Return whose SSRC it is."""
        return self._owners.get(ssrc)

    def of(self, person: Person) -> Sources:
        """Return what of somebody's sources is his own."""
        return self._owned.get(person.number, EMPTY)

    def claim(self, people: Iterable[Person]) -> bool:
        """Let these own all their SSRCs; False when that needs a look at everyone."""
        if self.conflicts:
            return False
        for person in people:
            mine = person.number
            if any(self._owners.setdefault(s, mine) != mine for s in person.sources.streams):
                return False
            self._owned[mine] = person.sources
        return True

    def release(self, person: Person) -> None:
        """Let somebody own nothing."""
        for ssrc in self._owned.pop(person.number, EMPTY).streams:
            if self._owners.get(ssrc) == person.number:
                del self._owners[ssrc]

    def share_out(self, people: Iterable[Person]) -> None:
        """Let everyone own what nobody owned before him."""
        self._owners = {}
        self._owned = {}
        self.conflicts = 0
        for person in sorted(people, key=lambda one: one.number):
            sources, mine = person.sources, person.number
            owners = self._owners
            stolen = frozenset(s for s in sources.streams if owners.setdefault(s, mine) != mine)
            self.conflicts += len(stolen)
            self._owned[mine] = sources.without(stolen)

    def party(self, people: Iterable[RelayedEndpoint]) -> Party:
        """Return what one relay carries, with whose it is."""
        streams: dict[int, Stream] = {}
        owners: dict[int, int] = {}
        together: list[Sources] = []
        for person in people:
            owned = self.of(person)
            together.append(owned)
            streams.update(owned.streams)
            owners.update(dict.fromkeys(owned.streams, person.number))
        pictures = tuple(picture for owned in together for picture in owned.pictures)
        voices = tuple(voice for owned in together for voice in owned.voices)
        return Party(Sources(streams, voices, pictures), owners=owners)
