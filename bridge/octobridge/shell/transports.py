"""All transports of the bridge: turns effects into engine commands and runs ICE and DTLS.

One UDP port serves everyone, so this is also where STUN finds its way: a request names its
transport by the first half of USERNAME, a response by the transaction we sent.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from octobridge.core import effects as fx
from octobridge.shell.commands import command
from octobridge.shell.ice_run import IceRun
from octobridge.shell.link import Link, LinkOwner, Reporter
from octobridge.shell.media import MediaEngine
from octobridge.shell.paths import Paths
from octobridge.shell.unique_ports import UniquePorts
from octoengine import Command, Event
from octoengine.ice import is_stun, username_fragment

__all__ = ["Reporter", "Transports"]

MAX_TRANSACTIONS: Final = 100_000
MAX_HANDSHAKES: Final = 2_000
"""DTLS handshakes under way; those beyond begin when the peer says hello again."""


class Transports(LinkOwner):
    """The links by number, and the tables that find them."""

    def __init__(self, media: MediaEngine, reporter: Reporter, ports: UniquePorts) -> None:
        self.media = media
        self.reporter = reporter
        self.messages_sent = 0
        self.dropped: Counter[str] = Counter()
        """Datagrams not used, by reason; links add theirs when they close."""
        self.paths = Paths()
        self._ports = ports
        self._links: dict[int, Link] = {}
        self._sources: dict[int, set[int]] = {}
        self._closing: set[Link] = set()
        self._shaking: set[Link] = set()
        self._by_ufrag: dict[str, IceRun] = {}
        self._by_transaction: dict[bytes, IceRun] = {}
        media.listen(self)

    @property
    def held(self) -> dict[str, int]:
        """How much is kept, by table: all zero when nobody is here."""
        return {
            "links": len(self._links),
            "agents": len(self._by_ufrag),
            "addresses": len(self.paths),
            "handshakes": len(self._shaking),
            "transactions": len(self._by_transaction),
            "closing": len(self._closing),
            "unique_ports": len(self._ports),
        }

    def apply(self, effects: Iterable[fx.Effect]) -> None:
        """Do all of it, in order, as one batch of commands."""
        commands: list[Command] = []
        for effect in effects:
            commands += self._commands(effect, commands)
        self.media.submit(commands)

    def _commands(self, effect: fx.Effect, before: list[Command]) -> list[Command]:
        match effect:
            case fx.CreateTransport():
                return self._create(effect)
            case fx.SetRemote() | fx.RestartIce():
                # ICE may send at once, and must not overtake what was decided before it.
                self.media.submit(before)
                before.clear()
                self._tell(effect)
                return []
            case fx.RemoveTransport(transport):
                return self._remove(transport)
            case fx.SendMessage(transport, text):
                link = self._links.get(transport)
                if link is not None:
                    self.messages_sent += link.send_text(text)
                return []
            case _:
                self._remember_source(effect)
                return [command(effect)]

    def _remember_source(self, effect: fx.MediaEffect) -> None:
        """Keep the list of sources that a transport takes along when it goes."""
        if isinstance(effect, fx.AddSource):
            self._sources.setdefault(effect.transport, set()).add(effect.ssrc)
        elif isinstance(effect, fx.RemoveSource):
            self._sources.get(effect.transport, set()).discard(effect.ssrc)

    def _create(self, effect: fx.CreateTransport) -> list[Command]:
        self._links[effect.transport] = Link(self, effect, self._ports.sockets_of(effect.transport))
        return [
            Command.AddTransport(
                effect.transport, effect.group, mesh=effect.mesh, rtcp_ssrc=effect.rtcp_ssrc
            ),
            Command.SetIce(effect.transport, effect.ufrag, effect.pwd),
        ]

    def _tell(self, effect: fx.SetRemote | fx.RestartIce) -> None:
        link = self._links.get(effect.transport)
        if link is None:
            return
        if isinstance(effect, fx.RestartIce):
            link.restart_ice(effect)
        else:
            link.set_remote(effect)

    def _remove(self, transport: int) -> list[Command]:
        """Close the link, which removes the transport once it has said goodbye.

        Its sources go now: their SSRCs may be someone else's (or the same person's, who was
        invited again) before the goodbye is said, and one receiver takes an SSRC only once.
        """
        sources = self._sources.pop(transport, set())
        link = self._links.pop(transport, None)
        if link is None:
            self._ports.close(transport)
            return []

        def gone() -> None:
            self._closing.discard(link)
            self._ports.close(transport)

        self._shaking.discard(link)
        self._closing.add(link)
        link.close(gone)
        return [Command.RemoveSource(transport, ssrc) for ssrc in sources]

    # ---- from the engine ------------------------------------------------------------------

    def engine_event(self, event: Event) -> None:
        """Take one of the engine's events."""
        match event:
            case Event.Stun(socket, address, port, data):
                self._stun(socket, address, port, data)
            case Event.Dtls(transport, data):
                link = self._links.get(transport)
                if link is None:
                    self.dropped["dtls_unknown_transport"] += 1
                else:
                    link.receive_dtls(data)
            case (
                Event.Bandwidth()
                | Event.AudioLevels()
                | Event.EncodingActivity()
                | Event.Keyframe()
            ):
                self._media_event(event)
            case Event.Rtcp():
                self.dropped["rtcp_unknown_source"] += 1
            case Event.SendFailed():
                self.dropped["send_failed"] += 1
            case _:
                self._media_event(event)

    def _media_event(self, event: Event) -> None:
        match event:
            case Event.Bandwidth(transport, bps):
                self.reporter.bandwidth(transport, bps)
            case Event.AudioLevels(levels):
                self.reporter.audio_levels(levels)
            case Event.EncodingActivity(transport, ssrc, active):
                self.reporter.encoding_activity(transport, ssrc, active)
            case Event.Keyframe(transport, ssrc, width, height):
                self.reporter.picture_size(transport, ssrc, width, height)
            case _:
                self.dropped["unknown_event"] += 1

    def _stun(self, socket: int, address: str, port: int, data: bytes) -> None:
        if not is_stun(data):
            self.dropped["stun_malformed"] += 1
            return
        is_request = data[0] & 0x01 == 0 and data[1] & 0x10 == 0
        run = self._by_request(data) if is_request else self._by_transaction.get(data[8:20])
        if run is None:
            self.dropped["stun_unknown"] += 1
            return
        run.receive(data, socket, (address, port))

    def _by_request(self, data: bytes) -> IceRun | None:
        ufrag = username_fragment(data)
        return None if ufrag is None else self._by_ufrag.get(ufrag)

    # ---- for links ------------------------------------------------------------------------

    def remember_agent(self, ufrag: str, run: IceRun) -> None:
        """Send requests to this user name to that agent."""
        self._by_ufrag[ufrag] = run

    def forget_agent(self, ufrag: str) -> None:
        """Answer no requests to it any more."""
        self._by_ufrag.pop(ufrag, None)

    def remember_transaction(self, transaction: bytes, run: IceRun) -> bool:
        """Send the response to this transaction to that agent."""
        if len(self._by_transaction) >= MAX_TRANSACTIONS:
            self.dropped["transaction_limit"] += 1
            return False
        self._by_transaction[transaction] = run
        return True

    def forget_transaction(self, transaction: bytes) -> None:
        """Expect no response to it any more."""
        self._by_transaction.pop(transaction, None)

    def may_shake_hands(self, link: Link) -> bool:
        """Count a handshake in; False when there are too many already."""
        if len(self._shaking) >= MAX_HANDSHAKES:
            self.dropped["handshake_limit"] += 1
            return False
        self._shaking.add(link)
        return True

    def shook_hands(self, link: Link) -> None:
        """Count it out."""
        self._shaking.discard(link)

    async def close(self) -> None:
        """Say goodbye on every transport, for an orderly end of the process."""
        for transport in list(self._links):
            self._remove(transport)
        for link in list(self._closing):
            await link.closed()
