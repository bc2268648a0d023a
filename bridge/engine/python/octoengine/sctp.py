"""An SCTP association through aiortc, kept within bounds: the one place that knows its inside.

aiortc trusts its peer: it raises on some input, loops on other, takes more than the window it
advertised, and keeps state for every stream and gap it hears of. Here an exception costs one
packet, dangerous ones are refused (`sctp_packets`), a peer that goes beyond the bounds loses the
association, and none gets more than a tenth of a core: packets beyond are dropped, as a network
would. Data channels are aiortc's own objects.

`tests/unit/transport/test_dtls_seams.py` fails when an aiortc release moves what is used here.
"""

import time
from collections import Counter
from typing import Any, Final, cast

from aiortc import RTCSctpCapabilities, RTCSctpTransport

from octoengine.dtls import Dtls, Role
from octoengine.sctp_packets import is_safe

__all__ = ["MAX_MESSAGE_BYTES", "PORT", "Association"]

PORT: Final = 5000
MAX_MESSAGE_BYTES: Final = 262_144
"""Both ways: what browsers announce and what Jitsi signals."""
WINDOW_BYTES: Final = 2 * MAX_MESSAGE_BYTES
MAX_STREAMS_HEARD: Final = 256
MAX_GAPS: Final = 512
"""Packets received out of order; a window full of them is fewer."""
MAX_FRAGMENTS: Final = 2_048
"""Of messages that aren't whole yet; the largest message is some 230 of a browser's."""
CPU_BURST_SECONDS: Final = 0.5
CPU_SHARE: Final = 0.1
MAX_CHANNELS: Final = 16
"""Open at once, those being closed again included."""


class Association(RTCSctpTransport):
    """One association over an established DTLS connection; stop it before that is closed."""

    def __init__(self, dtls: Dtls) -> None:
        super().__init__(cast(Any, Carrier(dtls)), port=PORT)
        self.dropped: Counter[str] = Counter()
        self._advertised_rwnd = WINDOW_BYTES
        self._is_given_up = False
        self._cpu_left = CPU_BURST_SECONDS
        self._worked_at = time.monotonic()

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
        if not is_safe(data):
            self.dropped["malformed"] += 1
            return
        if not self._may_work():
            self.dropped["too_much_work"] += 1
            return
        began = time.thread_time()
        try:
            await super()._handle_data(data)
        except Exception:
            # Asserts and decoding errors of aiortc on what a peer sent.
            self.dropped["malformed"] += 1
        self._cpu_left -= time.thread_time() - began
        if self._is_overfull():
            self._is_given_up = True
            self.dropped["overfull"] += 1
            await self.stop()
            self._inbound_streams.clear()
            self._sack_misordered.clear()

    def _may_work(self) -> bool:
        now = time.monotonic()
        earned = (now - self._worked_at) * CPU_SHARE
        self._cpu_left = min(self._cpu_left + earned, CPU_BURST_SECONDS)
        self._worked_at = now
        return self._cpu_left > 0

    def _is_overfull(self) -> bool:
        streams = self._inbound_streams
        return (
            self._advertised_rwnd < 0
            or len(streams) > MAX_STREAMS_HEARD
            or sum(len(stream.reassembly) for stream in streams.values()) > MAX_FRAGMENTS
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
