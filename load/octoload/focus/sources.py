"""What participants send: as they describe it, as the bridge and the others are told it."""

from jitsiwire.colibri2 import MediaSource, Source, SourceGroup
from octoload import signalling

__all__ = ["change", "described", "media_sources", "remote"]

MOST_SSRCS = 16
Remotes = tuple[signalling.RemoteSource, ...]
Descriptions = tuple[signalling.SourceDescription, ...]


def described(offered: signalling.SourcesOffered) -> Descriptions:
    """A synthetic participant's sources: a microphone, and a camera in one or more sizes."""
    found: list[signalling.SourceDescription] = []
    if offered.audio_ssrc is not None:
        found.append(signalling.SourceDescription(kind="audio", ssrcs=(offered.audio_ssrc,)))
    if offered.video_ssrc is not None:
        grouped = (ssrc for group in offered.video_groups for ssrc in group.ssrcs)
        # Each once, in the order they were named.
        ssrcs = tuple(dict.fromkeys((offered.video_ssrc, *grouped)))[:MOST_SSRCS]
        camera = signalling.SourceDescription(
            kind="video", video_type="camera", ssrcs=ssrcs, groups=offered.video_groups
        )
        found.append(camera)
    return tuple(found)


def remote(
    endpoint_id: str, source: signalling.SourceDescription, display: str | None
) -> signalling.RemoteSource:
    """A source as the others are told it."""
    return signalling.RemoteSource(
        endpoint_id=endpoint_id,
        ssrc=source.ssrcs[0],
        kind=source.kind,
        muted=source.muted,
        name=source.name(endpoint_id),
        rtx=source.rtx,
        video_type=source.video_type,
        display=display,
    )


def change(before: Remotes, after: Remotes) -> signalling.Sources:
    """What the others are told when one's sources change."""
    return signalling.Sources(
        added=tuple(source for source in after if source not in before),
        removed=tuple(source.ssrc for source in before if source not in after),
    )


def media_sources(endpoint_id: str, sources: Descriptions) -> tuple[MediaSource, ...]:
    """A participant's sources as a bridge is told them, under the names Jitsi's clients use."""
    return tuple(_media_source(endpoint_id, source) for source in sources)


def _media_source(endpoint_id: str, source: signalling.SourceDescription) -> MediaSource:
    name = source.name(endpoint_id)
    return MediaSource(
        source.kind,
        name,
        tuple(Source(ssrc, name, source.video_type) for ssrc in source.ssrcs),
        tuple(SourceGroup(group.semantics, group.ssrcs) for group in source.groups),
    )
