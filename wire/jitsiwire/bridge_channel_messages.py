"""The messages of the bridge channel: what a client and a bridge (or two bridges) tell each other.

One frozen model a message, named as on the wire (`colibriClass`), fields in the wire's own
order. What a field's absence means is said at the field. `jitsiwire.bridge_channel` turns them
into text and back.

Most messages refuse fields they don't know, as the stock bridge does; EndpointMessage and
EndpointStats keep them, VideoConstraints ignores them.

Source: JVB BridgeChannelMessage.kt, VideoConstraints.kt.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StrictStr,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

__all__ = [
    "ON_THE_WIRE",
    "AddReceiver",
    "AudioMode",
    "AudioSourceMapping",
    "AudioSourcesMap",
    "ClientHello",
    "ConnectionStats",
    "DominantSpeakerEndpointChangeEvent",
    "EndpointConnectivityStatusChangeEvent",
    "EndpointMessage",
    "EndpointStats",
    "ForwardedSources",
    "LastNChangedEvent",
    "ReceiverAudioSubscription",
    "ReceiverVideoConstraints",
    "RemoveReceiver",
    "SenderSourceConstraints",
    "ServerHello",
    "SourceVideoTypeMessage",
    "SyntheticSourceSendingChangeEvent",
    "VideoConstraints",
    "VideoSourceMapping",
    "VideoSourcesMap",
    "VideoType",
    "VideoTypeMessage",
]

ON_THE_WIRE: Final = "wire"
"""Validation context of what a peer sent: only the wire's own forms are taken."""
MAX_ITEMS: Final = 2_000
"""Names in one list, sources in one map."""


class VideoType(StrEnum):
    """What a video source shows; read in any case."""

    CAMERA = "camera"
    DESKTOP = "desktop"
    DESKTOP_HIGH_FPS = "desktop_high_fps"
    DISABLED = "disabled"
    NONE = "none"


class AudioMode(StrEnum):
    """The older form of an audio subscription; read in any case."""

    ALL = "All"
    NONE = "None"
    INCLUDE = "Include"
    EXCLUDE = "Exclude"


def _whole(value: object) -> object:
    """Take 3.0 and 3.7 for 3, as the stock bridge does; a truth is no number."""
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return value


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is needed")
    if abs(value) > 10**9:
        raise ValueError("a number within a billion is needed")
    return float(value)


