"""The Colibri2 requests the focus makes, in the shapes the real Jicofo was recorded to make."""

from collections.abc import Iterable
from functools import cache

from jitsiwire.colibri2 import (
    Candidate,
    Capability,
    ConferenceModify,
    Endpoint,
    Fingerprint,
    HeaderExtension,
    IceTransport,
    Media,
    MediaSource,
    PayloadType,
    RtcpFeedback,
    Sctp,
    Transport,
)
from octoload import signalling
from octoload.focus import sources

__all__ = [
    "MEDIA",
    "allocation",
    "answer",
    "candidates",
    "capabilities",
    "described_media",
    "expire_conference",
    "expire_endpoints",
    "feedback",
    "ice_restart",
    "publication",
]

_FEEDBACK = (
    RtcpFeedback("ccm", "fir"),
    RtcpFeedback("nack"),
    RtcpFeedback("nack", "pli"),
    RtcpFeedback("transport-cc"),
)
_TRANSPORT_CC = HeaderExtension(
    5, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)
_MID = HeaderExtension(10, "urn:ietf:params:rtp-hdrext:sdes:mid")
_H264_PARAMETERS = (("profile-level-id", "42e01f;level-asymmetry-allowed=1;packetization-mode=1;"),)


def _video(number: int, name: str, parameters: tuple[tuple[str, str], ...] = ()) -> PayloadType:
    return PayloadType(number, name, 90000, parameters=parameters, feedback=_FEEDBACK)


def _rtx(number: int, of: int, feedback: tuple[RtcpFeedback, ...] = _FEEDBACK[:3]) -> PayloadType:
    return PayloadType(number, "rtx", 90000, parameters=(("apt", str(of)),), feedback=feedback)


