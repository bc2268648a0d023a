"""A focus and bridges in this process, for participants to talk to over loopback.

The bridge is the engine itself: real ICE, DTLS, SRTP, media. The focus is as small as can be:
it places everyone of a conference on one bridge, tells them of each other, and does what a
test asks for (move, restart, forget, wait).
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from octoengine import Command, Engine, Event, dtls, ice
from octoload import signalling
from octoload.crowd import Crowd
from octoload.focus.requests import described_media

LOCAL = "127.0.0.1"
CERTIFICATE = dtls.Certificate.generate()


@dataclass
class Endpoint:
    """One participant's end at the bridge."""

    transport: int
    agent: ice.Agent
    sources: signalling.SourcesOffered
    secure: dtls.Dtls | None = None
    handshake: asyncio.Task[dtls.Keys] | None = None
    is_linked: bool = False


class Bridge:
    """An engine that forwards every source of a transport to all other transports."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine = Engine()
        self.socket, self.port = self.engine.bind(LOCAL, 0)
        self.advertised_port = self.port
        self.endpoints: dict[str, Endpoint] = {}
        self._numbers = itertools.count(1)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.engine.event_fd(), self._deliver)
        self._ticker = asyncio.create_task(self._tick())

    async def close(self) -> None:
        self._ticker.cancel()
        for key in list(self.endpoints):
            await self.expire(key)
        self._loop.remove_reader(self.engine.event_fd())
        self.engine.close()

    def allocate(
        self, key: str, sources: signalling.SourcesOffered
    ) -> signalling.TransportDescription:
        candidate = ice.LocalCandidate(self.socket, LOCAL, self.port)
        local = ice.Credentials.generate()
        agent = ice.Agent(ice.Role.CONTROLLING, local, (candidate,), time.monotonic())
        end = Endpoint(next(self._numbers), agent, sources)
        self.endpoints[key] = end
        self.engine.submit(
            [
                Command.AddTransport(end.transport, 1),
                Command.SetIce(end.transport, local.ufrag, local.pwd),
                Command.SetPayloadTypes(end.transport, [(100, "VP8", -1), (96, "RTX", 100)]),
                *(Command.AddSource(end.transport, ssrc, kind) for ssrc, kind in ssrcs_of(sources)),
                *(
                    Command.AddSource(end.transport, rtx, "rtx", ssrc)
                    for ssrc, rtx in repairs_of(sources).items()
                ),
            ]
        )
        return signalling.TransportDescription(
            ufrag=local.ufrag,
            pwd=local.pwd,
            candidates=(
                signalling.Candidate(priority=1, address=LOCAL, port=self.advertised_port),
            ),
            fingerprint=dtls.fingerprint(CERTIFICATE).value,
            setup="actpass",
        )

    def answered(self, key: str, transport: signalling.TransportDescription) -> None:
        end = self.endpoints[key]
        end.secure = dtls.Dtls(
            dtls.role_of_answer(transport.setup),
            [dtls.Fingerprint(transport.fingerprint_hash, transport.fingerprint)],
            lambda data: self.engine.submit([Command.SendData(end.transport, data)]),
            lambda keys: self._keys(end, keys),
            certificate=CERTIFICATE,
        )
        now = time.monotonic()
        end.agent.set_remote_credentials(ice.Credentials(transport.ufrag, transport.pwd), now)
        self._run(end)

    async def expire(self, key: str) -> None:
        end = self.endpoints.pop(key, None)
        if end is not None:
            if end.handshake is not None:
                end.handshake.cancel()
                await asyncio.gather(end.handshake, return_exceptions=True)
            if end.secure is not None:
                await end.secure.close()
            self.engine.submit([Command.RemoveTransport(end.transport)])

    def go_silent(self) -> None:
        """Die without a word."""
        self._loop.remove_reader(self.engine.event_fd())
        self._ticker.cancel()
        self.engine.submit([Command.RemoveTransport(e.transport) for e in self.endpoints.values()])

    def _keys(self, end: Endpoint, keys: dtls.Keys) -> None:
        self.engine.submit([Command.SetKeys(end.transport, keys.profile, keys.receive, keys.send)])
        end.is_linked = True
        for other in self.endpoints.values():
            if other is not end and other.is_linked:
                for a, b in ((end, other), (other, end)):
                    repairs = repairs_of(b.sources)
                    self.engine.submit(
                        [
                            Command.Subscribe(
                                a.transport, b.transport, ssrc, 0, repairs.get(ssrc, 0)
                            )
                            for ssrc, _ in ssrcs_of(b.sources)
                        ]
                    )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            for end in list(self.endpoints.values()):
                deadline = end.agent.deadline()
                if deadline is not None and deadline <= time.monotonic():
                    end.agent.expire(time.monotonic())
                self._run(end)

    def _deliver(self) -> None:
        for event in self.engine.poll():
            match event:
                case Event.Stun(socket, address, port, data):
                    ufrag = ice.username_fragment(data)
                    for end in list(self.endpoints.values()):
                        if ufrag in (None, end.agent.local.ufrag):
                            source = (address, port)
                            end.agent.receive(data, socket, source, time.monotonic())
                            self._run(end)
                case Event.Dtls(transport, data):
                    for end in self.endpoints.values():
                        if end.transport == transport and end.secure is not None:
                            end.secure.receive(data)
                case _:
                    pass

    def _run(self, end: Endpoint) -> None:
        for event in end.agent.events():
            if isinstance(event, ice.Validated):
                bind = Command.BindAddress(end.transport, event.socket, event.address, event.port)
                self.engine.submit([bind])
            elif isinstance(event, ice.Selected):
                select = Command.SelectAddress(
                    end.transport, event.socket, event.address, event.port
                )
                self.engine.submit([select])
                if end.handshake is None and end.secure is not None:
                    end.handshake = asyncio.create_task(end.secure.handshake())
        for sent in end.agent.transmits():
            send = Command.SendDatagram(sent.socket, sent.address, sent.port, sent.data)
            self.engine.submit([send])


def ssrcs_of(sources: signalling.SourcesOffered) -> list[tuple[int, str]]:
    pairs = ((sources.audio_ssrc, "audio"), (sources.video_ssrc, "video"))
    return [(ssrc, kind) for ssrc, kind in pairs if ssrc is not None]


def repairs_of(sources: signalling.SourcesOffered) -> dict[int, int]:
    pairs = (group.ssrcs for group in sources.video_groups if group.semantics == "FID")
    return {pair[0]: pair[1] for pair in pairs}


@dataclass
class Member:
    endpoint_id: str
    sources: signalling.SourcesOffered
    socket: web.WebSocketResponse
    session_id: str = ""
    bridge: Bridge | None = None
    old: tuple[Bridge, str] | None = None
    answered: bool = False
    restarts: list[str] = field(default_factory=list[str])

    def announced(self) -> tuple[signalling.RemoteSource, ...]:
        return tuple(
            signalling.RemoteSource(
                endpoint_id=self.endpoint_id,
                ssrc=ssrc,
                kind="audio" if kind == "audio" else "video",
                rtx=repairs_of(self.sources).get(ssrc),
            )
            for ssrc, kind in ssrcs_of(self.sources)
        )


class Focus:
    """One conference, one bridge at a time."""

    def __init__(self) -> None:
        self.bridge: Bridge | None = None
        self.members: dict[str, Member] = {}
        self.joins: list[signalling.Join] = []
        self.is_deaf = False
        self._numbers = itertools.count(1)
        self.url = ""

    async def signal(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        member: Member | None = None
        async for frame in socket:
            if self.is_deaf:
                continue
            message = signalling.parse_client(frame.data)
            if isinstance(message, signalling.Join):
                member = await self.join(message, socket)
            elif member is not None:
                await self.said(member, message)
        return socket

    async def join(self, join: signalling.Join, socket: web.WebSocketResponse) -> Member:
        self.joins.append(join)
        known = self.members.get(join.endpoint_id or "")
        if known is not None:
            known.socket = socket
            if join.session_id == known.session_id:
                resumed = signalling.Resumed(
                    session_id=known.session_id,
                    endpoint_id=known.endpoint_id,
                    sources=self.others(known),
                )
                await self.tell(known, resumed)
            else:
                await self.place(known)
            return known
        name = join.endpoint_id or f"e{next(self._numbers)}"
        member = Member(name, join.sources, socket)
        self.members[name] = member
        await self.place(member)
        return member

    async def place(self, member: Member) -> None:
        if self.bridge is None:
            await self.tell(member, signalling.Waiting(reason="no bridge"))
            return
        if member.bridge is not None:
            member.old = (member.bridge, member.session_id)
        member.session_id = f"s{next(self._numbers)}"
        member.bridge = self.bridge
        transport = self.bridge.allocate(member.session_id, member.sources)
        offer = signalling.Offer(
            session_id=member.session_id,
            endpoint_id=member.endpoint_id,
            bridge=self.bridge.name,
            transport=transport,
            sources=self.others(member),
            media=described_media(),
        )
        await self.tell(member, offer)

    async def said(self, member: Member, message: signalling.ClientMessage) -> None:
        match message:
            case signalling.Answer(session_id=session_id):
                if session_id == member.session_id and member.bridge is not None:
                    member.bridge.answered(session_id, message.transport)
                    if not member.answered:
                        member.answered = True
                        await self.spread(member, signalling.Sources(added=member.announced()))
            case signalling.Connected():
                if member.old is not None:
                    bridge, session_id = member.old
                    await bridge.expire(session_id)
            case signalling.Restart(session_id=session_id, reason=reason):
                member.restarts.append(reason)
                if session_id == member.session_id:
                    await self.place(member)
            case signalling.Leave():
                del self.members[member.endpoint_id]
                gone = tuple(source.ssrc for source in member.announced())
                await self.spread(member, signalling.Sources(removed=gone))
                if member.bridge is not None:
                    await member.bridge.expire(member.session_id)
            case signalling.Ping(id=number):
                await self.tell(member, signalling.Pong(id=number))
            case signalling.Join():
                raise AssertionError("a second join on one connection")
            case signalling.Publish() | signalling.Trickle() | signalling.IceRestart():
                raise AssertionError("only browsers say this")

    def others(self, member: Member) -> tuple[signalling.RemoteSource, ...]:
        return tuple(
            source
            for other in self.members.values()
            if other is not member and other.answered
            for source in other.announced()
        )

    async def spread(self, sender: Member, message: signalling.FocusMessage) -> None:
        for other in list(self.members.values()):
            if other is not sender:
                await self.tell(other, message)

    async def tell(self, member: Member, message: signalling.FocusMessage) -> None:
        if not member.socket.closed:
            await member.socket.send_str(signalling.build(message))

    async def hang_up(self) -> None:
        for member in list(self.members.values()):
            await member.socket.close()


Bridges = Callable[[str], Bridge]


@pytest.fixture
async def bridges() -> AsyncIterator[Bridges]:
    made: list[Bridge] = []

    def make(name: str) -> Bridge:
        made.append(Bridge(name))
        return made[-1]

    yield make
    for bridge in made:
        await bridge.close()


@pytest.fixture
async def focus(bridges: Bridges) -> AsyncIterator[Focus]:
    made = Focus()
    app = web.Application()
    app.router.add_get("/signal", made.signal)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, LOCAL, 0)
    await site.start()
    made.url = f"http://{LOCAL}:{runner.addresses[0][1]}/signal"
    made.bridge = bridges("bridge-a")
    yield made
    await runner.cleanup()


@pytest.fixture
async def crowd(focus: Focus) -> AsyncIterator[Crowd]:
    async with Crowd(focus.url, LOCAL) as made:
        yield made