def _video_type(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _audio_mode(value: object) -> object:
    return value.capitalize() if isinstance(value, str) else value


def _active(value: object, info: ValidationInfo) -> object:
    """The wire says "true" and "false" as strings, and nothing else."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if info.context == ON_THE_WIRE or not isinstance(value, bool):
        raise ValueError('"true" or "false" is needed')
    return value


Int32 = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=-(2**31), lt=2**31)]
Int64 = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=-(2**63), lt=2**63)]
Uint32 = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, lt=2**32)]
Names = Annotated[tuple[StrictStr, ...], Field(max_length=MAX_ITEMS)]
AnyCaseVideoType = Annotated[VideoType, BeforeValidator(_video_type)]
LoudVideoType = Annotated[
    VideoType, BeforeValidator(_video_type), PlainSerializer(lambda value: value.value.upper())
]
"""In maps to clients the stock bridge writes the type in capitals, and clients compare so."""


def _wire_name(name: str) -> str:
    """Return a field's name on the wire; an underscore behind it only dodges Python's keyword."""
    return to_camel(name.removesuffix("_"))


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=_wire_name,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class _Free(_Part):
    """A message with fields of the sender's own, kept in `fields` and written beside the rest."""

    RESERVED: ClassVar[frozenset[str]] = frozenset()
    """Keys of the wire that aren't free."""
    fields: Mapping[str, Any] = Field(default_factory=dict)


class ClientHello(_Part):
    """A client's greeting; answered with ServerHello on the same channel."""

    colibri_class: Literal["ClientHello"] = "ClientHello"


class ServerHello(_Part):
    """The bridge's answer."""

    colibri_class: Literal["ServerHello"] = "ServerHello"
    version: StrictStr | None = None
    """Only where the bridge is set to announce it."""


class EndpointMessage(_Free):
    """From one client to another, or to all of the call; the bridge only carries it."""

    RESERVED = frozenset({"colibriClass", "to", "from"})
    colibri_class: Literal["EndpointMessage"] = "EndpointMessage"
    to: StrictStr
    """An endpoint's id; blank means everybody else."""
    from_: StrictStr | None = None
    """Who sent it, set by the bridge whatever the client wrote."""

    @property
    def is_broadcast(self) -> bool:
        """Whether it is for everybody."""
        return not self.to.strip()


class EndpointStats(_Free):
    """A client's statistics, for those who want to see them."""

    RESERVED = frozenset({"colibriClass", "from"})
    colibri_class: Literal["EndpointStats"] = "EndpointStats"
    from_: StrictStr | None = None
    """Set by the bridge."""


class LastNChangedEvent(_Part):
    """How many video sources a client wants at most; -1 is unlimited."""

    colibri_class: Literal["LastNChangedEvent"] = "LastNChangedEvent"
    last_n: Int32


class VideoConstraints(_Part):
    """The most a receiver wants of a source."""

    model_config = ConfigDict(extra="ignore")

    max_height: Annotated[Int32, Field(ge=-1)]
    """-1 unlimited, 0 nothing."""
    max_frame_rate: Annotated[float, BeforeValidator(_number)] = -1.0
    """-1 unlimited, 0 nothing."""

    @property
    def is_disabled(self) -> bool:
        """Whether nothing is wanted."""
        return self.max_height == 0 or self.max_frame_rate == 0


class ReceiverVideoConstraints(_Part):
    """What a client wants to see; what is absent stays as it was."""

    colibri_class: Literal["ReceiverVideoConstraints"] = "ReceiverVideoConstraints"
    last_n: Int32 | None = None
    selected_sources: Names | None = None
    on_stage_sources: Names | None = None
    default_constraints: VideoConstraints | None = None
    constraints: (
        Annotated[Mapping[StrictStr, VideoConstraints], Field(max_length=MAX_ITEMS)] | None
    ) = None
    """By source name; replaces all that were there."""
    assumed_bandwidth_bps: Int64 | None = None


class SourceVideoTypeMessage(_Part):
    """What a client's video source shows now."""

    colibri_class: Literal["SourceVideoTypeMessage"] = "SourceVideoTypeMessage"
    video_type: AnyCaseVideoType
    source_name: StrictStr
    endpoint_id: StrictStr | None = None
    """Only between bridges."""


class VideoTypeMessage(_Part):
    """The older form, about the client's first video source."""

    colibri_class: Literal["VideoTypeMessage"] = "VideoTypeMessage"
    video_type: AnyCaseVideoType
    endpoint_id: StrictStr | None = None
    """Only between bridges."""


class ReceiverAudioSubscription(_Part):
    """Which audio a client wants. Without any such message it gets all that isn't synthetic."""

    colibri_class: Literal["ReceiverAudioSubscription"] = "ReceiverAudioSubscription"
    all: StrictBool = False
    include: Names = ()
    exclude: Names = ()
    mode: Annotated[AudioMode, BeforeValidator(_audio_mode)] | None = None
    """The older form: what it says goes before the three above."""
    list: Names = ()
    """With the older form."""

    def wants(self, source: str) -> bool:
        """Whether this source is wanted: exclusion goes before inclusion, that before all."""
        match self.mode:
            case None:
                return source not in self.exclude and (self.all or source in self.include)
            case AudioMode.ALL:
                return True
            case AudioMode.NONE:
                return False
            case AudioMode.INCLUDE:
                return source in self.list
            case AudioMode.EXCLUDE:
                return source not in self.list


class DominantSpeakerEndpointChangeEvent(_Part):
    """Who speaks now, and who did before, latest first."""

    colibri_class: Literal["DominantSpeakerEndpointChangeEvent"] = (
        "DominantSpeakerEndpointChangeEvent"
    )
    dominant_speaker_endpoint: StrictStr
    previous_speakers: Names | None = None
    silence: StrictBool = False


class EndpointConnectivityStatusChangeEvent(_Part):
    """Whether the bridge hears an endpoint."""

    colibri_class: Literal["EndpointConnectivityStatusChangeEvent"] = (
        "EndpointConnectivityStatusChangeEvent"
    )
    endpoint: StrictStr
    active: Annotated[
        bool,
        BeforeValidator(_active),
        PlainSerializer(lambda value: "true" if value else "false"),
    ]
    """A string on the wire."""


class ForwardedSources(_Part):
    """Names of the video sources the client is being sent."""

    colibri_class: Literal["ForwardedSources"] = "ForwardedSources"
    forwarded_sources: Names


class VideoSourceMapping(_Part):
    """One video slot of a client whose SSRCs are rewritten."""

    source: StrictStr
    owner: StrictStr | None = None
    ssrc: Uint32
    rtx: Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=-1, lt=2**32)]
    """-1 where nothing is repaired."""
    video_type: LoudVideoType
    mid: StrictStr | None = None


class VideoSourcesMap(_Part):
    """Video slots that changed hands; all of them when the channel opens."""

    colibri_class: Literal["VideoSourcesMap"] = "VideoSourcesMap"
    mapped_sources: Annotated[tuple[VideoSourceMapping, ...], Field(max_length=MAX_ITEMS)]


class AudioSourceMapping(_Part):
    """One audio slot of such a client."""

    source: StrictStr
    owner: StrictStr | None = None
    ssrc: Uint32
    mid: StrictStr | None = None


class AudioSourcesMap(_Part):
    """Audio slots that changed hands; all of them when the channel opens."""

    colibri_class: Literal["AudioSourcesMap"] = "AudioSourcesMap"
    mapped_sources: Annotated[tuple[AudioSourceMapping, ...], Field(max_length=MAX_ITEMS)]


class SenderSourceConstraints(_Part):
    """The most anybody wants of a source of this client."""

    colibri_class: Literal["SenderSourceConstraints"] = "SenderSourceConstraints"
    source_name: StrictStr
    max_height: Int32
    """-1 unlimited, 0 stop sending; of the smaller dimension."""


class ConnectionStats(_Part):
    """What only the bridge knows of a client's connection."""

    colibri_class: Literal["ConnectionStats"] = "ConnectionStats"
    estimated_downlink_bandwidth: Int64
    """Bits a second."""


class SyntheticSourceSendingChangeEvent(_Part):
    """A source that the bridge makes itself began to send, or stopped."""

    colibri_class: Literal["SyntheticSourceSendingChangeEvent"] = (
        "SyntheticSourceSendingChangeEvent"
    )
    source_name: StrictStr
    sending: StrictBool
    timestamp: Uint32
    """RTP time, 48 kHz."""


class AddReceiver(_Part):
    """Between bridges: this one wants a source of the other's."""

    colibri_class: Literal["AddReceiver"] = "AddReceiver"
    bridge_id: StrictStr
    endpoint_id: StrictStr | None = None
    """An older form."""
    source_name: StrictStr | None = None
    video_constraints: VideoConstraints


class RemoveReceiver(_Part):
    """Between bridges, an older form: it wants an endpoint's video no more."""

    colibri_class: Literal["RemoveReceiver"] = "RemoveReceiver"
    bridge_id: StrictStr
    endpoint_id: StrictStr
