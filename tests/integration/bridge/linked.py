"""One meeting on several bridges: a scripted focus links them by relays, as Jicofo does.

Each new link is asked for on both sides at once; each side's answer goes to the other with the
DTLS role written in. Who joins is announced over every link of his bridge, and so are his sources.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.integration.bridge.caller import Caller, eventually
from tests.integration.bridge.conversation import CAPABILITIES, creation
from tests.integration.bridge.running import RunningBridge, running
from tests.integration.bridge.scripted_focus import ScriptedFocus, focus_in
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import (
    Colibri2Error,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    HeaderExtension,
    Media,
    PayloadType,
    Relay,
    RtcpFeedback,
    Sctp,
    Transport,
)

MEETING = "3ed1-linked"
FEEDBACK = (
    RtcpFeedback("ccm", "fir"),
    RtcpFeedback("nack"),
    RtcpFeedback("nack", "pli"),
    RtcpFeedback("transport-cc"),
)
LEVEL = HeaderExtension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level")
TCC = HeaderExtension(
    5, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)
MEDIA = (
    Media("audio", (PayloadType(111, "opus", 48000, 2),), (LEVEL, TCC)),
    Media(
        "video",
        (
            PayloadType(100, "VP8", 90000, feedback=FEEDBACK),
            PayloadType(96, "rtx", 90000, parameters=(("apt", "100"),)),
        ),
        (TCC,),
    ),
)


@dataclass
class Place:
    """One bridge's part of a meeting."""

    bridge: RunningBridge
    callers: list[Caller] = field(default_factory=list[Caller])
    linked: set[str] = field(default_factory=set[str])
    """Relay ids of the bridges it is linked to."""
    created: bool = False

    @property
    def relay_id(self) -> str:
        """What other bridges call it."""
        return self.bridge.environ["JVB_OCTO_RELAY_ID"]


class Meeting:
    """See the module."""

    def __init__(self, focus: ScriptedFocus, bridges: Sequence[RunningBridge]) -> None:
        self.focus = focus
        self.places = [Place(bridge) for bridge in bridges]
        self._joined = 0

    @property
    def callers(self) -> list[Caller]:
        """Everyone."""
        return [caller for place in self.places for caller in place.callers]

    async def ask(self, place: Place, request: ConferenceModify) -> ConferenceModified:
        """Send a request that must work."""
        outcome = await self.try_to(place, request)
        assert isinstance(outcome, ConferenceModified), outcome
        return outcome

    async def try_to(
        self, place: Place, request: ConferenceModify
    ) -> ConferenceModified | Colibri2Error:
        """Send a request and return what came of it."""
        return await self.focus.modify(place.bridge.nickname, request)

    async def relay(self, place: Place, relay: Relay) -> Relay:
        """Ask a bridge for something about a relay."""
        reply = await self.ask(place, ConferenceModify(MEETING, relays=(relay,)))
        return reply.relays[0]

    async def join(
        self, place: Place, name: str, kind: type[Caller] = Caller, *, watches: bool = True
    ) -> Caller:
        """Let someone in on one bridge, all the way to flowing media, and announce him."""
        self._joined += 1
        caller = kind(name, 1000 * self._joined + 1, 1000 * self._joined + 2)
        for other in self.callers:
            other.expect(caller)
            caller.expect(other)
        place.callers.append(caller)
        offered = await self._create(place, name)
        await self.announce(place, Endpoint(name, create=True, sources=()))
        await self.ask(place, ConferenceModify(MEETING, endpoints=(caller.answer(),)))
        await self.announce(place, Endpoint(name, sources=caller.sources()))
        await caller.connect(offered)
        caller.send_media()
        if watches:
            await caller.watch()
        return caller

    async def leave(self, place: Place, caller: Caller) -> None:
        """Let someone go, and say so."""
        place.callers.remove(caller)
        gone = Endpoint(caller.name, expire=True)
        await self.ask(place, ConferenceModify(MEETING, endpoints=(gone,)))
        await self.announce(place, gone)
        await caller.hang_up()

    async def announce(self, place: Place, endpoint: Endpoint) -> None:
        """Tell the bridges that one is linked to what becomes of one of its people."""
        told = replace(endpoint, capabilities=CAPABILITIES if endpoint.create else ())
        for other in self.places:
            if place.relay_id in other.linked:
                await self.relay(other, Relay(place.relay_id, endpoints=(told,)))

    async def link(
        self, one: Place, other: Place, mesh: str = "0", *, through: int | None = None
    ) -> None:
        """Link two bridges that have people already; the first is Jicofo's initiator.

        With `through`, each can reach the other only by way of this port of loopback.
        """
        first = await self.relay(one, self._link(other, mesh, initiator=True))
        second = await self.relay(other, self._link(one, mesh, initiator=False))
        one.linked.add(other.relay_id)
        other.linked.add(one.relay_id)
        to_one, to_other = told(second, "active"), told(first, "passive")
        if through is not None:
            to_one, to_other = at(to_one, through), at(to_other, None)
        await self.relay(one, Relay(other.relay_id, transport=to_one))
        await self.relay(other, Relay(one.relay_id, transport=to_other))

    async def unlink(self, place: Place, other: Place) -> None:
        """End one side of a link."""
        await self.relay(place, Relay(other.relay_id, expire=True))
        place.linked.discard(other.relay_id)

    async def hang_up(self) -> None:
        """End every caller."""
        for caller in self.callers:
            await caller.hang_up()

    async def _create(self, place: Place, name: str) -> Transport:
        asked = replace(creation(name, sctp=True), media=MEDIA)
        request = ConferenceModify(
            MEETING,
            name=None if place.created else "demo@muc.meet.jitsi",
            create=not place.created,
            endpoints=(asked,),
        )
        place.created = True
        offered = (await self.ask(place, request)).endpoints[0].transport
        assert offered is not None
        return offered

    def _link(self, to: Place, mesh: str, *, initiator: bool) -> Relay:
        people = tuple(
            Endpoint(c.name, create=True, sources=c.sources(), capabilities=CAPABILITIES)
            for c in to.callers
        )
        return Relay(
            to.relay_id,
            create=True,
            mesh_id=mesh,
            media=MEDIA,
            transport=Transport(
                ice_controlling=initiator,
                use_unique_port=initiator,
                sctp=Sctp(role="client" if initiator else "server"),
            ),
            endpoints=people,
        )