MEDIA = (
    Media(
        "audio",
        (
            PayloadType(
                111,
                "opus",
                48000,
                2,
                (("minptime", "10"), ("useinbandfec", "1")),
                (RtcpFeedback("transport-cc"),),
            ),
            PayloadType(126, "telephone-event", 8000),
        ),
        (
            HeaderExtension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
            _MID,
            _TRANSPORT_CC,
        ),
        extmap_allow_mixed=True,
    ),
    Media(
        "video",
        (
            _video(41, "AV1"),
            _video(100, "VP8"),
            _video(107, "H264", _H264_PARAMETERS),
            _video(101, "VP9"),
            _rtx(42, 41),
            _rtx(96, 100),
            _rtx(97, 101),
            _rtx(99, 107, ()),
        ),
        (
            HeaderExtension(
                11,
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
            ),
            _MID,
            HeaderExtension(3, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
            _TRANSPORT_CC,
        ),
        extmap_allow_mixed=True,
    ),
)
"""What every participant may send: Jicofo's defaults."""


def allocation(
    meeting_id: str,
    endpoint_id: str,
    stats_id: str,
    room: str | None,
    wishes: signalling.Wishes | None = None,
) -> ConferenceModify:
    """Ask for a place; with a room's JID, for the conference as well.

    Synthetic participants keep SSRCs apart themselves, so rewriting isn't asked for: only what a
    browser wishes.
    """
    wanted = wishes or signalling.Wishes()
    endpoint = Endpoint(
        endpoint_id,
        create=True,
        stats_id=stats_id,
        media=MEDIA,
        transport=Transport(ice_controlling=True, sctp=Sctp() if wanted.data_channel else None),
        sources=(),
        capabilities=capabilities(wishes),
        initial_last_n=wanted.initial_last_n,
    )
    return ConferenceModify(
        meeting_id,
        name=room,
        create=room is not None,
        rtcstats_enabled=room is None,
        endpoints=(endpoint,),
    )


def capabilities(wishes: signalling.Wishes | None) -> tuple[Capability, ...]:
    """What a participant can do, as bridges are told."""
    wanted = wishes or signalling.Wishes()
    known = {
        Capability.SOURCE_NAMES: True,
        Capability.SSRC_REWRITING: wanted.ssrc_rewriting,
        Capability.RTP_MID_DEMUX: wanted.mid_demux,
    }
    return tuple(name for name, asked in known.items() if asked)


def answer(
    meeting_id: str,
    endpoint_id: str,
    stats_id: str,
    transport: signalling.TransportDescription,
    published: tuple[signalling.SourceDescription, ...],
) -> ConferenceModify:
    """Tell the bridge how the participant connects and what it sends."""
    ice = IceTransport(
        ufrag=transport.ufrag,
        pwd=transport.pwd,
        ice_generation=transport.generation,
        candidates=_candidates(transport.candidates),
        rtcp_mux=True,
        fingerprints=(
            Fingerprint(transport.fingerprint_hash, transport.fingerprint, transport.setup),
        ),
    )
    endpoint = Endpoint(
        endpoint_id,
        stats_id=stats_id,
        transport=Transport(ice=ice),
        sources=sources.media_sources(endpoint_id, published),
    )
    return ConferenceModify(meeting_id, endpoints=(endpoint,))


def publication(
    meeting_id: str,
    endpoint_id: str,
    stats_id: str,
    published: tuple[signalling.SourceDescription, ...],
) -> ConferenceModify:
    """Tell the bridge what the participant sends from now on."""
    endpoint = Endpoint(
        endpoint_id, stats_id=stats_id, sources=sources.media_sources(endpoint_id, published)
    )
    return ConferenceModify(meeting_id, endpoints=(endpoint,))


def candidates(
    meeting_id: str, endpoint_id: str, stats_id: str, trickle: signalling.Trickle
) -> ConferenceModify:
    """Tell the bridge of more candidates of a participant."""
    ice = IceTransport(
        ufrag=trickle.ufrag, pwd=trickle.pwd, candidates=_candidates(trickle.candidates)
    )
    endpoint = Endpoint(endpoint_id, stats_id=stats_id, transport=Transport(ice=ice))
    return ConferenceModify(meeting_id, endpoints=(endpoint,))


def ice_restart(meeting_id: str, endpoint_id: str) -> ConferenceModify:
    """Ask the bridge for new ICE credentials of a transport."""
    endpoint = Endpoint(endpoint_id, transport=Transport(ice_restart=True))
    return ConferenceModify(meeting_id, endpoints=(endpoint,))


@cache
def described_media() -> tuple[signalling.MediaDescription, ...]:
    """`MEDIA` as participants are told it."""
    return tuple(_described(media) for media in MEDIA)


def expire_endpoints(meeting_id: str, endpoint_ids: Iterable[str]) -> ConferenceModify:
    """Let participants go."""
    gone = tuple(Endpoint(one, expire=True) for one in endpoint_ids)
    return ConferenceModify(meeting_id, endpoints=gone)


def expire_conference(meeting_id: str) -> ConferenceModify:
    """Let all of a conference go."""
    return ConferenceModify(meeting_id, expire=True)


def feedback(found: tuple[MediaSource, ...]) -> tuple[signalling.RemoteSource, ...]:
    """The bridge's own sources as browsers are told them."""
    return tuple(
        signalling.RemoteSource(
            endpoint_id="jvb",
            ssrc=source.ssrc,
            kind="audio" if media.type == "audio" else "video",
            name=media.id,
        )
        for media in found
        for source in media.sources
        if source.ssrc
    )


def _described(media: Media) -> signalling.MediaDescription:
    return signalling.MediaDescription(
        kind="audio" if media.type == "audio" else "video",
        payload_types=tuple(
            signalling.PayloadType(
                id=one.id,
                name=one.name or "",
                clockrate=one.clockrate or 0,
                channels=one.channels,
                parameters=one.parameters,
                feedback=tuple(" ".join(filter(None, (f.type, f.subtype))) for f in one.feedback),
            )
            for one in media.payload_types
        ),
        extensions=tuple((one.id, one.uri) for one in media.header_extensions),
    )


def _candidates(found: tuple[signalling.Candidate, ...]) -> tuple[Candidate, ...]:
    return tuple(_candidate(number, one) for number, one in enumerate(found, 1))


def _candidate(number: int, one: signalling.Candidate) -> Candidate:
    return Candidate(
        component=1,
        foundation=one.foundation,
        generation=one.generation,
        id=f"c{number}",
        network=1,
        ip=one.address,
        port=one.port,
        priority=one.priority,
        protocol="udp",
        type=one.type,
    )
