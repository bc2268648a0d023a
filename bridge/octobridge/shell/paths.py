"""Which transport each remote address belongs to.

A check that comes from an address shows that its sender knows a password, not that it is there:
source addresses can be forged. So an address that is someone's already changes hands only when
our own check was answered from it (a NAT gave the port to somebody else), and nobody can take
another's away by a datagram in their name.
"""

from collections import defaultdict
from typing import Final, NamedTuple

__all__ = ["Path", "Paths"]

MAX_PATHS: Final = 64
"""Of one transport; the engine keeps fewer."""


class Path(NamedTuple):
    """Our socket and the peer's address."""

    socket: int
    address: str
    port: int


class Paths:
    """The table."""

    def __init__(self) -> None:
        self._owners: dict[Path, int] = {}
        self._of: defaultdict[int, dict[Path, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._owners)

    def claim(self, path: Path, transport: int, *, is_proved: bool) -> bool:
        """Give a path to a transport; False when it is another's and stays so."""
        owner = self._owners.get(path)
        if owner == transport:
            return True
        if owner is not None:
            if not is_proved:
                return False
            del self._of[owner][path]
        mine = self._of[transport]
        if len(mine) >= MAX_PATHS:
            oldest = next(iter(mine))
            del mine[oldest], self._owners[oldest]
        mine[path] = None
        self._owners[path] = transport
        return True

    def release(self, transport: int) -> None:
        """Forget a transport's paths."""
        for path in self._of.pop(transport, {}):
            del self._owners[path]
