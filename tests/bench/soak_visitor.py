"""Somebody who joins for a few seconds: real ICE, DTLS-SRTP, a voice, sometimes a data channel.

As cheap as it can be: all of them share one engine, one certificate and one event loop.
"""

import asyncio
from typing import Any

from jitsiwire.colibri2 import (
    Candidate,
    Endpoint,
    Fingerprint,
    IceTransport,
    MediaSource,
    Source,
    Transport,
)
from octoengine import Command, dtls
from octoengine.ice import (
    Agent,
    ConsentLost,
    Credentials,
    Failed,
    LocalCandidate,
    RemoteCandidate,
    Role,
    Selected,
    Validated,
)
from octoengine.sctp import Association
from octoload.media import MediaEngine
from octoload.watching import message_channel

CONNECT_SECONDS = 15.0
AUDIO_BYTES = 80
PACKETS_PER_SECOND = 10.0


class Visitor:
    """See the module; `ssrc` is its voice."""

    def __init__(self, media: MediaEngine, name: str, ssrc: int) -> None:
        self.name = name
        self.ssrc = ssrc
        self._media = media
        self._loop = asyncio.get_running_loop()
        self._line = media.open_line(self, 0)
        self._credentials = Credentials.generate()
        self._agent = Agent(
            Role.CONTROLLED,
            self._credentials,
            (LocalCandidate(self._line.socket, media.address, self._line.port),),
            self._loop.time(),
        )
        self._selected = asyncio.Event()
        self._dtls: dtls.Dtls | None = None
        self._association: Association | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_gone = False
        ours = self._credentials
        self._line.submit(Command.SetIce(self._line.transport, ours.ufrag, ours.pwd))

    def answer(self) -> Endpoint:
        """Return what the focus tells the bridge about it."""
        ours = dtls.fingerprint(dtls.process_certificate())
        mine = Candidate(
            1, "1", 0, "c", 0, self._media.address, self._line.port, 2130706431, "udp", "host"
        )
        return Endpoint(
            self.name,
            transport=Transport(
                ice=IceTransport(
                    self._credentials.ufrag,
                    self._credentials.pwd,
                    candidates=(mine,),
                    rtcp_mux=True,
                    fingerprints=(Fingerprint(ours.algorithm, ours.value, "active"),),
                )
            ),
            sources=(
                MediaSource("audio", f"{self.name}-a0", (Source(self.ssrc, f"{self.name}-a0"),)),
            ),
        )

    async def connect(self, offered: IceTransport) -> None:
        """Do ICE and DTLS; raises TimeoutError or `dtls.DtlsError`."""
        assert offered.ufrag is not None
        assert offered.pwd is not None
        now = self._loop.time()
        self._agent.set_remote_credentials(Credentials(offered.ufrag, offered.pwd), now)
        for c in offered.candidates:
            self._agent.add_remote_candidate(RemoteCandidate(c.ip, c.port, c.priority, c.type))
        self._pump()
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._selected.wait()
            remote = [dtls.Fingerprint(f.hash, f.value) for f in offered.fingerprints]
            self._dtls = dtls.Dtls("client", remote, self._send_dtls, self._install)
            await self._dtls.handshake()

    async def open_channel(self) -> None:
        """Open the message channel and wait until the bridge answers a hello."""
        assert self._dtls is not None
        self._association = Association(self._dtls)
        await self._association.begin()
        # The event emitter of aiortc is untyped.
        channel: Any = message_channel(self._association)
        opened, answered = asyncio.Event(), asyncio.Event()
        channel.on("open", opened.set)

        def hear(_: object) -> None:
            answered.set()

        channel.on("message", hear)
        async with asyncio.timeout(CONNECT_SECONDS):
            await opened.wait()
            channel.send('{"colibriClass":"ClientHello"}')
            await answered.wait()

    def speak(self) -> None:
        """Send a voice's packets, few of them."""
        self._line.submit(
            Command.StartStream(
                self._line.transport, self.ssrc, "audio", 111, AUDIO_BYTES, PACKETS_PER_SECOND
            )
        )

    def expect(self, ssrc: int) -> None:
        """Take what someone else says."""
        self._line.submit(Command.AddSource(self._line.transport, ssrc, "audio"))

    async def leave(self) -> None:
        """Say goodbye and go."""
        if self._association is not None:
            await self._association.stop()
        if self._dtls is not None:
            await self._dtls.close()
        await self.vanish()

    async def vanish(self) -> None:
        """Be gone without a word. Idempotent."""
        self._is_gone = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._line.close()
        # What they say now goes nowhere, but their timers end.
        if self._association is not None:
            await self._association.stop()
        if self._dtls is not None:
            await self._dtls.close()

    # ---- from the engine ------------------------------------------------------------------

    def stun_received(self, address: str, port: int, data: bytes) -> None:
        self._agent.receive(data, self._line.socket, (address, port), self._loop.time())
        self._pump()

    def dtls_received(self, data: bytes) -> None:
        if self._dtls is not None:
            self._dtls.receive(data)

    def _pump(self) -> None:
        if self._is_gone:
            return
        commands: list[Command] = []
        transport = self._line.transport
        for event in self._agent.events():
            match event:
                case Validated(socket, address, port):
                    commands.append(Command.BindAddress(transport, socket, address, port))
                case Selected(socket, address, port):
                    commands.append(Command.SelectAddress(transport, socket, address, port))
                    self._selected.set()
                case Failed() | ConsentLost():
                    pass
        commands += [
            Command.SendDatagram(t.socket, t.address, t.port, t.data)
            for t in self._agent.transmits()
        ]
        if commands:
            self._line.submit(*commands)
        if self._timer is not None:
            self._timer.cancel()
        due = self._agent.deadline()
        self._timer = None if due is None else self._loop.call_at(due, self._expire)

    def _expire(self) -> None:
        self._agent.expire(self._loop.time())
        self._pump()

    def _send_dtls(self, data: bytes) -> None:
        self._line.submit(Command.SendData(self._line.transport, data))

    def _install(self, keys: dtls.Keys) -> None:
        self._line.submit(
            Command.SetKeys(self._line.transport, keys.profile, keys.receive, keys.send)
        )