def told(answer: Relay, setup: str) -> Transport:
    """What the focus tells the other side of a relay's answer."""
    assert answer.transport is not None
    ice = answer.transport.ice
    assert ice is not None
    assert [f.setup for f in ice.fingerprints] == ["actpass"]
    roles = tuple(replace(f, setup=setup) for f in ice.fingerprints)
    return Transport(ice=replace(ice, fingerprints=roles))


def at(transport: Transport, port: int | None) -> Transport:
    """The same at another port; None = nowhere that could be known."""
    ice = transport.ice
    assert ice is not None
    moved = tuple(replace(c, port=port) for c in ice.candidates[:1] if port is not None)
    return replace(transport, ice=replace(ice, candidates=moved))


async def sees(receiver: Caller, sender: Caller, seconds: float = 30.0) -> None:
    """Wait until someone gets new packets of somebody's voice and picture."""
    for ssrc in (sender.audio, sender.video):
        before = receiver.packets(ssrc)
        await eventually(
            lambda ssrc=ssrc, before=before: receiver.packets(ssrc) >= before + 5,
            f"{receiver.name} gets {ssrc} of {sender.name}",
            seconds,
        )


@asynccontextmanager
async def meeting_on(prosody: Prosody, count: int) -> AsyncGenerator[Meeting]:
    """A meeting on so many bridges of regions of their own, not linked yet."""
    async with AsyncExitStack() as stack:
        focus = await stack.enter_async_context(focus_in(prosody))
        bridges = [
            await stack.enter_async_context(
                running(
                    prosody,
                    f"jvb-{number}",
                    ENABLE_OCTO="1",
                    JVB_OCTO_REGION=f"region-{number}",
                    JVB_OCTO_RELAY_ID=f"relay-{number}",
                )
            )
            for number in range(1, count + 1)
        ]
        for bridge in bridges:
            published = await focus.until_bridge(bridge.nickname)
            assert published.relay_id == bridge.environ["JVB_OCTO_RELAY_ID"]
        meeting = Meeting(focus, bridges)
        try:
            yield meeting
        finally:
            await meeting.hang_up()
