"""A microphone: RTP with real audio levels, protected by libsrtp with a caller's own keys."""

import asyncio
import struct

from pylibsrtp import Policy, Session
from tests.integration.bridge.caller import Caller
from tests.unit.engine.peers import PROFILES

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
LEVEL_ID = 1
OPUS = 111
FRAME_SECONDS = 0.02
SILENCE = 127
ROOM = 100
"""A quiet room's noise, as the header extension counts: 0 is loudest."""


class Voice:
    """One SSRC of a connected caller, whose levels the test decides."""

    def __init__(self, caller: Caller, ssrc: int) -> None:
        assert caller.keys is not None
        profile, _ = PROFILES[caller.keys.profile]
        # The binding's constants have no types.
        outbound = int(getattr(Policy, "SSRC_ANY_OUTBOUND"))  # noqa: B009
        self._session = Session(
            Policy(key=caller.keys.send, ssrc_type=outbound, srtp_profile=profile)
        )
        self._caller = caller
        self._ssrc = ssrc
        self._frame = 0

    def send(self, level: int) -> None:
        """Send one packet of this level."""
        self._frame += 1
        header = struct.pack(
            "!BBHII", 0x90, OPUS, self._frame & 0xFFFF, self._frame * 960, self._ssrc
        )
        extension = struct.pack("!HHBBH", 0xBEDE, 1, LEVEL_ID << 4, 0x80 | level, 0)
        self._caller.misbehave(self._session.protect(header + extension + b"\xfc" * 60))

    async def speak(self, seconds: float, level: int = 35) -> None:
        """Speak in syllables for a while, as loud as told."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(int(seconds / FRAME_SECONDS)):
            self.send(level + number % 5 if number % 12 < 10 else ROOM)
            await asyncio.sleep(max(0.0, start + number * FRAME_SECONDS - loop.time()))
        self.send(ROOM)
