"""How much one peer may send: token buckets, with time as an argument."""

from dataclasses import dataclass, field

__all__ = ["Bucket", "Inbox"]


@dataclass(slots=True)
class Bucket:
    """Lets `rate` a second through, and `burst` at once after a pause."""

    rate: float
    burst: float
    _left: float = field(init=False)
    _at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._left = self.burst

    def refill(self, now: float) -> None:
        """Put in what has come due."""
        if self._at is not None:
            self._left = min(self.burst, self._left + max(0.0, now - self._at) * self.rate)
        self._at = now

    def holds(self, amount: float) -> bool:
        """Whether so much may go now."""
        return self._left >= amount

    def take(self, amount: float) -> None:
        """Let it go."""
        self._left -= amount


@dataclass(slots=True)
class Inbox:
    """What one client may write into its channel, and have carried to others."""

    messages: Bucket
    characters: Bucket
    deliveries: Bucket
    """One a receiver: what is for a thousand people costs a thousand times."""

    def admits(self, size: int, now: float) -> bool:
        """Whether a message of that size is taken; one too many costs nothing."""
        self.messages.refill(now)
        self.characters.refill(now)
        if not (self.messages.holds(1) and self.characters.holds(size)):
            return False
        self.messages.take(1)
        self.characters.take(size)
        return True

    def delivers(self, receivers: int, now: float) -> bool:
        """Whether a message is carried to so many."""
        self.deliveries.refill(now)
        if not self.deliveries.holds(receivers):
            return False
        self.deliveries.take(receivers)
        return True
