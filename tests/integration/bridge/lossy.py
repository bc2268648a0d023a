"""A path between two bridges on loopback that loses media: a UDP forwarder with a socket each way.

One bridge is told the forwarder's address instead of the other's. ICE, DTLS and RTCP pass (lost
ones come again anyway, and the test is about media); of RTP every so-manyth packet is lost.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

LOCAL = "127.0.0.1"
RTCP = range(192, 224)
"""Packet types that aren't RTP's, by the second byte (RFC 5761 §4)."""


class LossyPath:
    """See the module; `far` is where what comes in goes to."""

    def __init__(self, far: tuple[str, int], every: int) -> None:
        self.far = far
        self.every = every
        self.lost = 0
        self.cut = False
        """Nothing passes at all."""
        self._media = 0
        self._near: tuple[str, int] | None = None
        self._inner: asyncio.DatagramTransport | None = None
        self._outer: asyncio.DatagramTransport | None = None

    async def open(self) -> int:
        """Open both sockets; return the port to tell."""
        loop = asyncio.get_running_loop()
        local = (LOCAL, 0)
        self._inner, _ = await loop.create_datagram_endpoint(lambda: _End(self._out), local)
        self._outer, _ = await loop.create_datagram_endpoint(lambda: _End(self._back), local)
        return cast(int, self._inner.get_extra_info("sockname")[1])

    def close(self) -> None:
        for end in (self._inner, self._outer):
            if end is not None:
                end.close()

    def _out(self, data: bytes, origin: tuple[str, int]) -> None:
        self._near = origin
        if self._outer is not None and not self._loses(data):
            self._outer.sendto(data, self.far)

    def _back(self, data: bytes, _origin: tuple[str, int]) -> None:
        if self._inner is not None and self._near is not None and not self._loses(data):
            self._inner.sendto(data, self._near)

    def _loses(self, data: bytes) -> bool:
        if self.cut:
            return True
        if len(data) < 2 or data[0] >> 6 != 2 or data[1] in RTCP:
            return False
        self._media += 1
        lost = self._media % self.every == 0
        self.lost += lost
        return lost


class _End(asyncio.DatagramProtocol):
    def __init__(self, took: Any) -> None:
        self.datagram_received = took


@asynccontextmanager
async def lossy(far: tuple[str, int], every: int) -> AsyncGenerator[tuple[LossyPath, int]]:
    """A path to `far` and the port that leads there."""
    path = LossyPath(far, every)
    try:
        yield path, await path.open()
    finally:
        path.close()
