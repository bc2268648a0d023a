"""What signalled sources come to: streams to accept, pictures and voices to forward."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.bridge.given import audio, camera

from jitsiwire.bridge_channel import VideoType
from jitsiwire.colibri2 import MediaSource, Source, SourceGroup
from octobridge.core.sources import Picture, Stream, Voice, read_sources


def test_simulcast_camera_is_one_picture_of_three_encodings() -> None:
    sources = read_sources([camera("a", 10, layers=3), audio("a", 1)])
    assert sources.pictures == (Picture("a-v0", (10, 11, 12), rtx=13),)
    assert sources.voices == (Voice("a-a0", 1),)
    assert {s.ssrc: (s.kind, s.repairs) for s in sources.streams.values()} == {
        10: ("video", 0),
        11: ("video", 0),
        12: ("video", 0),
        13: ("rtx", 10),
        14: ("rtx", 11),
        15: ("rtx", 12),
        1: ("audio", 0),
    }


def test_camera_without_simulcast_is_a_picture_of_one_encoding() -> None:
    sources = read_sources([camera("a", 10)])
    assert sources.pictures == (Picture("a-v0", (10,), rtx=11),)


def test_repair_streams_belong_to_what_they_repair() -> None:
    repaired = MediaSource(
        "video",
        "a-v0",
        (Source(10), Source(11), Source(12)),
        (SourceGroup("FID", (10, 11)), SourceGroup("FEC-FR", (10, 12))),
    )
    streams = read_sources([repaired]).streams
    assert streams[11] == Stream(11, "rtx", "video", 10)
    assert streams[12] == Stream(12, "fec", "video", 10)


def test_kinds_that_are_neither_audio_nor_video_are_left_out() -> None:
    assert read_sources([MediaSource("application", "a-x0", (Source(20),))]).streams == {}


def test_group_of_one_is_ignored() -> None:
    lonely = MediaSource("video", "a-v0", (Source(10),), (SourceGroup("SIM", (10,)),))
    assert read_sources([lonely]).pictures == (Picture("a-v0", (10,)),)


def test_encodings_that_are_not_among_the_sources_are_left_out() -> None:
    lying = MediaSource("video", "a-v0", (Source(10),), (SourceGroup("SIM", (10, 99)),))
    assert read_sources([lying]).pictures == (Picture("a-v0", (10,)),)


@pytest.mark.parametrize(
    ("signalled", "meant"),
    [
        ("desktop", VideoType.DESKTOP),
        ("CAMERA", VideoType.CAMERA),
        ("hologram", VideoType.CAMERA),
        (None, VideoType.CAMERA),
    ],
)
def test_video_type_is_as_signalled(signalled: str | None, meant: VideoType) -> None:
    source = MediaSource("video", "a-v0", (Source(10, "a-v0", signalled),))
    assert read_sources([source]).pictures[0].video_type is meant


def test_without_takes_a_picture_along_with_its_first_encoding() -> None:
    sources = read_sources([camera("a", 10, layers=2), audio("a", 1)])
    less = sources.without(frozenset({10}))
    assert (less.pictures, less.voices) == ((), sources.voices)
    assert set(less.streams) == {11, 13, 1}
    assert sources.without(frozenset({11})).pictures == (Picture("a-v0", (10,), rtx=12),)
    assert sources.without(frozenset({12})).pictures == (Picture("a-v0", (10, 11)),)
    assert sources.without(frozenset()) is sources


def make_source(kind: str, name: str, ssrcs: list[int], groups: list[SourceGroup]) -> MediaSource:
    return MediaSource(kind, name, tuple(Source(s) for s in ssrcs), tuple(groups))


numbers = st.integers(1, 8)
groups = st.builds(
    SourceGroup,
    st.sampled_from(["SIM", "FID", "FEC-FR", "fid", "other"]),
    st.lists(numbers, max_size=4).map(tuple),
)
sources = st.builds(
    make_source,
    st.sampled_from(["audio", "video", "application"]),
    st.sampled_from(["a-v0", "a-v1", "a-a0"]),
    st.lists(numbers, max_size=5),
    st.lists(groups, max_size=4),
)


@given(st.lists(sources, max_size=4))
def test_whatever_is_signalled_each_stream_is_one_thing(signalled: list[MediaSource]) -> None:
    read = read_sources(signalled)
    carried = [ssrc for picture in read.pictures for ssrc in picture.ssrcs]
    carried += [voice.ssrc for voice in read.voices]
    assert len(carried) == len(set(carried))
    for picture in read.pictures:
        assert all(read.streams[ssrc].kind == "video" for ssrc in picture.ssrcs)
        assert picture.rtx == 0 or read.streams[picture.rtx].repairs == picture.ssrc
    for voice in read.voices:
        assert read.streams[voice.ssrc].kind == "audio"
