"""XML of what a Colibri2 endpoint or relay may carry (`media`) and carries (`sources`).

`read_x` takes a Reader and returns the model, `write_x` appends the model to a Writer.
The models are in `jitsiwire.colibri2`, whole requests in `jitsiwire.colibri2_xml`.
"""

from collections.abc import Iterable

from jitsiwire.colibri2 import (
    HeaderExtension,
    Media,
    MediaSource,
    PayloadType,
    RtcpFeedback,
    Source,
    SourceGroup,
)
from jitsiwire.elements import INT32, UINT32, Reader, Writer, qualified
from jitsiwire.namespaces import COLIBRI2, RTCP_FEEDBACK, RTP, RTP_EXTENSIONS, SSMA

__all__ = ["read_media", "read_sources", "write_media", "write_sources"]

_MEDIA = qualified(COLIBRI2, "media")
_PAYLOAD_TYPE = qualified(RTP, "payload-type")
_PARAMETER = qualified(RTP, "parameter")
_FEEDBACK = qualified(RTCP_FEEDBACK, "rtcp-fb")
_EXTENSION = qualified(RTP_EXTENSIONS, "rtp-hdrext")
_ALLOW_MIXED = qualified(RTP_EXTENSIONS, "extmap-allow-mixed")
_SOURCES = qualified(COLIBRI2, "sources")
_MEDIA_SOURCE = qualified(COLIBRI2, "media-source")
_SOURCE = qualified(SSMA, "source")
_GROUP = qualified(SSMA, "ssrc-group")


def read_media(reader: Reader) -> tuple[Media, ...]:
    """All `media` children of an endpoint or relay."""
    return tuple(_read_one_media(child) for child in reader.children(_MEDIA))


def _read_one_media(reader: Reader) -> Media:
    return Media(
        type=reader.text("type"),
        payload_types=tuple(_read_payload_type(c) for c in reader.children(_PAYLOAD_TYPE)),
        header_extensions=tuple(
            HeaderExtension(c.integer("id", 0, 255), c.text("uri"))
            for c in reader.children(_EXTENSION)
        ),
        extmap_allow_mixed=reader.child(_ALLOW_MIXED) is not None,
    )


def _read_payload_type(reader: Reader) -> PayloadType:
    return PayloadType(
        id=reader.integer("id", 0, 127),
        name=reader.optional_text("name"),
        clockrate=reader.optional_integer("clockrate", *INT32),
        channels=reader.optional_integer("channels", 0, 255),
        # A parameter without a name is legal: RED's is only a list of payload types.
        parameters=tuple(
            (c.optional_text("name") or "", c.optional_text("value") or "")
            for c in reader.children(_PARAMETER)
        ),
        feedback=tuple(
            RtcpFeedback(c.text("type"), c.optional_text("subtype"))
            for c in reader.children(_FEEDBACK)
        ),
    )


def write_media(parent: Writer, media: Iterable[Media]) -> None:
    """Append `media` elements."""
    for one in media:
        writer = parent.child(_MEDIA, type=one.type)
        for payload in one.payload_types:
            _write_payload_type(writer, payload)
        for extension in one.header_extensions:
            writer.child(_EXTENSION, id=extension.id, uri=extension.uri)
        if one.extmap_allow_mixed:
            writer.child(_ALLOW_MIXED)


def _write_payload_type(parent: Writer, payload: PayloadType) -> None:
    writer = parent.child(
        _PAYLOAD_TYPE,
        id=payload.id,
        name=payload.name,
        clockrate=payload.clockrate,
        channels=payload.channels,
    )
    for name, value in payload.parameters:
        writer.child(_PARAMETER, name=name or None, value=value)
    for feedback in payload.feedback:
        writer.child(_FEEDBACK, type=feedback.type, subtype=feedback.subtype)


def read_sources(reader: Reader) -> tuple[MediaSource, ...] | None:
    """The `sources` child: None when absent, which is not the same as empty."""
    child = reader.child(_SOURCES)
    if child is None:
        return None
    return tuple(_read_media_source(c) for c in child.children(_MEDIA_SOURCE))


def _read_media_source(reader: Reader) -> MediaSource:
    return MediaSource(
        type=reader.text("type"),
        id=reader.text("id"),
        sources=tuple(
            Source(
                ssrc=c.integer("ssrc", *UINT32),
                name=c.optional_text("name"),
                video_type=c.optional_text("videoType"),
                rid=c.optional_text("rid"),
            )
            for c in reader.children(_SOURCE)
        ),
        groups=tuple(
            SourceGroup(
                c.text("semantics"),
                tuple(s.integer("ssrc", *UINT32) for s in c.children(_SOURCE)),
            )
            for c in reader.children(_GROUP)
        ),
        synthetic=reader.boolean("synthetic"),
    )


def write_sources(parent: Writer, sources: tuple[MediaSource, ...] | None) -> None:
    """Append `sources`, also when it is empty; nothing when None."""
    if sources is None:
        return
    writer = parent.child(_SOURCES)
    for one in sources:
        child = writer.child(_MEDIA_SOURCE, type=one.type, id=one.id, synthetic=one.synthetic)
        for source in one.sources:
            element = child.child(_SOURCE, ssrc=source.ssrc, name=source.name, rid=source.rid)
            element.exact("videoType", source.video_type)
        for group in one.groups:
            element = child.child(_GROUP, semantics=group.semantics)
            for ssrc in group.ssrcs:
                element.child(_SOURCE, ssrc=ssrc)
