"""Asks STUN servers which public address the bridge's sockets have, once, at start.

The questions go out of the media sockets themselves, so the answer is the NAT mapping that
clients will meet. A server that doesn't answer costs a few seconds and nothing else.
"""

import asyncio
import secrets
import socket
import struct
from collections.abc import Sequence
from typing import Final

from octobridge.core.candidates import Mapping
from octobridge.shell.logs import logger
from octobridge.shell.media import MediaEngine
from octoengine import Command, Event
from octoengine import stun as codec

__all__ = ["discover"]

SEND_AT: Final = (0.0, 0.3, 0.9, 2.0)
"""Seconds after which the question is asked (again)."""
GIVE_UP_AFTER: Final = 3.0
_log = logger("stun")


class _Asker:
    """Asks from every socket and listens to the engine meanwhile."""

    def __init__(self, media: MediaEngine, servers: Sequence[tuple[str, int]]) -> None:
        self._media = media
        self._questions = {
            secrets.token_bytes(12): (own.number, address, port)
            for own in media.sockets
            for address, port in servers
            if (":" in own.address.ip) == (":" in address)
        }
        self._open = {number for number, _, _ in self._questions.values()}
        self.mappings: dict[int, Mapping] = {}
        self.done = asyncio.Event()

    def ask(self) -> None:
        """Send every question whose socket has no answer yet."""
        self._media.submit(
            [
                Command.SendDatagram(number, address, port, _question(transaction))
                for transaction, (number, address, port) in self._questions.items()
                if number not in self.mappings
            ]
        )

    def engine_event(self, event: Event) -> None:
        """Take an answer; only those to our own questions, from whom we asked, count."""
        match event:
            case Event.Stun(number, address, port, data):
                message = codec.parse(data)
                if message is None or message.kind is not codec.Class.RESPONSE:
                    return
                if self._questions.get(message.transaction_id) != (number, address, port):
                    return
                mapped = message.attributes.get("XOR-MAPPED-ADDRESS")
                if mapped is not None and 1 <= mapped[1] <= 65535:
                    self._note(number, mapped)
            case _:
                pass

    def _note(self, number: int, mapped: tuple[str, int]) -> None:
        self.mappings[number] = Mapping(mapped[0], mapped[1])
        if self._open <= self.mappings.keys():
            self.done.set()


async def discover(media: MediaEngine, servers: Sequence[tuple[str, int]]) -> tuple[Mapping, ...]:
    """Return the public addresses the servers see, in the order of the sockets.

    Args:
        media: With its sockets open; its listener is replaced, so call this first.
        servers: Host names or addresses, and ports.
    """
    asker = _Asker(media, await _resolve(servers))
    media.listen(asker)
    waited = 0.0
    for at in SEND_AT:
        if await _answered(asker, at - waited):
            break
        waited = at
        asker.ask()
    await _answered(asker, GIVE_UP_AFTER - waited)
    if not asker.mappings:
        _log.warning("No STUN server answered", servers=[f"{h}:{p}" for h, p in servers])
    return tuple(dict.fromkeys(asker.mappings[n] for n in sorted(asker.mappings)))


def _question(transaction: bytes) -> bytes:
    """Return a Binding request without attributes: whoever asks a STUN server needs none."""
    return struct.pack("!HHI", 0x0001, 0, 0x2112A442) + transaction


async def _answered(asker: _Asker, seconds: float) -> bool:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await asker.done.wait()
    except TimeoutError:
        return asker.done.is_set()
    return True


async def _resolve(servers: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for host, port in servers:
        try:
            answers = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_DGRAM
            )
        except OSError as error:
            _log.warning("Could not resolve a STUN server", host=host, reason=str(error))
            continue
        found += [(str(answer[4][0]), port) for answer in answers]
    return list(dict.fromkeys(found))
