"""What a plan may ask for: a closed union, carried out by the shell with one `match`.

Each action is idempotent and safe to repeat. Whoever adds one that stops, deletes or moves a
bridge answers here: who is on it?
"""

from dataclasses import dataclass

__all__ = [
    "Action",
    "CreateBridge",
    "DeleteBridge",
    "DrainBridge",
    "MoveConference",
    "ProveBridge",
    "ShutDownBridge",
    "TellAddress",
    "UndrainBridge",
]


@dataclass(frozen=True, slots=True)
class CreateBridge:
    """Create the bridge pod `name` (deterministic: a stale view yields 409, not a duplicate).

    `release` is the one to make it of, None the wanted one. One that has to be proven starts
    drained: nobody comes to it before.
    """

    name: str
    release: str | None = None
    prove: bool = False


@dataclass(frozen=True, slots=True)
class DrainBridge:
    """Ask the bridge to drain and note why and since when on its pod. Nobody is moved."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProveBridge:
    """Try a call on a bridge that nobody uses yet, and let it serve once that has worked."""

    name: str


@dataclass(frozen=True, slots=True)
class UndrainBridge:
    """Take a drain back: the bridge accepts new conferences again."""

    name: str


@dataclass(frozen=True, slots=True)
class MoveConference:
    """Have Jicofo move every participant of one conference off the bridge, or only so many.

    Without relays it must be every one: a part would land where it was.
    """

    bridge: str
    conference: str
    participants: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class ShutDownBridge:
    """Shut an empty, draining bridge down gracefully; whoever joined since is waited for."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteBridge:
    """Delete the pod of a bridge that is empty and stopped, or never carried anyone.

    `uid` is the incarnation that was judged: the delete carries it as a precondition.
    """

    name: str
    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class TellAddress:
    """Write on a bridge's pod, which waits for it, what holds for the node it landed on."""

    name: str
    origin: str
    advertise: str
    """Comma list of `ip` or `ip#port`; empty: what the bridge finds itself."""
    stun: bool


Action = (
    CreateBridge
    | ProveBridge
    | TellAddress
    | DrainBridge
    | UndrainBridge
    | MoveConference
    | ShutDownBridge
    | DeleteBridge
)
