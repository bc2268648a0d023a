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
from octoload.streams import Wish

__all__ = ["EVERYTHING", "Watching", "constraints", "limit_in", "message_channel"]

LABEL: Final = "JVB data channel"
PROTOCOL: Final = "http://jitsi.org/protocols/colibri"
STAGE_HEIGHT: Final = 720


def message_channel(association: Association) -> RTCDataChannel:
    """Return a channel as Jitsi's client opens it, on an association that has begun."""
    parameters = RTCDataChannelParameters(label=LABEL, protocol=PROTOCOL)
    return RTCDataChannel(association, parameters)


def constraints(wish: Wish) -> ReceiverVideoConstraints:
    """Return a wish as a bridge is told it."""
    stage = () if wish.stage is None else (wish.stage,)
    return ReceiverVideoConstraints(
        last_n=wish.last_n,
        selected_sources=(),
        on_stage_sources=stage,
        default_constraints=VideoConstraints(max_height=wish.height),
        constraints=dict.fromkeys(stage, VideoConstraints(max_height=STAGE_HEIGHT)),
    )


EVERYTHING: Final = constraints(Wish())
"""All pictures, as large as a tile of a small call may get."""


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
        wish: What to ask for once the channel is open.
    """

    def __init__(
        self, connection: Dtls, heard: Callable[[str], None], wish: Wish | None = None
    ) -> None:
        self._association = Association(connection)
        self._channel: RTCDataChannel | None = None
        self._heard = heard
        self._wish = constraints(wish or Wish())

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
        channel.on("open", lambda: self.say(self._wish))
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
