"""Two bridges' engines with a relay between them."""

import os
from dataclasses import dataclass

from tests.unit.engine.lines import Line
from tests.unit.engine.peers import GCM, PROFILES, Peer, Server
from tests.unit.engine.video import ENCODINGS, REPAIRS, TYPES

from octoengine import Command

ALICE, BOB = 1, 2
TO_FAR, TO_NEAR = 50, 60
MESH = 7


@dataclass
class Pair:
    """Alice's bridge and Bob's."""

    near: Server
    far: Server
    alice: Peer
    bob: Peer
    line: Line
    """Between the bridges; it starts when the test says so."""

    def link(self) -> None:
        """Make each bridge a relay of the other, by way of the line."""
        _, length = PROFILES[GCM]
        there, back = os.urandom(length), os.urandom(length)
        ends = [(self.near, TO_FAR, there, back, 0), (self.far, TO_NEAR, back, there, 1)]
        for server, number, sends, receives, side in ends:
            self.line.targets[side] = server.port
            server.engine.submit(
                [
                    Command.AddTransport(number, 1, MESH),
                    Command.SelectAddress(
                        number, server.socket, "127.0.0.1", self.line.ports[side]
                    ),
                    Command.SetKeys(number, GCM, receives, sends),
                    Command.SetPayloadTypes(number, TYPES),
                    Command.SetFeedback(number, False, False, True),
                ]
            )
        self.line.start()


def simulcast(transport: int) -> list[Command]:
    """Return the commands that announce three encodings and their repairs."""
    return [
        Command.SetPayloadTypes(transport, TYPES),
        *[Command.AddSource(transport, ssrc, "video") for ssrc in ENCODINGS],
        *[
            Command.AddSource(transport, rtx, "rtx", ssrc)
            for rtx, ssrc in zip(REPAIRS, ENCODINGS, strict=True)
        ],
        Command.SetEncodings(transport, ENCODINGS),
    ]


def relayed(relay: int, sender: int) -> list[Command]:
    """Return the commands that give a relay the three encodings whole."""
    return [
        Command.Subscribe(relay, sender, ssrc, out_rtx_ssrc=rtx, whole=True)
        for rtx, ssrc in zip(REPAIRS, ENCODINGS, strict=True)
    ]
