"""UDP sockets of their own for the transports that ask for them (`use-unique-port`).

Each gets one socket on every local address, on any free port or one of a range, until its
transport is gone. Static mappings that name no port are offered for them, too.
"""

from collections.abc import Sequence
from typing import Final

from jitsiwire.colibri2 import Candidate
from octobridge.core.candidates import LocalAddress, Mapping, PortRange, local_candidates
from octobridge.core.minting import Mint
from octobridge.shell.logs import logger
from octobridge.shell.media import MediaEngine, Socket

__all__ = ["UniquePorts"]

MAX_TRANSPORTS: Final = 1_000
_log = logger("ports")


class UniquePorts:
    """Opens and closes them; the core asks for candidates, `transports` for sockets.

    Args:
        media: Its shared sockets say which local addresses there are.
        mappings: The static ones.
        ports: Where to bind.
        mint: For the names of candidates.
    """

    def __init__(
        self, media: MediaEngine, mappings: Sequence[Mapping], ports: PortRange, mint: Mint
    ) -> None:
        self._media = media
        self._mappings = [mapping for mapping in mappings if mapping.port is None]
        self._ports = ports
        self._mint = mint
        self._next = ports.first
        self._sockets: dict[int, tuple[Socket, ...]] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self, transport: int) -> tuple[Candidate, ...]:
        """Open sockets for a transport; nothing when none can be had."""
        if len(self._sockets) >= MAX_TRANSPORTS:
            _log.warning("Too many transports with ports of their own")
            return ()
        sockets = [
            opened
            for shared in self._media.sockets
            if (opened := self._bind(shared.address.ip)) is not None
        ]
        if not sockets:
            _log.warning("No port of its own could be opened", transport=transport)
            return ()
        self._sockets[transport] = tuple(sockets)
        return local_candidates([s.address for s in sockets], self._mappings, self._mint)

    def sockets_of(self, transport: int) -> tuple[Socket, ...]:
        """Return a transport's sockets, the shared ones when it has none of its own."""
        return self._sockets.get(transport, self._media.sockets)

    def close(self, transport: int) -> None:
        """Close a transport's sockets, if it has any."""
        for socket in self._sockets.pop(transport, ()):
            self._media.unbind(socket.number)

    def _bind(self, address: str) -> Socket | None:
        """Try each port of the range once, going on where the last search ended."""
        for _ in range(len(self._ports)):
            port = self._next
            self._next = self._ports.first if port >= self._ports.last else port + 1
            try:
                number, actual = self._media.bind(address, port)
            except OSError:
                continue
            return Socket(number, LocalAddress(address, actual))
        return None
