"""The people of the soak: who joins which meeting, how long they stay, how they go."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from slixmpp.exceptions import IqError, IqTimeout
from tests.bench.soak_visitor import Visitor
from tests.integration.bridge.scripted_focus import ScriptedFocus

from jitsiwire.colibri2 import (
    Capability,
    Colibri2Error,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    IceTransport,
    Media,
    PayloadType,
    Sctp,
    Transport,
)
from octoengine.dtls import DtlsError
from octoload.media import MediaEngine

MEDIA = (
    Media("audio", (PayloadType(111, "opus", 48000, 2),)),
    Media("video", (PayloadType(100, "VP8", 90000), PayloadType(96, "rtx", 90000))),
)
PEOPLE_A_MEETING = 5
STAY_SECONDS = 2.5
NOTICED_AFTER_SECONDS = 2.0
"""A focus is told by the client's own connection that it is gone."""
UNNOTICED = 0.05
"""The share of people whom the bridge has to give up by itself."""
VANISHING = 0.25
"""The share who go without a word, those included."""
WITH_CHANNEL = 0.05


@dataclass
class Meeting:
    """One conference, until it's full."""

    id: str
    creator: str
    """Whose request creates it; the others wait for that."""
    created: asyncio.Event = field(default_factory=asyncio.Event)
    members: dict[str, Visitor] = field(default_factory=dict[str, Visitor])
    joined: int = 0


class Crowd:
    """Lets people in and out."""

    def __init__(
        self,
        focus: ScriptedFocus,
        bridge: str,
        media: MediaEngine,
        prefix: str,
        unnoticed: float = UNNOTICED,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self._focus = focus
        self._bridge = bridge
        self._media = media
        self._prefix = prefix
        self._unnoticed = unnoticed
        self._chance = random.Random(1)
        self._meeting: Meeting | None = None
        self._numbers = 0
        self._present: set[Visitor] = set()

    @property
    def present(self) -> int:
        """How many are connected."""
        return len(self._present)

    async def visit(self, inside: Callable[[], None]) -> None:
        """Let one person join, stay a little and go; count how that went.

        Args:
            inside: Called once when joining is over, well or not.
        """
        manner = self._chance.random()
        with_channel = self._chance.random() < WITH_CHANNEL
        meeting, visitor = self._next()
        try:
            if not await self.join(meeting, visitor, with_channel=with_channel):
                return
        finally:
            inside()
        visitor.speak()
        await asyncio.sleep(STAY_SECONDS)
        if manner >= VANISHING:
            await self._expire(meeting, visitor)
            await self._gone(meeting, visitor, is_quiet=False)
            return
        await self._gone(meeting, visitor, is_quiet=True)
        self.counts["vanished"] += 1
        if manner >= self._unnoticed:
            await asyncio.sleep(NOTICED_AFTER_SECONDS)
            await self._expire(meeting, visitor)

    async def gather(self, people: int, *, with_channel: bool) -> list[tuple[Meeting, Visitor]]:
        """Let so many people join and stay."""
        here = [self._next() for _ in range(people)]
        limit = asyncio.Semaphore(20)

        async def enter(meeting: Meeting, visitor: Visitor) -> bool:
            async with limit:
                return await self.join(meeting, visitor, with_channel=with_channel)

        if not all(await asyncio.gather(*(enter(*place) for place in here))):
            raise SystemExit(f"soak: not everyone came in: {dict(self.reasons)}")
        return here

    async def dismiss(self, here: list[tuple[Meeting, Visitor]]) -> None:
        """Let them all go."""
        for meeting, visitor in here:
            await self._expire(meeting, visitor)
            await self._gone(meeting, visitor, is_quiet=False)

    async def join(self, meeting: Meeting, visitor: Visitor, *, with_channel: bool) -> bool:
        """Bring someone in; False (and counted) when it didn't work."""
        try:
            offered = await self._allocate(meeting, visitor, with_channel=with_channel)
            await self._modify(ConferenceModify(meeting.id, endpoints=(visitor.answer(),)))
            await visitor.connect(offered)
            if with_channel:
                await visitor.open_channel()
        except (DtlsError, TimeoutError, IqError, IqTimeout, RuntimeError) as error:
            self.counts["failed"] += 1
            self.reasons[f"{type(error).__name__}: {error}"[:120]] += 1
            await self._gone(meeting, visitor, is_quiet=True)
            return False
        self.counts["joins"] += 1
        self._present.add(visitor)
        for other in meeting.members.values():
            other.expect(visitor.ssrc)
            visitor.expect(other.ssrc)
        meeting.members[visitor.name] = visitor
        return True

    def _next(self) -> tuple[Meeting, Visitor]:
        self._numbers += 1
        name = f"e{self._numbers}"
        meeting = self._meeting
        if meeting is None or meeting.joined >= PEOPLE_A_MEETING:
            meeting = self._meeting = Meeting(f"{self._prefix}-{self._numbers}", name)
        meeting.joined += 1
        return meeting, Visitor(self._media, name, self._numbers)

    async def _allocate(
        self, meeting: Meeting, visitor: Visitor, *, with_channel: bool
    ) -> IceTransport:
        is_first = visitor.name == meeting.creator
        if not is_first:
            async with asyncio.timeout(10):
                await meeting.created.wait()
        wanted = Endpoint(
            visitor.name,
            create=True,
            stats_id=visitor.name,
            media=MEDIA,
            transport=Transport(ice_controlling=True, sctp=Sctp() if with_channel else None),
            sources=(),
            capabilities=(str(Capability.SOURCE_NAMES),),
        )
        name = "demo@muc.meet.jitsi" if is_first else None
        reply = await self._modify(
            ConferenceModify(meeting.id, name=name, create=is_first, endpoints=(wanted,))
        )
        meeting.created.set()
        transport = reply.endpoints[0].transport
        if transport is None or transport.ice is None:
            raise RuntimeError("the bridge offered no transport")
        return transport.ice

    async def _expire(self, meeting: Meeting, visitor: Visitor) -> None:
        try:
            await self._modify(
                ConferenceModify(meeting.id, endpoints=(Endpoint(visitor.name, expire=True),))
            )
        except (RuntimeError, IqError, IqTimeout) as error:
            self.reasons[f"expire: {error}"[:120]] += 1

    async def _gone(self, meeting: Meeting, visitor: Visitor, *, is_quiet: bool) -> None:
        self._present.discard(visitor)
        meeting.members.pop(visitor.name, None)
        if is_quiet:
            await visitor.vanish()
        else:
            await visitor.leave()

    async def _modify(self, request: ConferenceModify) -> ConferenceModified:
        outcome = await self._focus.modify(self._bridge, request)
        if isinstance(outcome, Colibri2Error):
            raise RuntimeError(f"refused: {outcome.condition} {outcome.reason} {outcome.text}")
        return outcome
