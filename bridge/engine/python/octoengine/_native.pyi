"""The engine's boundary: commands in, events out, both in batches.

One `Engine` owns one native thread that never takes the GIL, and any number of UDP sockets.
It routes media between *transports* of *groups*; it knows nothing of XMPP, conferences or
endpoints. Commands are applied in order between two receive batches; events queue up behind
an eventfd that asyncio watches. No call into Python happens per packet.
"""

from collections.abc import Sequence
from typing import final

class Command:
    """One instruction to the engine; use its variants."""

    @final
    class AddTransport(Command):
        """Create transport `transport` in `group` (a conference).

        `mesh` is 0 for an endpoint; a relay carries its mesh's number (> 0), and media is never
        forwarded between two transports of the same mesh > 0. With `sink`, media received is
        counted per source instead of forwarded (synthetic participants).
        """

        def __init__(
            self, transport: int, group: int, mesh: int = 0, sink: bool = False
        ) -> None: ...

    @final
    class RemoveTransport(Command):
        """Forget a transport: its addresses, sources and downtracks; its keys are wiped."""

        def __init__(self, transport: int) -> None: ...

    @final
    class SetIce(Command):
        """Let the engine answer STUN Binding requests from bound addresses (consent, RFC 7675)."""

        def __init__(self, transport: int, local_ufrag: str, local_pwd: str) -> None: ...

    @final
    class BindAddress(Command):
        """Datagrams from `address:port` on `socket` belong to `transport` from now on."""

        def __init__(self, transport: int, socket: int, address: str, port: int) -> None: ...

    @final
    class SelectAddress(Command):
        """Send to this address, from this socket, from now on (binds it, too)."""

        def __init__(self, transport: int, socket: int, address: str, port: int) -> None: ...

    @final
    class SetKeys(Command):
        """Install SRTP master key + salt for both directions.

        `profile` is SRTP_AEAD_AES_128_GCM (16+12 bytes), SRTP_AEAD_AES_256_GCM (32+12) or
        SRTP_AES128_CM_SHA1_80 (16+14).
        """

        def __init__(self, transport: int, profile: str, receive: bytes, send: bytes) -> None: ...

    @final
    class AddSource(Command):
        """Accept RTP with this SSRC from `transport`; kind is "audio", "video" or "rtx"."""

        def __init__(self, transport: int, ssrc: int, kind: str) -> None: ...

    @final
    class RemoveSource(Command):
        """Stop accepting the source and drop every downtrack fed by it."""

        def __init__(self, transport: int, ssrc: int) -> None: ...

    @final
    class Subscribe(Command):
        """Forward `sender`'s source `ssrc` to `receiver`, as `out_ssrc` (0 keeps the SSRC).

        A receiver takes each `out_ssrc` from one source only. Sequence numbers are the source's,
        unless the receiver had this SSRC before with the same keys: then numbering goes on.
        PLI, FIR and NACK that `receiver` sends about `out_ssrc` are passed to `sender` with the
        source's own SSRC; the sender's SR is passed to `receiver`.
        """

        def __init__(self, receiver: int, sender: int, ssrc: int, out_ssrc: int = 0) -> None: ...

    @final
    class Unsubscribe(Command):
        def __init__(self, receiver: int, sender: int, ssrc: int) -> None: ...

    @final
    class SetMuted(Command):
        """Drop (and count) this source's packets while muted: force-mute."""

        def __init__(self, transport: int, ssrc: int, muted: bool) -> None: ...

    @final
    class SendDatagram(Command):
        """Send raw bytes (STUN) from `socket` to an address."""

        def __init__(self, socket: int, address: str, port: int, data: bytes) -> None: ...

    @final
    class SendData(Command):
        """Send raw bytes (a DTLS record) to the transport's selected address."""

        def __init__(self, transport: int, data: bytes) -> None: ...

    @final
    class SendRtcp(Command):
        """Protect one compound RTCP packet and send it to the transport."""

        def __init__(self, transport: int, data: bytes) -> None: ...

    @final
    class StartStream(Command):
        """Generate a paced synthetic RTP stream and send it through `transport`.

        kind "audio": Opus-shaped, `packets_per_second` packets of `payload_bytes`.
        kind "video": VP8-shaped with real payload descriptors (15-bit picture id, TL0PICIDX,
        TID, keyframe bit), `frames_per_second` frames cut into packets of at most `payload_bytes`
        so that the whole comes to `bitrate_bps`; a keyframe on PLI/FIR and every 10 s.
        Every payload carries its send time (CLOCK_MONOTONIC, ns), so sinks on the same
        machine measure delay. Lost packets NACKed are sent again from a 1 s buffer: as RTX
        (RFC 4588) on `rtx_ssrc`, or as they were when that is 0. `temporal_layers` 2 and 3 make
        the patterns 0-1 and 0-2-1-2; keyframes tell `width` and `height` (0: 1280x720).
        """

        def __init__(
            self,
            transport: int,
            ssrc: int,
            kind: str,
            payload_type: int,
            payload_bytes: int,
            packets_per_second: float = 50.0,
            frames_per_second: float = 0.0,
            bitrate_bps: int = 0,
            rtx_ssrc: int = 0,
            rtx_payload_type: int = 0,
            temporal_layers: int = 1,
            width: int = 0,
            height: int = 0,
        ) -> None: ...

    @final
    class StopStream(Command):
        def __init__(self, transport: int, ssrc: int) -> None: ...

