"""What the bridge's tests begin with: a registry with predictable names, and common requests."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from jitsiwire.colibri2 import (
    Candidate,
    Capability,
    Colibri2Error,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    Fingerprint,
    IceTransport,
    Media,
    MediaSource,
    PayloadType,
    Relay,
    Sctp,
    Source,
    SourceGroup,
    Transport,
)
from octobridge.core.colibri import Colibri, Outcome
from octobridge.core.effects import Effect
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.shutdown import Timing

MEETING = "0d1e"
HOST = Candidate(1, "1", 0, "c1", 0, "10.0.0.7", 10000, 2130706431, "udp", "host")
PUBLIC = Candidate(
    1, "2", 0, "c2", 0, "8.8.8.8", 10000, 1694498815, "udp", "srflx", "10.0.0.7", 10000
)
FINGERPRINT = Fingerprint("sha-256", "AA:BB")
MEDIA = (
    Media("audio", (PayloadType(111, "opus", 48000, 2),)),
    Media("video", (PayloadType(100, "VP8", 90000), PayloadType(96, "rtx", 90000))),
)
CAPABILITIES = (str(Capability.SOURCE_NAMES),)


def counting_entropy() -> Callable[[int], bytes]:
    """Bytes that differ at every call and repeat in every run."""
    calls = iter(range(1, 1_000_000))
    return lambda size: next(calls).to_bytes(4, "big")[-4:].rjust(size, b"\x01")[:size]


class OwnPorts:
    """Ports for single transports, so many of them."""

    def __init__(self, left: int = 1_000) -> None:
        self.left = left

    def open(self, transport: int) -> tuple[Candidate, ...]:
        """A candidate whose port tells the transport."""
        self.left -= 1
        return (replace(HOST, port=20_000 + transport),) if self.left >= 0 else ()


def registry(
    policy: Policy | None = None, timing: Timing | None = None, ports: OwnPorts | None = None
) -> Registry:
    """A bridge's state with two candidates and nobody on it."""
    return Registry(
        entropy=counting_entropy(),
        policy=policy,
        timing=timing,
        candidates=(HOST, PUBLIC),
        fingerprint=FINGERPRINT,
        ports=ports or OwnPorts(),
    )


def colibri(policy: Policy | None = None) -> Colibri:
    """A handler on a fresh registry."""
    return Colibri(registry(policy))


def new_endpoint(
    name: str,
    *,
    capabilities: Iterable[str] = CAPABILITIES,
    media: tuple[Media, ...] = MEDIA,
    sources: tuple[MediaSource, ...] | None = None,
    muc_role: str | None = None,
    sctp: Sctp | None = None,
) -> Endpoint:
    """What a focus asks for a new participant."""
    return Endpoint(
        name,
        create=True,
        stats_id=f"stats-{name}",
        muc_role=muc_role,
        media=media,
        transport=Transport(ice_controlling=True, sctp=sctp),
        sources=sources,
        capabilities=tuple(capabilities),
    )


def new_relay(
    name: str,
    *people: Endpoint,
    mesh: str | None = "0",
    opens: bool = False,
    media: tuple[Media, ...] = MEDIA,
    sctp: bool = True,
) -> Relay:
    """What a focus asks for to link another bridge; with `opens`, this one is the initiator."""
    return Relay(
        name,
        create=True,
        mesh_id=mesh,
        media=media,
        transport=Transport(
            ice_controlling=opens,
            use_unique_port=opens,
            sctp=Sctp(role="client" if opens else "server") if sctp else None,
        ),
        endpoints=people,
    )


def relayed(name: str, *sources: MediaSource) -> Endpoint:
    """Somebody on another bridge, as a focus announces him."""
    return Endpoint(
        name, create=True, stats_id=f"stats-{name}", sources=sources, capabilities=CAPABILITIES
    )


def create(*endpoints: Endpoint, meeting: str = MEETING) -> ConferenceModify:
    """A request that creates the conference."""
    return ConferenceModify(
        meeting, name="demo@muc.meet.jitsi", create=True, endpoints=tuple(endpoints)
    )


def modify(*endpoints: Endpoint, meeting: str = MEETING) -> ConferenceModify:
    """A request about an existing conference."""
    return ConferenceModify(meeting, endpoints=tuple(endpoints))


def joined(handler: Colibri, *names: str, now: float = 0.0) -> list[Effect]:
    """Create the conference and let people in, one request each; return all effects."""
    effects: list[Effect] = []
    for number, name in enumerate(names):
        endpoint = new_endpoint(name)
        request = create(endpoint) if number == 0 else modify(endpoint)
        outcome = handler.handle(request, now)
        assert isinstance(outcome.reply, ConferenceModified)
        effects += outcome.effects
    return effects


def audio(name: str, ssrc: int) -> MediaSource:
    """A microphone."""
    return MediaSource("audio", f"{name}-a0", (Source(ssrc, f"{name}-a0"),))


def camera(name: str, first: int, layers: int = 1) -> MediaSource:
    """A camera: `layers` encodings from SSRC `first`, each with retransmissions after them."""
    primary = tuple(range(first, first + layers))
    rtx = tuple(range(first + layers, first + 2 * layers))
    groups = tuple(SourceGroup("FID", pair) for pair in zip(primary, rtx, strict=True))
    if layers > 1:
        groups = (SourceGroup("SIM", primary), *groups)
    return MediaSource(
        "video", f"{name}-v0", tuple(Source(s, f"{name}-v0") for s in primary + rtx), groups
    )


def reply_of(outcome: Outcome) -> ConferenceModified:
    """The reply of a request that must have worked."""
    assert isinstance(outcome.reply, ConferenceModified), outcome.reply
    return outcome.reply


def reply_of_bridge(reply: ConferenceModified | Colibri2Error) -> ConferenceModified:
    """The reply of a bridge that must have done what it was asked."""
    assert isinstance(reply, ConferenceModified), reply
    return reply


def offered(ice: IceTransport) -> Transport:
    """The transport of a reply that offers this."""
    return Transport(ice=ice)
