"""STUN Binding messages, guarded: what aioice's codec doesn't promise is promised here.

`parse` is total: whatever comes off the wire is a message or None, never an exception. It
doesn't authenticate; whoever uses a message checks its integrity first. Built messages always
carry MESSAGE-INTEGRITY and FINGERPRINT.

Source: RFC 8489; the attributes of ICE are RFC 8445 §16.1.
"""

import hmac
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final, cast

from aioice import stun

__all__ = [
    "MAX_MESSAGE_BYTES",
    "Class",
    "Message",
    "binding_error",
    "binding_request",
    "binding_response",
    "is_stun",
    "parse",
    "username_fragment",
]

MAX_MESSAGE_BYTES: Final = 1500
"""Longer ones are not parsed: no honest ICE message comes near."""
Class = stun.Class

_HEADER: Final = struct.Struct("!HHI")
_ATTRIBUTE: Final = struct.Struct("!HH")
_INTEGRITY: Final = struct.Struct("!HH20s")
_CHECKSUM: Final = struct.Struct("!HHI")
_USERNAME: Final = 0x0006
_MESSAGE_INTEGRITY: Final = 0x0008
_FINGERPRINT: Final = 0x8028
_CHECKSUM_MASK: Final = 0x5354554E
_BINDING_REQUEST: Final = 0x0001


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed Binding message. Nothing in it is true until `is_signed_by` says so."""

    kind: stun.Class
    transaction_id: bytes
    attributes: dict[str, Any]
    raw: stun.Message

    def is_signed_by(self, password: str) -> bool:
        """Return whether MESSAGE-INTEGRITY is there and made with this password."""
        return self.raw.check_message_integrity(password.encode())

    @property
    def username(self) -> str:
        """USERNAME, or "" without one."""
        return cast(str, self.attributes.get("USERNAME", ""))

    @property
    def error_code(self) -> int | None:
        """ERROR-CODE's number."""
        return self.raw.error_code


def is_stun(data: bytes) -> bool:
    """Return whether a datagram's header is that of a STUN message (RFC 7983, cookie too)."""
    return (
        20 <= len(data) <= MAX_MESSAGE_BYTES
        and data[0] < 4
        and _HEADER.unpack_from(data)[2] == stun.COOKIE
    )


def parse(data: bytes) -> Message | None:
    """Return the Binding message in a datagram, None when there is none."""
    if not is_stun(data):
        return None
    try:
        raw = stun.parse_message(bytes(data))
    except Exception:
        return None
    if raw.message_method != stun.Method.BINDING:
        return None
    return Message(raw.message_class, raw.transaction_id, raw.attributes, raw)


def username_fragment(data: bytes) -> str | None:
    """Return the receiver's ufrag of a Binding request (its USERNAME up to the colon).

    Reads no more than it needs and checks nothing: it only says which agent to ask.
    """
    if not is_stun(data) or _HEADER.unpack_from(data)[0] != _BINDING_REQUEST:
        return None
    position = 20
    while position + 4 <= len(data):
        kind, length = _ATTRIBUTE.unpack_from(data, position)
        value = data[position + 4 : position + 4 + length]
        if kind == _USERNAME:
            return _first_part(value) if len(value) == length else None
        position += 4 + (length + 3 & ~3)
    return None


def _first_part(username: bytes) -> str | None:
    fragment, colon, _ = username.partition(b":")
    if not colon or not 4 <= len(fragment) <= 256 or not fragment.isascii():
        return None
    return fragment.decode("ascii")


def binding_request(
    transaction_id: bytes, username: str, password: str, attributes: dict[str, Any]
) -> bytes:
    """Return a signed Binding request; `attributes` are those beside USERNAME."""
    return _signed(
        stun.Class.REQUEST, transaction_id, {"USERNAME": username, **attributes}, password
    )


def binding_response(transaction_id: bytes, mapped: tuple[str, int], password: str) -> bytes:
    """Return a signed success response that tells the peer the address we saw."""
    return _signed(stun.Class.RESPONSE, transaction_id, {"XOR-MAPPED-ADDRESS": mapped}, password)


def binding_error(transaction_id: bytes, code: int, reason: str, password: str) -> bytes:
    """Return a signed error response."""
    return _signed(stun.Class.ERROR, transaction_id, {"ERROR-CODE": (code, reason)}, password)


def _signed(
    kind: stun.Class, transaction_id: bytes, attributes: dict[str, Any], password: str
) -> bytes:
    # aioice would write the whole message three times; this is a bridge's most frequent one.
    message = bytes(stun.Message(stun.Method.BINDING, kind, transaction_id, attributes))
    message = _lengthened(message, _INTEGRITY.size)
    digest = hmac.digest(password.encode(), message, "sha1")
    message = _lengthened(
        message + _INTEGRITY.pack(_MESSAGE_INTEGRITY, len(digest), digest), _CHECKSUM.size
    )
    checksum = zlib.crc32(message) ^ _CHECKSUM_MASK
    return message + _CHECKSUM.pack(_FINGERPRINT, 4, checksum)


def _lengthened(message: bytes, more: int) -> bytes:
    """Return the message with a header that tells of so many bytes behind it."""
    return message[:2] + (len(message) - 20 + more).to_bytes(2, "big") + message[4:]
