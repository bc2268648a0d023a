"""A participant that does real ICE, DTLS-SRTP and RTP on loopback, with an engine of its own."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from jitsiwire.bridge_channel import build
from jitsiwire.colibri2 import (
    Candidate,
    Endpoint,
    Fingerprint,
    IceTransport,
    MediaSource,
    Source,
    Transport,
)
from octoengine import Command, Engine, Event, SourceStats
from octoengine.dtls import Dtls, Keys, Role, fingerprint, process_certificate
from octoengine.dtls import Fingerprint as DtlsFingerprint
from octoengine.ice import (
    Agent,
    Credentials,
    LocalCandidate,
    RemoteCandidate,
    Selected,
    Validated,
)
from octoengine.ice import (
    Role as IceRole,
)
from octoengine.sctp import Association
from octoload.watching import EVERYTHING, message_channel

TRANSPORT = 1


class Caller:
    """One participant; `audio` and `video` are the SSRCs it sends."""

    def __init__(self, name: str, audio: int, video: int, address: str = "127.0.0.1") -> None:
        self.name = name
        self.audio = audio
        self.video = video
        self.address = address
        self.path: Selected | None = None
        self.keys: Keys | None = None
        self.selected = asyncio.Event()
        self.role: Role = "client"
        self.watches = False
        """Whether it has asked for video."""
        self._loop = asyncio.get_running_loop()
        self._engine = Engine()
        self._socket, self.port = self._engine.bind(address, 0)
        self._credentials = Credentials.generate()
        self._agent = Agent(
            IceRole.CONTROLLED,
            self._credentials,
            (LocalCandidate(self._socket, address, self.port),),
            self._loop.time(),
        )
        self._dtls: Dtls | None = None
        self._sctp: Association | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._engine.submit(
            [
                Command.AddTransport(TRANSPORT, 1, sink=True),
                Command.SetIce(TRANSPORT, self._credentials.ufrag, self._credentials.pwd),
            ]
        )
        self._loop.add_reader(self._engine.event_fd(), self._drain)

    # ---- signalling -----------------------------------------------------------------------

    def answer(
        self, *, candidate: bool = True, setup: str | None = "active", digest: str | None = None
    ) -> Endpoint:
        """What the focus tells the bridge once this client has accepted.

        With `setup` "passive" the client waits for the bridge's ClientHello; with `digest` it
        claims another certificate than it has.
        """
        self.role = "server" if setup == "passive" else "client"
        ours = fingerprint(process_certificate())
        mine = Candidate(1, "1", 0, "c", 0, self.address, self.port, 2130706431, "udp", "host")
        return Endpoint(
            self.name,
            transport=Transport(
                ice=IceTransport(
                    self._credentials.ufrag,
                    self._credentials.pwd,
                    candidates=(mine,) if candidate else (),
                    rtcp_mux=True,
                    fingerprints=(Fingerprint(ours.algorithm, digest or ours.value, setup),),
                )
            ),
            sources=self.sources(),
        )

    def sources(self) -> tuple[MediaSource, ...]:
        """Its microphone and camera."""
        return tuple(
            MediaSource(kind, f"{self.name}-{kind[0]}0", (Source(ssrc, f"{self.name}-{kind[0]}0"),))
            for kind, ssrc in (("audio", self.audio), ("video", self.video))
        )

    async def connect(self, offered: Transport, seconds: float = 60.0) -> None:
        """Do ICE and DTLS with what the bridge offered."""
        ice = offered.ice
        assert ice is not None
        assert ice.ufrag is not None
        assert ice.pwd is not None
        self._agent.set_remote_credentials(Credentials(ice.ufrag, ice.pwd), self._loop.time())
        for c in ice.candidates:
            self._agent.add_remote_candidate(RemoteCandidate(c.ip, c.port, c.priority, c.type))
        self._pump()
        async with asyncio.timeout(seconds):
            await self.selected.wait()
            remote = [DtlsFingerprint(f.hash, f.value) for f in ice.fingerprints]
            self._dtls = Dtls(self.role, remote, self._send_dtls, self._install)
            await self._dtls.handshake()

    async def open_channel(self, seconds: float = 60.0) -> "tuple[Any, asyncio.Queue[Any]]":
        """Open the message channel as a client does; return it and what comes over it."""
        assert self._dtls is not None
        self._sctp = Association(self._dtls)
        await self._sctp.begin()
        # The event emitter of aiortc is untyped.
        channel: Any = message_channel(self._sctp)
        opened = asyncio.Event()
        messages: asyncio.Queue[Any] = asyncio.Queue()
        channel.on("open", opened.set)
        channel.on("message", messages.put_nowait)
        if channel.readyState != "open":
            await asyncio.wait_for(opened.wait(), seconds)
        return channel, messages

    async def watch(self) -> None:
        """Ask for everyone's video, without which a bridge sends none."""
        channel, _ = await self.open_channel()
        self.ask(channel)

    def ask(self, channel: Any) -> None:
        """Ask on a channel that is open already."""
        channel.send(build(EVERYTHING))
        self.watches = True

    def misbehave(self, data: bytes) -> None:
        """Send raw bytes to the bridge from the address it trusts."""
        assert self.path is not None
        self._engine.submit(
            [Command.SendDatagram(self._socket, self.path.address, self.path.port, data)]
        )

    async def misbehave_inside(self, data: bytes) -> None:
        """Send raw bytes where SCTP is expected, within DTLS."""
        assert self._dtls is not None
        await self._dtls.send_application_data(data)

    # ---- media ----------------------------------------------------------------------------

    def send_media(self) -> None:
        """Start to speak and to show."""
        self._engine.submit(
            [
                Command.StartStream(TRANSPORT, self.audio, "audio", 111, 120),
                Command.StartStream(TRANSPORT, self.video, "video", 100, 1000, 0.0, 20.0, 400_000),
            ]
        )

    def submit(self, commands: list[Command]) -> None:
        """Give its engine commands."""
        self._engine.submit(commands)

    def stop_media(self) -> None:
        """Fall silent."""
        self._engine.submit([Command.StopStream(TRANSPORT, s) for s in (self.audio, self.video)])

    def expect(self, other: "Caller") -> None:
        """Count what another participant sends."""
        self._engine.submit(
            [
                Command.AddSource(TRANSPORT, other.audio, "audio"),
                Command.AddSource(TRANSPORT, other.video, "video"),
            ]
        )

    def received(self, ssrc: int) -> SourceStats | None:
        """What came of an SSRC so far."""
        found = [s for s in self._engine.source_stats() if s.ssrc == ssrc]
        return found[0] if found else None

    def packets(self, ssrc: int) -> int:
        """How many packets came of an SSRC."""
        stats = self.received(ssrc)
        return stats.packets if stats else 0

    def counters(self) -> dict[str, int]:
        """The engine's own counters."""
        return self._engine.stats().counters

    def ask_keyframe(self, ssrc: int) -> None:
        """Send a picture loss indication (RFC 4585 §6.3.1) about someone's video."""
        sender = (0xABCD1234).to_bytes(4, "big")
        empty_rr = b"\x80\xc9\x00\x01" + sender
        pli = b"\x81\xce\x00\x02" + sender + ssrc.to_bytes(4, "big")
        self._engine.submit([Command.SendRtcp(TRANSPORT, empty_rr + pli)])

    # ---- plumbing -------------------------------------------------------------------------

    def _drain(self) -> None:
        for event in self._engine.poll():
            match event:
                case Event.Stun(socket, address, port, data):
                    self._agent.receive(data, socket, (address, port), self._loop.time())
                case Event.Dtls(_, data) if self._dtls is not None:
                    self._dtls.receive(data)
                case _:
                    pass
        self._pump()

    def _pump(self) -> None:
        commands: list[Command] = []
        for event in self._agent.events():
            match event:
                case Validated(socket, address, port):
                    commands.append(Command.BindAddress(TRANSPORT, socket, address, port))
                case Selected(socket, address, port):
                    commands.append(Command.SelectAddress(TRANSPORT, socket, address, port))
                    self.path = event
                    self.selected.set()
                case _:
                    pass
        commands += [
            Command.SendDatagram(t.socket, t.address, t.port, t.data)
            for t in self._agent.transmits()
        ]
        self._engine.submit(commands)
        if self._timer is not None:
            self._timer.cancel()
        due = self._agent.deadline()
        self._timer = None if due is None else self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._agent.expire(self._loop.time())
        self._pump()

    def _send_dtls(self, data: bytes) -> None:
        self._engine.submit([Command.SendData(TRANSPORT, data)])

    def _install(self, keys: Keys) -> None:
        self.keys = keys
        self._engine.submit([Command.SetKeys(TRANSPORT, keys.profile, keys.receive, keys.send)])

    async def hang_up(self) -> None:
        """Stop everything at once, as a client whose page was closed."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sctp is not None:
            await self._sctp.stop()
        if self._dtls is not None:
            await self._dtls.close()
        self._loop.remove_reader(self._engine.event_fd())
        self._engine.close()


async def eventually(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait until something that only grows is there."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


async def settled(count: Callable[[], int], what: str, seconds: float = 60.0) -> int:
    """Wait until a count has stood still for a moment; return it."""
    deadline = time.monotonic() + seconds
    last = count()
    while True:
        await asyncio.sleep(0.4)
        now = count()
        if now == last:
            return now
        if time.monotonic() > deadline:
            raise AssertionError(f"still growing after {seconds:g} s: {what}")
        last = now
