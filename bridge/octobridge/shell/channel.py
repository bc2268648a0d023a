"""The message channel: SCTP over DTLS, on which one of the two opens one data channel.

Clients open it; between bridges, the one that the focus tells to.

Carries texts both ways and knows nothing of what they say. Further channels are refused, binary
messages and overlong ones are dropped, and what a slow reader doesn't fetch is bounded: beyond
that, messages to it are dropped. All of it is counted.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from aiortc import RTCDataChannel, RTCDataChannelParameters

from octobridge.shell.logs import logger
from octoengine.dtls import Dtls
from octoengine.sctp import MAX_MESSAGE_BYTES, Association

__all__ = ["Channel", "ChannelEvents"]

LABEL: Final = "JVB data channel"
PROTOCOL: Final = "http://jitsi.org/protocols/colibri"
MAX_QUEUED_BYTES: Final = 2 * MAX_MESSAGE_BYTES
MAX_QUEUED_MESSAGES: Final = 1_000
_log = logger("channel")


@dataclass(frozen=True, slots=True)
class ChannelEvents:
    """Whom to tell; none of them may raise or block."""

    opened: Callable[[], None]
    closed: Callable[[], None]
    text: Callable[[str], None]


class Channel:
    """The association and its one channel; the peer may close it and open another.

    Args:
        dtls: A connected DTLS association.
        events: What to call.
        dropped: Counts messages and channels not used, by reason.
        transport: Named in the log.
        opens: Whether this side opens the channel.
    """

    def __init__(
        self,
        dtls: Dtls,
        events: ChannelEvents,
        dropped: Counter[str],
        transport: int = 0,
        *,
        opens: bool = False,
    ) -> None:
        self._events = events
        self._dropped = dropped
        self._transport = transport
        self._opens = opens
        self._open: RTCDataChannel | None = None
        self._told_of_drops = False
        self._association = Association(dtls)
        # The event emitter of aiortc is untyped.
        cast(Any, self._association).on("datachannel", self._offered)

    @property
    def is_open(self) -> bool:
        """Whether texts can be sent."""
        return self._open is not None and self._open.readyState == "open"

    async def start(self) -> None:
        """Begin the association; the peer may do so, too."""
        await self._association.begin()
        if self._opens:
            parameters = RTCDataChannelParameters(label=LABEL, protocol=PROTOCOL)
            mine = RTCDataChannel(self._association, parameters)
            self._take(mine)
            cast(Any, mine).on("open", self._opened)

    async def stop(self) -> None:
        """End it; needed before DTLS is closed."""
        await self._association.stop()
        self._dropped.update({f"sctp_{k}": n for k, n in self._association.dropped.items()})
        self._association.dropped.clear()

    def send(self, text: str) -> bool:
        """Send a text; False when it was dropped (and counted) instead."""
        channel = self._open
        if channel is None or channel.readyState != "open":
            return self._drop("channel_not_open")
        size = len(text.encode(errors="replace"))
        if size > MAX_MESSAGE_BYTES:
            return self._drop("message_too_long")
        if (
            channel.bufferedAmount + size > MAX_QUEUED_BYTES
            or self._association.waiting_messages >= MAX_QUEUED_MESSAGES
        ):
            return self._drop("message_queue_full")
        try:
            channel.send(text)
        except ValueError:
            # Half a surrogate pair isn't UTF-8.
            return self._drop("message_not_text")
        return True

    def _drop(self, reason: str) -> bool:
        self._dropped[reason] += 1
        if reason == "message_queue_full" and not self._told_of_drops:
            self._told_of_drops = True
            _log.warning("A peer doesn't fetch its messages", transport=self._transport)
        return False

    # ---- from aiortc ----------------------------------------------------------------------

    def _offered(self, channel: RTCDataChannel) -> None:
        if self._open is not None:
            self._dropped["channel_rejected"] += 1
            channel.close()
            return
        self._take(channel)
        self._events.opened()

    def _opened(self) -> None:
        """Our own channel was accepted."""
        self._events.opened()

    def _take(self, channel: RTCDataChannel) -> None:
        self._open = channel
        cast(Any, channel).on("message", self._received)
        cast(Any, channel).on("close", self._ended)

    def _received(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._dropped["message_binary"] += 1
        elif len(message) > MAX_MESSAGE_BYTES or len(message.encode()) > MAX_MESSAGE_BYTES:
            self._dropped["message_too_long"] += 1
        else:
            self._events.text(message)

    def _ended(self) -> None:
        self._open = None
        self._events.closed()
