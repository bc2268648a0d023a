"""A synthetic camera: its sizes, how they're announced, and which of them are sent."""

from itertools import count

import pytest

from octoengine import Command
from octoload import signalling
from octoload.focus import sources
from octoload.focus.requests import described_media
from octoload.sending import Sending
from octoload.streams import Negotiated, Streams, camera, negotiated


def streams(encodings: int) -> Streams:
    return Streams(5, camera(800_000, encodings, count(10).__next__))


def test_each_size_has_twice_the_lines_of_the_one_below() -> None:
    shapes = [(one.ssrc, one.rtx_ssrc, one.height, one.bitrate_bps) for one in streams(3).video]
    assert shapes == [(10, 11, 180, 50_000), (12, 13, 360, 200_000), (14, 15, 720, 800_000)]
    assert streams(3).video[0].width == 320


@pytest.mark.parametrize(
    ("max_height", "heights"),
    [
        (-1, [180, 360, 720]),
        (720, [180, 360, 720]),
        (719, [180, 360]),
        (180, [180]),
        (90, [180]),
        (0, []),
    ],
)
def test_only_what_somebody_wants_is_sent(max_height: int, heights: list[int]) -> None:
    assert [one.height for one in streams(3).wanted(max_height)] == heights


def test_the_bridge_learns_which_streams_are_one_picture_and_which_repair() -> None:
    voice, picture = sources.described(streams(3).offered)
    assert (voice.ssrcs, picture.ssrcs) == ((5,), (10, 12, 14, 11, 13, 15))
    assert [(group.semantics, group.ssrcs) for group in picture.groups] == [
        ("SIM", (10, 12, 14)),
        ("FID", (10, 11)),
        ("FID", (12, 13)),
        ("FID", (14, 15)),
    ]
    assert sources.remote("a", picture, None).rtx == 11
    (alone,) = sources.described(streams(1).offered)[1:]
    assert [group.semantics for group in alone.groups] == ["FID"]


def test_who_sends_no_video_offers_none() -> None:
    none = Streams(None)
    assert none.offered == signalling.SourcesOffered()
    assert sources.described(none.offered) == ()


def test_numbers_are_taken_from_the_offer() -> None:
    assert negotiated(described_media()) == Negotiated(100, 96, 5)
    assert negotiated(()) == Negotiated(100, None, None)


def test_encodings_start_and_stop_as_the_bridge_says() -> None:
    submitted: list[Command] = []
    sending = Sending(streams(3), Negotiated(100, 96), 1, submitted.append)

    def done() -> set[tuple[str, int]]:
        # The commands' fields can be read, which their types don't tell.
        told = {(type(one).__name__, int(getattr(one, "ssrc"))) for one in submitted}  # noqa: B009
        submitted.clear()
        return {(name.rpartition("_")[2], ssrc) for name, ssrc in told}

    sending.begin()
    assert done() == {("StartStream", ssrc) for ssrc in (5, 10, 12, 14)}
    sending.limit(180)
    assert done() == {("StopStream", 12), ("StopStream", 14)}
    sending.limit(180)
    assert done() == set()
    sending.limit(0)
    assert done() == {("StopStream", 10)}
    sending.limit(360)
    assert done() == {("StartStream", 10), ("StartStream", 12)}
