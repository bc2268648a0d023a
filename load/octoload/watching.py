"""The message channel of a participant: opened to say what it wants to see, as clients do.

A bridge sends no video before its client has asked for some, and tells a client how much of its
camera anybody wants. What the bridge says is passed on as text.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, cast

from aiortc import RTCDataChannel, RTCDataChannelParameters

from jitsiwire.bridge_channel import (
    Message,
    ReceiverVideoConstraints,
    SenderSourceConstraints,
    VideoConstraints,
    build,
    parse,
)
from jitsiwire.errors import RemoteProtocolError
from octoengine.dtls import Dtls
from octoengine.sctp import Association

__all__ = ["EVERYTHING", "Watching", "limit_in", "message_channel"]

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


def limit_in(text: str) -> SenderSourceConstraints | None:
    """Return what a message says of how much anybody wants of a source, if that is what it says."""
    # Most are something else: people's own, which needn't be read for this.
    if SenderSourceConstraints.__name__ not in text:
        return None
    try:
        message = parse(text)
    except RemoteProtocolError:
        return None
    return message if isinstance(message, SenderSourceConstraints) else None


class Watching:
    """One association with its channel; stop it before the connection is closed.

    Args:
        connection: What it runs over.
        heard: Told of every text message of the bridge, unread.
    """

    def __init__(self, connection: Dtls, heard: Callable[[str], None]) -> None:
        self._association = Association(connection)
        self._channel: RTCDataChannel | None = None
        self._heard = heard

    @property
    def dropped(self) -> Counter[str]:
        """What the bridge sent that couldn't be used, by reason."""
        return self._association.dropped

    async def begin(self) -> None:
        """Open the channel; the wish is said once the bridge has accepted it."""
        await self._association.begin()
        self._channel = message_channel(self._association)
        # The event emitter of aiortc is untyped.
        channel = cast(Any, self._channel)
        channel.on("open", lambda: self.say(EVERYTHING))
        channel.on("message", self._hear)

    async def stop(self) -> None:
        """End it."""
        await self._association.stop()

    @property
    def is_open(self) -> bool:
        """Whether the channel is."""
        return self._channel is not None and self._channel.readyState == "open"

    def say(self, message: Message) -> None:
        """Send a message, if the channel is open."""
        if self._channel is not None and self.is_open:
            self._channel.send(build(message))

    def _hear(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self._heard(data)
