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
        forwarded between two transports of the same mesh > 0 (`commands_refused_route` counts). A
        relay may have and ask for sixteen times what one person may. With `sink`, media received is
        counted per source instead of forwarded (synthetic participants). `rtcp_ssrc` is the
        sender SSRC of our RTCP to it; 0 = random.
        """

        def __init__(
            self,
            transport: int,
            group: int,
            mesh: int = 0,
            sink: bool = False,
            rtcp_ssrc: int = 0,
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
    class SetPayloadTypes(Command):
        """What this peer's payload type numbers mean: (number, upper-case codec, apt or -1).

        Replaces the list. The sender's says how to read what it sends, the receiver's which RTX
        payload type repairs a media payload type. Before it, payloads are passed unread.
        """

        def __init__(
            self, transport: int, payload_types: Sequence[tuple[int, str, int]]
        ) -> None: ...

    @final
    class SetExtensions(Command):
        """The header extensions negotiated with this peer: (id 1..255, URI). Replaces the list.

        Unknown URIs are left out. To a receiver only audio level and video orientation are passed
        on, under its own ids; abs-send-time, transport-cc and mid are written by the engine. What
        is subscribed to whole keeps its layers allocation and AV1 dependency descriptor as well.
        Before it, extensions are passed on as they came.
        """

        def __init__(self, transport: int, extensions: Sequence[tuple[int, str]]) -> None: ...

    @final
    class SetFeedback(Command):
        """Which RTCP feedback this peer negotiated.

        `transport_cc`: it is told when its packets arrive, what it gets is numbered (with
        SetExtensions), and its own feedback makes `Bandwidth` events. `remb` without it: REMB both
        ways. Before this command: a fixed REMB to it, and its REMB is believed.
        """

        def __init__(self, transport: int, transport_cc: bool, remb: bool, nack: bool) -> None: ...

    @final
    class AddSource(Command):
        """Accept RTP with this SSRC from `transport`; kind is "audio", "video", "rtx" or "fec".

        `repairs` is the SSRC that an RTX or FEC stream belongs to. RTX with it ends in the engine:
        what it repairs goes on as media; without, it is a source like any other. FEC can be
        subscribed to as it is; it fits its media only where that keeps its sequence numbers, so
        not under simulcast or temporal layers.
        """

        def __init__(self, transport: int, ssrc: int, kind: str, repairs: int = 0) -> None: ...

    @final
    class SetEncodings(Command):
        """These video sources are encodings of one picture, lowest first (at most eight).

        The first one's SSRC names the picture in `Subscribe`, `Unsubscribe` and `SetTarget`;
        subscriptions to the others end. A video source without it is a picture of its own.
        """

        def __init__(self, transport: int, ssrcs: Sequence[int]) -> None: ...

    @final
    class RemoveSource(Command):
        """Stop accepting the source and drop every downtrack fed by it."""

        def __init__(self, transport: int, ssrc: int) -> None: ...

    @final
    class Subscribe(Command):
        """Forward `sender`'s source or picture `ssrc` to `receiver`, as `out_ssrc` (0 keeps it).

        A receiver takes each outgoing SSRC from one source at a time. Video becomes one continuous
        stream, whichever encoding it comes from; it starts with a keyframe where the codec's are
        known. Repairs go out as RTX on `out_rtx_ssrc` when the receiver has an RTX payload type
        for it, else plain. `mid` (at most 16 bytes) is stamped on both where negotiated. The first
        packet keeps its sequence number; an `out_ssrc` used before goes on: sequence, timestamp,
        VP8's picture id and TL0PICIDX. PLI and FIR about `out_ssrc` go to the source's owner, the
        owner's SR to the receiver.

        `whole`, for relays: exactly this SSRC's packets, whichever picture it is an encoding of,
        with their own numbers, timestamps and payload, nothing chosen (no SetTarget) and nothing
        waited for. Sequence numbers change only after an interruption (packets dropped as silent
        or muted, new keys of the sender, Unsubscribe): they go on without a gap.
        """

        def __init__(
            self,
            receiver: int,
            sender: int,
            ssrc: int,
            out_ssrc: int = 0,
            out_rtx_ssrc: int = 0,
            mid: str = "",
            whole: bool = False,
        ) -> None: ...

    @final
    class SetTarget(Command):
        """Which encoding (-1 = send nothing) and highest layers (0..2) are wanted.

        Initially encoding 0 and all layers. The switch waits for a keyframe, which the engine asks
        for; meanwhile the current encoding goes on. When the wanted one isn't received, the nearest
        lower one is taken. A higher spatial layer waits for a keyframe, too; a lower one doesn't.
        """

        def __init__(
            self,
            receiver: int,
            sender: int,
            ssrc: int,
            encoding: int,
            temporal: int,
            spatial: int = 2,
        ) -> None: ...

    @final
    class RequestKeyframe(Command):
        """Ask the sender for a keyframe of this source, at most every 200 ms."""

        def __init__(self, transport: int, ssrc: int) -> None: ...

    @final
    class SetProbing(Command):
        """Send up to `bps` of padding on top of media; 0 stops."""

        def __init__(self, transport: int, bps: int) -> None: ...

    @final
    class Unsubscribe(Command):
        def __init__(self, receiver: int, sender: int, ssrc: int) -> None: ...

    @final
    class SetMuted(Command):
        """Drop (and count) this source's packets while muted: force-mute.

        Video goes on with a keyframe.
        """

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
        the patterns 0-1 and 0-2-1-2; keyframes tell `width` and `height` (0: 1280x720). Packets
        carry what SetExtensions named of audio level, abs-send-time and transport-cc; people speak
        two seconds in ten.
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
    class Bandwidth(Event):
        """What this transport's downlink is estimated to carry."""

        __match_args__ = ("transport", "bps", "loss", "rtt_ms")
        transport: int
        bps: int
        loss: float
        rtt_ms: float

    @final
    class AudioLevels(Event):
        """Levels since the last such event, at least 20 ms ago.

        (transport, SSRC, level 0 loud .. 127 silent, monotonic ms); without what was force-muted
        or dropped for silence.
        """

        __match_args__ = ("levels",)
        levels: list[tuple[int, int, int, int]]

    @final
    class EncodingActivity(Event):
        """Packets of a video SSRC began to come, or none came for 1.5 s."""

        __match_args__ = ("transport", "ssrc", "active")
        transport: int
        ssrc: int
        active: bool

    @final
    class Keyframe(Event):
        """A video SSRC's picture size, seen first or changed."""

        __match_args__ = ("transport", "ssrc", "width", "height")
        transport: int
        ssrc: int
        width: int
        height: int

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
    bandwidth_bps: int
    """Estimate of what its downlink carries; -1 = unknown."""
    padding_bytes: int
    retransmitted: int
    """Packets sent to it again."""
    nacks_received: int
    plis_received: int
    """PLI and FIR."""
    memory_bytes: int
    """What the engine holds for it, caches included."""

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
    bitrate_bps: int
    """Of the last second, like all rates here."""
    layer_bps: list[tuple[int, int, int]]
    """Of the temporal layers up to 0, up to 1, and all: a row for each spatial layer, which counts
    those below it. Most streams have one."""
    frames_per_second: float
    width: int
    """0 = unknown, like height."""
    height: int
    nacks_sent: int
    recovered: int
    """Packets that came as RTX."""
    frames: int
    """At a sink: pictures of VP8 that came whole."""
    frames_expected: int
    """At a sink: pictures that should have come, by their ids."""
    muted_dropped: int
    silent_dropped: int

