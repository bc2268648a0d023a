"""A conference of callers on one bridge, signalled by a scripted focus."""

from dataclasses import replace

from tests.integration.bridge.caller import Caller, eventually
from tests.integration.bridge.scripted_focus import ScriptedFocus

from jitsiwire.colibri2 import (
    Capability,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    Media,
    PayloadType,
    Sctp,
    Transport,
)

MEETING = "8f3c-meeting"
CAPABILITIES = (str(Capability.SOURCE_NAMES),)
MEDIA = (
    Media("audio", (PayloadType(111, "opus", 48000, 2),)),
    Media("video", (PayloadType(100, "VP8", 90000),)),
)


def creation(name: str, *, sctp: bool = False) -> Endpoint:
    """The request for a new participant."""
    return Endpoint(
        name,
        create=True,
        stats_id=name,
        media=MEDIA,
        transport=Transport(ice_controlling=True, sctp=Sctp() if sctp else None),
        sources=(),
        capabilities=CAPABILITIES,
    )


class Conversation:
    """The callers of one meeting on one bridge."""

    def __init__(self, focus: ScriptedFocus, bridge: str, meeting: str = MEETING) -> None:
        self.focus = focus
        self.bridge = bridge
        self.meeting = meeting
        self.callers: list[Caller] = []
        self.created = False

    async def modify(self, *endpoints: Endpoint, expire: bool = False) -> ConferenceModified:
        """Send a request that must work."""
        request = ConferenceModify(
            self.meeting,
            name=None if self.created else "demo@muc.meet.jitsi",
            create=not self.created,
            expire=expire,
            endpoints=endpoints,
        )
        outcome = await self.focus.modify(self.bridge, request)
        assert isinstance(outcome, ConferenceModified), outcome
        self.created = True
        return outcome

    async def join(
        self,
        name: str,
        *,
        sctp: bool = False,
        kind: type[Caller] = Caller,
        capabilities: tuple[str, ...] = CAPABILITIES,
        media: tuple[Media, ...] = MEDIA,
    ) -> Caller:
        """Let someone in, all the way to flowing media.

        With `sctp` it opens its message channel itself and asks for what it wants to see.
        """
        number = 1000 * (len(self.callers) + 1)
        caller = kind(name, number + 1, number + 2)
        self.callers.append(caller)
        asked = replace(creation(name, sctp=True), capabilities=capabilities, media=media)
        reply = await self.modify(asked)
        offered = reply.endpoints[0].transport
        assert offered is not None
        for other in self.callers[:-1]:
            other.expect(caller)
            caller.expect(other)
        await self.modify(caller.answer())
        await caller.connect(offered)
        caller.send_media()
        if not sctp:
            await caller.watch()
        return caller

    async def flows(self, seconds: float = 60.0) -> None:
        """Wait until everyone gets new packets of everyone else's audio, and of video asked for."""
        for receiver in self.callers:
            for sender in self.callers:
                if receiver is sender:
                    continue
                for ssrc in (sender.audio, sender.video) if receiver.watches else (sender.audio,):
                    before = receiver.packets(ssrc)

                    def more(r: Caller = receiver, s: int = ssrc, b: int = before) -> bool:
                        return r.packets(s) >= b + 5

                    await eventually(more, f"{receiver.name} gets SSRC {ssrc}", seconds)

    async def hang_up(self) -> None:
        """End every caller."""
        for caller in self.callers:
            await caller.hang_up()
