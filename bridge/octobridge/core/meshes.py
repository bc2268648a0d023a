"""Which way streams and messages go between bridges: never on within a mesh.

Bridges of one mesh are all linked to one another. What comes over a relay is for this bridge's own
people and for relays of other meshes; the bridges of the same mesh get it from where it began.

Source: JVB Conference.java (sendOut, sendMessageFromRelay), by mesh ids.
"""

from collections.abc import Iterator

__all__ = ["Meshes"]


class Meshes:
    """The relays of one conference by transport, with their meshes' numbers."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}
        self._numbers: dict[str | None, int] = {}

    def __contains__(self, transport: int) -> bool:
        return transport in self._of

    def __iter__(self) -> Iterator[int]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(set(self._of.values()))

    def number(self, mesh_id: str | None) -> int:
        """Return a mesh's number, from 1; relays that name none are in one mesh, too."""
        return self._numbers.setdefault(mesh_id, len(self._numbers) + 1)

    def add(self, transport: int, number: int) -> None:
        """Take in a relay."""
        self._of[transport] = number

    def remove(self, transport: int) -> None:
        """Let a relay go; harmless when it is gone."""
        self._of.pop(transport, None)

    def passes(self, origin: int, relay: int) -> bool:
        """Whether what comes from a transport goes on over a relay."""
        if origin == relay or relay not in self._of:
            return False
        return self._of.get(origin, 0) != self._of[relay]
