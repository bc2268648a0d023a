"""The message channel of a participant: opened to say what it wants to see, as clients do.

A bridge sends no video before its client has asked for some. Everything the bridge says is
read and left at that: a synthetic camera sends whether anyone watches or not.
"""

from collections import Counter
from typing import Any, Final, cast

from aiortc import RTCDataChannel, RTCDataChannelParameters

from jitsiwire.bridge_channel import ReceiverVideoConstraints, VideoConstraints, build
from octoengine.dtls import Dtls
from octoengine.sctp import Association

__all__ = ["EVERYTHING", "Watching", "message_channel"]

LABEL: Final = "JVB data channel"
PROTOCOL: Final = "http://jitsi.org/protocols/colibri"
EVERYTHING: Final = ReceiverVideoConstraints(
    last_n=-1,
    selected_sources=(),
    on_stage_sources=(),
    default_constraints=VideoConstraints(max_height=720),
    constraints={},
)
"""Everyone's camera, as large as a tile of a small call may get."""


def message_channel(association: Association) -> RTCDataChannel:
    """Return a channel as Jitsi's client opens it, on an association that has begun."""
    parameters = RTCDataChannelParameters(label=LABEL, protocol=PROTOCOL)
    return RTCDataChannel(association, parameters)


class Watching:
    """One association with its channel; stop it before the connection is closed."""

    def __init__(self, connection: Dtls) -> None:
        self._association = Association(connection)
        self._channel: RTCDataChannel | None = None

    @property
    def dropped(self) -> Counter[str]:
        """What the bridge sent that couldn't be used, by reason."""
        return self._association.dropped

    async def begin(self) -> None:
        """Open the channel; the wish is said once the bridge has accepted it."""
        await self._association.begin()
        self._channel = message_channel(self._association)
        # The event emitter of aiortc is untyped.
        cast(Any, self._channel).on("open", self._say)

    async def stop(self) -> None:
        """End it."""
        await self._association.stop()

    def _say(self) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(build(EVERYTHING))
