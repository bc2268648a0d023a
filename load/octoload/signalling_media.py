"""The parts that messages of `octoload.signalling` are made of: transports, sources, media.

Frozen records, camelCase in JSON. Whoever reads messages imports these from `octoload.signalling`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "Candidate",
    "CandidateList",
    "EndpointId",
    "IceToken",
    "Kind",
    "MediaDescription",
    "Name",
    "PayloadType",
    "Record",
    "RemoteSource",
    "RemoteSources",
    "SessionId",
    "SourceDescription",
    "SourceGroup",
    "SourceList",
    "SourcesOffered",
    "Ssrc",
    "Text",
    "TransportDescription",
    "VideoType",
    "Wishes",
]

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
EndpointId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
SessionId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Ssrc = Annotated[int, Field(ge=1, le=0xFFFFFFFF)]
Text = Annotated[str, Field(max_length=256)]
Kind = Literal["audio", "video"]
VideoType = Literal["camera", "desktop"]
Setup = Literal["actpass", "active", "passive"]
IceToken = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+$", max_length=256)]


class Record(BaseModel):
    """Frozen data, camelCase in JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class Candidate(Record):
    """A UDP candidate of component 1; `address` may be a hostname, which is ignored."""

    foundation: Annotated[str, Field(min_length=1, max_length=32)] = "1"
    priority: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    address: Annotated[str, Field(min_length=1, max_length=255)]
    port: Annotated[int, Field(ge=1, le=65535)]
    type: Literal["host", "srflx", "prflx", "relay"] = "host"
    generation: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 0


CandidateList = Annotated[tuple[Candidate, ...], Field(max_length=64)]


class TransportDescription(Record):
    """ICE credentials, candidates and the DTLS certificate's fingerprint."""

    ufrag: Annotated[IceToken, Field(min_length=4)]
    pwd: Annotated[IceToken, Field(min_length=22, repr=False)]
    candidates: CandidateList = ()
    fingerprint_hash: Literal["sha-256", "sha-384", "sha-512"] = "sha-256"
    fingerprint: Annotated[
        str, Field(pattern=r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31,63}$", max_length=191)
    ]
    setup: Setup
    generation: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] | None = None
    """Of an ICE restart, counted by the bridge; an answer to it says the same."""
    sctp_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where the bridge's data channels are; None: there are none."""


class RemoteSource(Record):
    """One source that another participant sends and that the bridge forwards to this one."""

    endpoint_id: EndpointId
    ssrc: Ssrc
    """Of a video in several encodings: the first one's, on which all of them are forwarded."""
    kind: Kind
    muted: bool = False
    """True: announced, but nothing is expected to arrive (the sender or a moderator muted it)."""
    name: Text | None = None
    """Of browsers' sources: what the bridge calls it, `<endpoint id>-v0` and so on."""
    rtx: Ssrc | None = None
    """What repairs of it come on."""
    video_type: VideoType | None = None
    display: Text | None = None
    """Its owner's name among people."""


RemoteSources = Annotated[tuple[RemoteSource, ...], Field(max_length=4096)]


class SourceGroup(Record):
    """SSRCs that belong together: encodings of one picture, or a stream and its repairs."""

    semantics: Literal["SIM", "FID", "FEC-FR"]
    ssrcs: Annotated[tuple[Ssrc, ...], Field(min_length=2, max_length=8)]


class SourcesOffered(Record):
    """The SSRCs a participant wants to send; None: it doesn't send that kind."""

    audio_ssrc: Ssrc | None = None
    video_ssrc: Ssrc | None = None
    video_groups: Annotated[tuple[SourceGroup, ...], Field(max_length=8)] = ()
    """Sizes of the picture, and what repairs of each come on."""


class SourceDescription(Record):
    """One source of a browser, with every SSRC it uses; the first is the one it's known by."""

    kind: Kind
    index: Annotated[int, Field(ge=0, le=15)] = 0
    """Its name is made of it: `<endpoint id>-v<index>`, or `-a<index>`."""
    video_type: VideoType | None = None
    ssrcs: Annotated[tuple[Ssrc, ...], Field(min_length=1, max_length=16)]
    groups: Annotated[tuple[SourceGroup, ...], Field(max_length=8)] = ()
    muted: bool = False

    def name(self, endpoint_id: str) -> str:
        """What the bridge and the others call it."""
        return f"{endpoint_id}-{self.kind[0]}{self.index}"

    @property
    def rtx(self) -> int | None:
        """What repairs of its first SSRC come on."""
        pairs = (group.ssrcs for group in self.groups if group.semantics == "FID")
        return next((pair[1] for pair in pairs if pair[0] == self.ssrcs[0]), None)


SourceList = Annotated[tuple[SourceDescription, ...], Field(max_length=16)]


class Wishes(Record):
    """What a browser can do and wants; a participant without any is a synthetic one."""

    data_channel: bool = True
    ssrc_rewriting: bool = False
    """The bridge sends on SSRCs of its own and says in messages what is on them."""
    mid_demux: bool = False
    """With rewriting: every stream carries a mid."""
    initial_last_n: Annotated[int, Field(ge=-1, le=1000)] | None = None


class PayloadType(Record):
    """One codec, as in SDP's rtpmap, fmtp and rtcp-fb."""

    id: int
    name: str
    clockrate: int
    channels: int | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    feedback: tuple[str, ...] = ()
    """Such as "nack pli"."""


class MediaDescription(Record):
    """What one kind may carry."""

    kind: Kind
    payload_types: tuple[PayloadType, ...]
    extensions: tuple[tuple[int, str], ...]
