"""Errors of the wire: who broke the rules is the type.

ProtocolError
├─ LocalProtocolError    we did something illegal: a bug of ours
└─ RemoteProtocolError   the peer did: drop it and count it, never log it per packet
"""

__all__ = ["LocalProtocolError", "ProtocolError", "RemoteProtocolError"]


class ProtocolError(Exception):
    """Something on the wire breaks the protocol."""


class LocalProtocolError(ProtocolError):
    """We were about to send something illegal."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something illegal; the message names the element, the value and the rule."""
