"""What a synthetic participant sends, and what of it was negotiated. Plain data.

A camera is sent in one encoding, or in several sizes of the same picture (simulcast).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from octoload import signalling

__all__ = ["TRANSPORT_CC", "Encoding", "Negotiated", "Streams", "camera", "negotiated"]

TRANSPORT_CC: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
CODEC: Final = "VP8"
USUAL_PAYLOAD_TYPE: Final = 100
TALLEST: Final = 720
SHARE: Final = 1 / 4
"""Of the next larger encoding's bits; half its height has a quarter of its pixels."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One size of a picture."""

    ssrc: int
    rtx_ssrc: int
    height: int
    bitrate_bps: int

    @property
    def width(self) -> int:
        """Of a picture as cameras have it."""
        return self.height * 16 // 9


@dataclass(frozen=True, slots=True)
class Wish:
    """What a participant wants to see of the others."""

    last_n: int = -1
    """How many pictures at most; -1: all."""
    height: int = 720
    """Lines of each: as large as a tile of a small call may get."""
    stage: str | None = None
    """The name of a picture that it wants before all others, as large as it is sent."""


@dataclass(frozen=True, slots=True)
class Streams:
    """What a participant sends; without an SSRC or an encoding: nothing of that kind."""

    audio_ssrc: int | None
    video: tuple[Encoding, ...] = ()
    """Lowest first."""
    frames_per_second: float = 20.0
    watch: bool = True
    """Open a message channel and ask for video, as clients do; else a bridge sends none."""
    wish: Wish = Wish()
    """What it asks for then."""
    feedback: bool = False
    """Tell the bridge when each packet arrives: then it sends no more than the line carries."""

    @property
    def ssrcs(self) -> tuple[int, ...]:
        """What it is known by: its voice's SSRC, and its camera's first one."""
        voice = () if self.audio_ssrc is None else (self.audio_ssrc,)
        return voice + tuple(encoding.ssrc for encoding in self.video[:1])

    @property
    def offered(self) -> signalling.SourcesOffered:
        """As the focus is told."""
        pairs = [(encoding.ssrc, encoding.rtx_ssrc) for encoding in self.video]
        groups = [signalling.SourceGroup(semantics="FID", ssrcs=pair) for pair in pairs]
        if len(self.video) > 1:
            sizes = tuple(encoding.ssrc for encoding in self.video)
            groups.insert(0, signalling.SourceGroup(semantics="SIM", ssrcs=sizes))
        return signalling.SourcesOffered(
            audio_ssrc=self.audio_ssrc,
            video_ssrc=self.video[0].ssrc if self.video else None,
            video_groups=tuple(groups),
        )

    def wanted(self, max_height: int) -> tuple[Encoding, ...]:
        """The encodings to send when nobody wants more than this: -1 all, 0 none."""
        if max_height < 0:
            return self.video
        fitting = tuple(one for one in self.video if one.height <= max_height)
        # Whoever wants less than there is still gets the least.
        return fitting or (self.video[:1] if max_height else ())


def camera(bitrate_bps: int, encodings: int, new_ssrc: Callable[[], int]) -> tuple[Encoding, ...]:
    """Make a picture of so many sizes, the largest with this bit rate."""
    return tuple(
        Encoding(new_ssrc(), new_ssrc(), TALLEST >> down, int(bitrate_bps * SHARE**down))
        for down in reversed(range(encodings))
    )


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the focus said about media, as far as it is of use here."""

    video_payload_type: int = USUAL_PAYLOAD_TYPE
    rtx_payload_type: int | None = None
    """None: what is lost is sent again as it was."""
    transport_cc: int | None = None
    """The header extension that numbers packets."""


def negotiated(media: Iterable[signalling.MediaDescription]) -> Negotiated:
    """Pick what is used of an offer."""
    video = next((one for one in media if one.kind == "video"), None)
    if video is None:
        return Negotiated()
    codec = next((one.id for one in video.payload_types if one.name == CODEC), USUAL_PAYLOAD_TYPE)
    repairs = ("apt", str(codec))
    rtx = (one.id for one in video.payload_types if one.name == "rtx" and repairs in one.parameters)
    numbers = (number for number, uri in video.extensions if uri == TRANSPORT_CC)
    return Negotiated(codec, next(rtx, None), next(numbers, None))
