"""A look at SCTP packets before aiortc takes them: what would stop it for good is refused. Pure.

aiortc 1.16 never comes back from a parameter of length 0, and counts through every number of a
gap that a SACK claims, as many as 65,535 for each of hundreds. Other malformed input it refuses
by itself, or it raises, which `octoengine.sctp` survives.

Source: RFC 9260 §3.2 (chunks), §3.2.1 (parameters), §3.3.4 (SACK).
"""

import struct
from collections.abc import Iterator
from typing import Final

__all__ = ["MAX_GAP_OFFSET", "is_safe"]

MAX_GAP_OFFSET: Final = 4_096
"""We never have so many chunks under way."""

_COMMON_HEADER: Final = 12
_CHUNK: Final = struct.Struct("!BBH")
_TWO_SHORTS: Final = struct.Struct("!HH")
_SACK: Final = 3
_PARAMETERS_AT: Final = {1: 16, 2: 16, 4: 0, 5: 0, 6: 0, 9: 0, 130: 0}
"""By chunk type: INIT, INIT ACK, HEARTBEAT (ACK), ABORT, ERROR, RE-CONFIG."""


def is_safe(packet: bytes) -> bool:
    """Return whether aiortc comes back from this packet soon."""
    for kind, body in _chunks(packet):
        start = _PARAMETERS_AT.get(kind)
        if start is not None and not _has_sound_parameters(body[start:]):
            return False
        if kind == _SACK and not _has_sound_gaps(body):
            return False
    return True


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each chunk, up to the first malformed one: aiortc stops there, too."""
    at = _COMMON_HEADER
    while at + _CHUNK.size <= len(packet):
        kind, _, length = _CHUNK.unpack_from(packet, at)
        if length < _CHUNK.size or at + length > len(packet):
            return
        yield kind, packet[at + _CHUNK.size : at + length]
        at += length + -length % 4


def _has_sound_parameters(body: bytes) -> bool:
    at = 0
    while at + 4 <= len(body):
        _, length = _TWO_SHORTS.unpack_from(body, at)
        if length < 4:
            return False
        at += length + -length % 4
    return True


def _has_sound_gaps(body: bytes) -> bool:
    if len(body) < 12:
        return True
    count, _ = _TWO_SHORTS.unpack_from(body, 8)
    if 12 + 4 * count > len(body):
        return False
    before = 0
    for number in range(count):
        first, last = _TWO_SHORTS.unpack_from(body, 12 + 4 * number)
        if not before < first <= last <= MAX_GAP_OFFSET:
            return False
        before = last
    return True
