"""What crosses the wire between bridges: RTP packets counted one by one, by who sent them whither.

The headers of SRTP are in the clear, so each packet is known by its SSRC and sequence number
wherever it passes. `Wire` reads a namespace's loopback, on which every process has an address of
its own; `judge` says what became of each packet that a person sent to their bridge.
"""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["Crossings", "Packet", "Wire", "judge", "read"]

ETH_P_IP: Final = 0x0800
SOL_PACKET: Final = 263
PACKET_STATISTICS: Final = 6
ARRIVED: Final = 0
"""Of a packet's kinds: on loopback each is seen twice, as it goes out and as it comes in."""
BUFFER_BYTES: Final = 64 * 1024 * 1024
HEADERS_BYTES: Final = 96
PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet on the wire."""

    source: str
    destination: str
    ssrc: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Crossings:
    """What became of the packets that people sent."""

    sent: int
    """Packets of people to their own bridges, each once."""
    due: int
    """Crossings there should be: each of them once to every other bridge."""
    made: int
    """Crossings there were."""
    missing: int
    """Pairs of packet and bridge that never met."""
    foreign: int
    """RTP between bridges on SSRCs nobody sends on: repairs and probes."""

    @property
    def copies_per_bridge(self) -> float:
        """How often a packet went to each other bridge."""
        return self.made / self.due if self.due else 0.0


def read(data: bytes) -> Packet | None:
    """Read an IPv4 packet's first bytes; None if it isn't UDP with RTP in it."""
    if len(data) < 20 or data[0] >> 4 != 4 or data[9] != socket.IPPROTO_UDP:
        return None
    rtp = data[(data[0] & 15) * 4 + 8 :]
    # RFC 7983: 128..191 is RTP or RTCP; RFC 5761 tells these two apart.
    if len(rtp) < 12 or not 128 <= rtp[0] <= 191 or 64 <= rtp[1] & 0x7F <= 95:
        return None
    sequence, _, ssrc = struct.unpack_from("!HII", rtp, 2)
    source, destination = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
    return Packet(source, destination, ssrc, sequence)


def judge(during: Iterable[Packet], after: Iterable[Packet], bridges: Collection[str]) -> Crossings:
    """Follow what people sent during a window over the bridges' links.

    Args:
        during: All packets of the window.
        after: Those of a short while after it, in which the last ones still cross.
        bridges: The bridges' addresses; any other is a person's.
    """
    window = list(during)
    home = {
        (p.ssrc, p.sequence): p.destination
        for p in window
        if p.source not in bridges and p.destination in bridges
    }
    streams = {ssrc for ssrc, _ in home}
    crossed = Counter[tuple[int, int, str]]()
    foreign = 0
    for packet in (*window, *after):
        if packet.source in bridges and packet.destination in bridges:
            crossed[packet.ssrc, packet.sequence, packet.destination] += 1
            foreign += packet.ssrc not in streams
    wanted = [
        (ssrc, sequence, bridge)
        for (ssrc, sequence), owner in home.items()
        for bridge in bridges
        if bridge != owner
    ]
    return Crossings(
        sent=len(home),
        due=len(wanted),
        made=sum(crossed[one] for one in wanted),
        missing=sum(one not in crossed for one in wanted),
        foreign=foreign,
    )


class Wire:
    """Collects the RTP of a namespace's loopback from `start` until `stop`, in a thread."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._socket.bind(("lo", ETH_P_IP))
        # Privileged, so that the usual limit doesn't apply: SO_RCVBUFFORCE, which has no name.
        self._socket.setsockopt(socket.SOL_SOCKET, 33, BUFFER_BYTES)
        self._socket.settimeout(PAUSE_SECONDS)
        self._packets: list[Packet] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self) -> list[Packet]:
        """Return what passed since the last look."""
        with self._lock:
            taken, self._packets = self._packets, []
        return taken

    def stop(self) -> int:
        """End it; return how many packets passed unread, because reading was too slow."""
        self._ended.set()
        self._thread.join()
        statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._socket.close()
        return int(struct.unpack("=II", statistics)[1])

    def _collect(self) -> None:
        while not self._ended.is_set():
            try:
                data, address = self._socket.recvfrom(HEADERS_BYTES)
            except TimeoutError:
                continue
            packet = read(data) if address[2] == ARRIVED else None
            if packet is not None:
                with self._lock:
                    self._packets.append(packet)