@final
class DowntrackStats:
    """What one receiver (`transport`) gets of one source of `sender`."""

    transport: int
    out_ssrc: int
    sender: int
    ssrc: int
    target_encoding: int
    """-1 = none wanted."""
    target_spatial: int
    target_temporal: int
    encoding: int
    """-1 = nothing is being forwarded."""
    spatial: int
    temporal: int
    packets: int
    bytes: int
    bitrate_bps: int
    retransmitted: int
    keyframe_requests: int
    switches: int

@final
class EngineStats:
    counters: dict[str, int]
    """packets_received, packets_sent, bytes_received, bytes_sent, datagrams_dropped_<reason>, …"""
    thread_cpu_ns: int
    """CPU time the engine's thread has used (CLOCK_THREAD_CPUTIME_ID)."""
    uptime_ns: int
    queue_fill: float
    """Fullest bounded queue, 0..1, highest since the last call.

    A socket is full by bytes, or by time when media in it is dropped for having waited too long;
    of the latter, the highest of the last two seconds.
    """

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
    def downtrack_stats(self, transports: Sequence[int] = ()) -> list[DowntrackStats]:
        """Return what these receivers (all when empty) get."""

    def close(self) -> None:
        """Stop the thread, close the sockets, wipe all keys. Idempotent."""

def sink_delays() -> list[tuple[float, int]]:
    """How long packets that carry their send time took to all sinks of this process.

    A histogram from the process' start: upper bounds in ms (each at most a quarter above the one
    before) and numbers of packets, ascending; buckets without any are left out.
    """
