"""What a session sends: its voice, and as much of its camera as somebody watches."""

from collections.abc import Callable
from typing import Final

from octoload.media import Command
from octoload.streams import Encoding, Negotiated, Streams

__all__ = ["Sending"]

AUDIO_PAYLOAD_TYPE: Final = 111
AUDIO_PAYLOAD_BYTES: Final = 80
AUDIO_PACKETS_PER_SECOND: Final = 50.0
VIDEO_PAYLOAD_BYTES: Final = 1000
EVERYTHING: Final = -1


class Sending:
    """The streams of one transport; nothing is sent before `begin`."""

    def __init__(
        self,
        streams: Streams,
        negotiated: Negotiated,
        transport: int,
        submit: Callable[[Command], None],
    ) -> None:
        self._streams = streams
        self._negotiated = negotiated
        self._transport = transport
        self._submit = submit
        self._running: dict[int, Encoding] = {}

    def begin(self) -> None:
        """Send everything, until told what isn't wanted."""
        if self._streams.audio_ssrc is not None:
            self._submit(
                Command.StartStream(
                    self._transport,
                    self._streams.audio_ssrc,
                    "audio",
                    AUDIO_PAYLOAD_TYPE,
                    AUDIO_PAYLOAD_BYTES,
                    packets_per_second=AUDIO_PACKETS_PER_SECOND,
                )
            )
        self.limit(EVERYTHING)

    def limit(self, max_height: int) -> None:
        """Send no more of the camera than this: -1 all, 0 nothing."""
        wanted = {encoding.ssrc: encoding for encoding in self._streams.wanted(max_height)}
        for ssrc in self._running.keys() - wanted.keys():
            self._submit(Command.StopStream(self._transport, ssrc))
        for ssrc in wanted.keys() - self._running.keys():
            self._submit(self._start(wanted[ssrc]))
        self._running = wanted

    def _start(self, encoding: Encoding) -> Command:
        rtx = self._negotiated.rtx_payload_type
        return Command.StartStream(
            self._transport,
            encoding.ssrc,
            "video",
            self._negotiated.video_payload_type,
            VIDEO_PAYLOAD_BYTES,
            frames_per_second=self._streams.frames_per_second,
            bitrate_bps=encoding.bitrate_bps,
            rtx_ssrc=0 if rtx is None else encoding.rtx_ssrc,
            rtx_payload_type=rtx or 0,
            width=encoding.width,
            height=encoding.height,
        )
