"""An SCTP association through aiortc, kept within bounds: the one place that knows its inside.

aiortc trusts its peer: it raises on some input, takes more than the window it advertised, and
keeps state for every stream and gap it hears of. Here an exception costs one packet, and a peer
that goes beyond the bounds loses the association. Data channels are aiortc's own objects.

`tests/unit/transport/test_dtls_seams.py` fails when an aiortc release moves what is used here.
"""

from collections import Counter
from typing import Any, Final, cast

from aiortc import RTCSctpCapabilities, RTCSctpTransport

from octoengine.dtls import Dtls, Role

__all__ = ["MAX_MESSAGE_BYTES", "PORT", "Association"]

PORT: Final = 5000
MAX_MESSAGE_BYTES: Final = 262_144
"""Both ways: what browsers announce and what Jitsi signals."""
WINDOW_BYTES: Final = 2 * MAX_MESSAGE_BYTES
MAX_STREAMS_HEARD: Final = 256
MAX_GAPS: Final = 2_048
"""Packets received out of order; a window full of them is fewer than 500."""
MAX_CHANNELS: Final = 16
"""Open at once, those being closed again included."""


class Association(RTCSctpTransport):
    """One association over an established DTLS connection; stop it before that is closed."""

    def __init__(self, dtls: Dtls) -> None:
        super().__init__(cast(Any, Carrier(dtls)), port=PORT)
        self.dropped: Counter[str] = Counter()
        self._advertised_rwnd = WINDOW_BYTES
        self._is_given_up = False

    async def begin(self) -> None:
        """Say INIT; the peer may do so, too."""
        await self.start(RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE_BYTES), PORT)

    @property
    def waiting_messages(self) -> int:
        """Messages that were given to send and haven't begun to go out."""
        return len(self._data_channel_queue)

    async def _handle_data(self, data: bytes) -> None:
        if self._is_given_up:
            return
        try:
            await super()._handle_data(data)
        except Exception:
            # Asserts and decoding errors of aiortc on what a peer sent.
            self.dropped["malformed"] += 1
        if self._is_overfull():
            self._is_given_up = True
            self.dropped["overfull"] += 1
            await self.stop()
            self._inbound_streams.clear()
            self._sack_misordered.clear()

    def _is_overfull(self) -> bool:
        return (
            self._advertised_rwnd < 0
            or len(self._inbound_streams) > MAX_STREAMS_HEARD
            or len(self._sack_misordered) > MAX_GAPS
            or len(self._data_channels) > MAX_CHANNELS
        )


class Carrier:
    """A connection in the shape that aiortc's SCTP takes for a DTLS transport."""

    def __init__(self, dtls: Dtls) -> None:
        self._dtls = dtls
        self._receiver: Any = None

    @property
    def state(self) -> str:
        """As aiortc names them."""
        return self._dtls.state

    @property
    def _role(self) -> Role:
        return self._dtls.role

    def _register_data_receiver(self, receiver: Any) -> None:
        self._receiver = receiver
        self._dtls.inbox.set_taker(receiver._handle_data)

    def _unregister_data_receiver(self, receiver: Any) -> None:
        if self._receiver is receiver:
            self._receiver = None
            self._dtls.inbox.set_taker(None)

    async def _send_data(self, data: bytes) -> None:
        # SCTP's timers outlive the connection by a moment, and nobody awaits them.
        if self._dtls.state == "connected":
            await self._dtls.send_application_data(data)
        else:
            self._dtls.dropped["sent_when_closed"] += 1
