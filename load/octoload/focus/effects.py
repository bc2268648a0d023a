"""What the focus' core asks its shell to do, as plain data, in the order it must be done."""

from dataclasses import dataclass

from jitsiwire.colibri2 import ConferenceModify
from octoload.signalling import FocusMessage

__all__ = ["CheckHealth", "CloseConnection", "Effect", "SendRequest", "Tell"]


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to a participant, over this connection."""

    connection: int
    message: FocusMessage


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """End this connection, after what was said before."""

    connection: int


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Ask a bridge; its answer comes back as `Focus.replied(token, …)`."""

    token: int
    bridge: str
    request: ConferenceModify


@dataclass(frozen=True, slots=True)
class CheckHealth:
    """Ask a bridge whether it is well; the answer comes back as `Focus.health(bridge, …)`."""

    bridge: str


Effect = Tell | CloseConnection | SendRequest | CheckHealth