class Event:
    """One thing the engine tells Python; use `match` on its variants."""

    @final
    class Stun(Event):
        """A STUN message from an unbound address, or one the engine doesn't answer by itself.

        Bound addresses: responses, error responses, and requests with USE-CANDIDATE from an
        address that isn't the selected one come here; other requests with a good
        MESSAGE-INTEGRITY are answered in the engine. Strangers get 1,000 a second and address and
        4,000 together, each transport's bound addresses 200; drops are counted.
        """

        __match_args__ = ("socket", "address", "port", "data")
        socket: int
        address: str
        port: int
        data: bytes

    @final
    class Dtls(Event):
        """A DTLS datagram (first byte 20..63) from a bound address."""

        __match_args__ = ("transport", "data")
        transport: int
        data: bytes

    @final
    class Rtcp(Event):
        """A decrypted compound RTCP packet that named no known source (for policy, bounded).

        Compounds of nothing but reports, descriptions and BYE never come here.
        """

        __match_args__ = ("transport", "data")
        transport: int
        data: bytes

    @final
    class SendFailed(Event):
        """The kernel refused a datagram to this transport (rate-limited to one a second)."""

        __match_args__ = ("transport", "errno")
        transport: int
        errno: int

@final
class TransportStats:
    """Counters of one transport since it was added; ages in milliseconds, -1 = never."""

    transport: int
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    packets_lost: int
    """Gaps in the sequence numbers received (cumulative, RFC 3550 §6.4.1), all sources."""
    remote_packets_lost: int
    """What its receiver reports say it lost of what we sent (cumulative)."""
    remote_fraction_lost: float
    rtt_ms: float
    """From LSR/DLSR of its receiver reports; -1 = unknown."""
    received_age_ms: int
    media_age_ms: int
    consent_age_ms: int
    """Since the peer's last authentic Binding request."""

@final
class SourceStats:
    """What one transport received from one SSRC (uplink source, or a sink's view)."""

    transport: int
    ssrc: int
    kind: str
    packets: int
    bytes: int
    lost: int
    duplicates: int
    reordered: int
    gap_ms: int
    """Longest time between two packets of this source, so far."""
    age_ms: int
    delay_ms_mean: float
    delay_ms_max: float
    keyframes: int

@final
class EngineStats:
    counters: dict[str, int]
    """packets_received, packets_sent, bytes_received, bytes_sent, datagrams_dropped_<reason>, …"""
    thread_cpu_ns: int
    """CPU time the engine's thread has used (CLOCK_THREAD_CPUTIME_ID)."""
    uptime_ns: int
    queue_fill: float
    """Fullest bounded queue, 0..1, highest since the last call."""

@final
class Engine:
    def __init__(self, event_capacity: int = 8192, gso: bool = True) -> None: ...
    def event_fd(self) -> int:
        """An eventfd, readable while events wait; the engine owns it."""

    def bind(self, address: str, port: int = 0) -> tuple[int, int]:
        """Open a UDP socket; return (socket id, port). Raises OSError (EADDRINUSE, …)."""

    def unbind(self, socket: int) -> None:
        """Close a socket, now; addresses bound through it are forgotten."""

    def submit(self, commands: Sequence[Command]) -> None:
        """Queue commands; they're applied in order between two receive batches.

        What is submitted before a datagram arrives holds for that datagram. Unknown transports
        and sources are ignored and counted; malformed values raise ValueError before anything is
        queued. RuntimeError when the engine is closed, or its thread has died.
        """

    def poll(self, limit: int = 1024) -> list[Event]:
        """Take up to `limit` waiting events and clear the eventfd when none are left."""

    def stats(self) -> EngineStats: ...
    def transport_stats(self, transports: Sequence[int] = ()) -> list[TransportStats]:
        """Counters of these transports (all when empty); unknown ones are left out."""

    def source_stats(self, transports: Sequence[int] = ()) -> list[SourceStats]: ...
    def close(self) -> None:
        """Stop the thread, close the sockets, wipe all keys. Idempotent."""

def sink_delays() -> list[tuple[float, int]]:
    """How long packets that carry their send time took to all sinks of this process.

    A histogram from the process' start: upper bounds in ms (each at most a quarter above the one
    before) and numbers of packets, ascending; buckets without any are left out.
    """
