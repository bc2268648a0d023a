"""The bridge channel: its messages' text, strictly read and written in the wire's exact forms.

`parse` takes what a peer sent; whatever that is, it either returns a message or raises
RemoteProtocolError, which names the field and the value. `build` is its inverse.

Source: JVB BridgeChannelMessage.kt.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, cast, get_args

from pydantic import Field, TypeAdapter, ValidationError

from jitsiwire import bridge_channel_json as strict_json
from jitsiwire.bridge_channel_json import shown
from jitsiwire.bridge_channel_messages import (
    ON_THE_WIRE,
    AddReceiver,
    AudioMode,
    AudioSourceMapping,
    AudioSourcesMap,
    ClientHello,
    ConnectionStats,
    DominantSpeakerEndpointChangeEvent,
    EndpointConnectivityStatusChangeEvent,
    EndpointMessage,
    EndpointStats,
    ForwardedSources,
    LastNChangedEvent,
    ReceiverAudioSubscription,
    ReceiverVideoConstraints,
    RemoveReceiver,
    SenderSourceConstraints,
    ServerHello,
    SourceVideoTypeMessage,
    SyntheticSourceSendingChangeEvent,
    VideoConstraints,
    VideoSourceMapping,
    VideoSourcesMap,
    VideoType,
    VideoTypeMessage,
)
from jitsiwire.errors import RemoteProtocolError

__all__ = [
    "MAX_BYTES",
    "MESSAGES",
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
    "Message",
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
    "build",
    "parse",
]

MAX_BYTES: Final = 262_144
"""The largest message a data channel of a browser or of the bridge takes."""

Message = (
    ClientHello
    | ServerHello
    | EndpointMessage
    | EndpointStats
    | LastNChangedEvent
    | ReceiverVideoConstraints
    | SourceVideoTypeMessage
    | VideoTypeMessage
    | ReceiverAudioSubscription
    | DominantSpeakerEndpointChangeEvent
    | EndpointConnectivityStatusChangeEvent
    | ForwardedSources
    | VideoSourcesMap
    | AudioSourcesMap
    | SenderSourceConstraints
    | ConnectionStats
    | SyntheticSourceSendingChangeEvent
    | AddReceiver
    | RemoveReceiver
)

MESSAGES: Final[Mapping[str, type[Message]]] = {kind.__name__: kind for kind in get_args(Message)}
"""The model of each `colibriClass`."""

_FREE: Final = {kind.__name__: kind.RESERVED for kind in (EndpointMessage, EndpointStats)}
_READER: Final[TypeAdapter[Message]] = TypeAdapter(
    Annotated[Message, Field(discriminator="colibri_class")]
)


def parse(text: str, max_bytes: int = MAX_BYTES) -> Message:
    """Read one message.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    data = strict_json.decode(text, max_bytes)
    kind = data.get("colibriClass")
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise RemoteProtocolError(f"colibriClass {shown(kind)} is unknown")
    reserved = _FREE.get(kind)
    if reserved is not None:
        free = {key: value for key, value in data.items() if key not in reserved}
        data = {key: value for key, value in data.items() if key in reserved} | {"fields": free}
    try:
        return _READER.validate_python(data, by_alias=True, by_name=False, context=ON_THE_WIRE)
    except ValidationError as error:
        raise RemoteProtocolError(f"{kind}: {_fault(error)}") from None


def build(message: Message) -> str:
    """Write one message; what is None isn't said.

    Raises:
        LocalProtocolError: a free field holds what JSON can't say.
    """
    data: dict[str, Any] = message.model_dump(exclude_none=True, exclude={"fields"})
    # Dumping would drop the nulls of a sender's own fields.
    if isinstance(message, EndpointMessage | EndpointStats):
        data |= {k: v for k, v in message.fields.items() if k not in message.RESERVED}
    return strict_json.encode(data)


def _fault(error: ValidationError) -> str:
    """Return the first fault: where, what was there, and the rule."""
    first = error.errors(include_url=False, include_context=False)[0]
    # The first part of the place is the message's own name.
    place = ".".join(shown(part) for part in first["loc"][1:])
    if first["type"] == "missing":
        return f"{place} is missing"
    value = shown(cast(object, first["input"]))
    return f"{place or 'message'} is {value}: {first['msg']}"
