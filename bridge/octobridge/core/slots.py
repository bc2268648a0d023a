"""The SSRCs one receiver is sent on, when the bridge rewrites them: a limited number of slots.

A client that rewrites SSRCs is told of a few streams only, however many sources there are. Each
source that is or may soon be sent to it takes a slot; when all are taken, the one whose source was
wanted least recently goes to the newcomer, and the stream on it continues with another picture.

Source: JVB SsrcCache.kt.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Key", "Moved", "Slot", "Slots"]

Key = tuple[int, int]
"""A source: its sender's transport and its (first) SSRC."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One outgoing stream; `rtx` 0 = without repair, `mid` "" = without a mid."""

    ssrc: int
    rtx: int = 0
    mid: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A source took a slot; `before` had it until now."""

    key: Key
    slot: Slot
    before: Key | None = None


class Slots:
    """Slots of one kind and who has them, the least recently wanted first.

    Args:
        capacity: How many there may be.
        make: Returns a new slot, given its number from 0.
    """

    def __init__(self, capacity: int, make: Callable[[int], Slot]) -> None:
        self.capacity = capacity
        self._make = make
        self._made = 0
        self._free: list[Slot] = []
        self._held: OrderedDict[Key, Slot] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def items(self) -> tuple[tuple[Key, Slot], ...]:
        """Every source with its slot."""
        return tuple(self._held.items())

    def find(self, key: Key) -> Slot | None:
        """Return the slot of a source, if it has one."""
        return self._held.get(key)

    def place(self, wanted: Sequence[Key]) -> list[Moved]:
        """Give each source a slot; those of `wanted` beyond the capacity get none."""
        wanted = wanted[: self.capacity]
        for key in wanted:
            if key in self._held:
                self._held.move_to_end(key)
        return [self._take(key) for key in wanted if key not in self._held]

    def release(self, key: Key) -> None:
        """Take the slot back from a source that is gone."""
        slot = self._held.pop(key, None)
        if slot is not None:
            self._free.append(slot)

    def _take(self, key: Key) -> Moved:
        before: Key | None = None
        if self._free:
            slot = self._free.pop()
        elif self._made < self.capacity:
            slot = self._make(self._made)
            self._made += 1
        else:
            before, slot = self._held.popitem(last=False)
        self._held[key] = slot
        return Moved(key, slot, before)
