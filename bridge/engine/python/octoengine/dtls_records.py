"""DTLS records in datagrams: split what came, pack what goes. Pure.

Source: RFC 6347 §4.1: type (1), version (2), epoch (2), sequence number (6), length (2), body.
"""

import struct
from typing import Final

__all__ = ["ALERT", "APPLICATION_DATA", "epoch", "is_dtls", "pack", "split"]

ALERT: Final = 21
APPLICATION_DATA: Final = 23
MAX_DATAGRAM_BYTES: Final = 1200
"""What we put into one datagram: passes every network that WebRTC works on."""

_HEADER_BYTES: Final = 13
_LENGTH: Final = struct.Struct("!H")
_TYPES: Final = range(20, 64)


def is_dtls(data: bytes) -> bool:
    """Return whether a datagram's first byte is of DTLS's range (RFC 7983)."""
    return len(data) >= _HEADER_BYTES and data[0] in _TYPES


def epoch(record: bytes) -> int:
    """Return the epoch of a whole record; in epoch 0 nothing is encrypted."""
    return int(_LENGTH.unpack_from(record, 3)[0])


def split(datagram: bytes) -> list[bytes]:
    """Return the whole records of a datagram; what follows the first malformed one is left out."""
    records: list[bytes] = []
    start = 0
    while len(datagram) - start >= _HEADER_BYTES and datagram[start] in _TYPES:
        (length,) = _LENGTH.unpack_from(datagram, start + 11)
        end = start + _HEADER_BYTES + length
        if end > len(datagram):
            break
        records.append(datagram[start:end])
        start = end
    return records


def pack(records: list[bytes]) -> list[bytes]:
    """Return datagrams that hold these records in order, no record cut."""
    datagrams: list[bytes] = []
    for record in records:
        if datagrams and len(datagrams[-1]) + len(record) <= MAX_DATAGRAM_BYTES:
            datagrams[-1] += record
        else:
            datagrams.append(record)
    return datagrams
