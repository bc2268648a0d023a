"""The message channel: SCTP over DTLS, the client opens one data channel, the bridge answers.

In this version the bridge answers ClientHello and counts everything else. aiortc's SCTP raises
on some hostile input; `octoengine.dtls` keeps that away from the DTLS connection.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, cast

from aiortc import RTCDataChannel, RTCSctpCapabilities, RTCSctpTransport

from octoengine.dtls import Dtls

__all__ = ["MAX_MESSAGE_BYTES", "PORT", "Channel", "answer"]

PORT: Final = 5000
MAX_MESSAGE_BYTES: Final = 262_144


class Channel:
    """The association and its one channel.

    Args:
        dtls: A connected DTLS association.
        on_open: Called when the client has opened the channel.
        on_message: Called for each message, with how many were sent in answer.
    """

    def __init__(
        self, dtls: Dtls, on_open: Callable[[], None], on_message: Callable[[int], None]
    ) -> None:
        self.rejected = 0
        self.kinds: Counter[str] = Counter()
        self._on_open = on_open
        self._on_message = on_message
        self._open: RTCDataChannel | None = None
        self._sctp = RTCSctpTransport(dtls.transport, port=PORT)
        # The event emitter of aiortc is untyped.
        cast(Any, self._sctp).on("datachannel", self._opened)

    async def start(self) -> None:
        """Begin the association; the peer may do so, too."""
        await self._sctp.start(RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE_BYTES), PORT)

    async def stop(self) -> None:
        """End it; needed before DTLS is closed."""
        await self._sctp.stop()

    def _opened(self, channel: RTCDataChannel) -> None:
        if self._open is not None:
            self.rejected += 1
            channel.close()
            return
        self._open = channel
        cast(Any, channel).on("message", self._message)
        self._on_open()

    def _message(self, message: str | bytes) -> None:
        reply = answer(message, self.kinds)
        if reply is not None and self._open is not None:
            self._open.send(reply)
        self._on_message(0 if reply is None else 1)


def answer(message: str | bytes, kinds: Counter[str]) -> str | None:
    """Return the reply to a message of the client, if it has one; count what it was."""
    if isinstance(message, bytes):
        kinds["binary"] += 1
        return None
    try:
        parsed: object = json.loads(message)
    except (ValueError, RecursionError):
        kinds["malformed"] += 1
        return None
    kind = cast(dict[str, object], parsed).get("colibriClass") if isinstance(parsed, dict) else None
    if kind == "ClientHello":
        kinds["ClientHello"] += 1
        return json.dumps({"colibriClass": "ServerHello"})
    kinds["other"] += 1
    return None
