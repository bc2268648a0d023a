"""Malformed commands raise ValueError, and nothing of their batch is applied."""

import pytest
from tests.unit.engine.peers import GCM, Server

from octoengine import Command, Engine

GOOD = Command.AddTransport(1, 1)
KEY = bytes(28)
VIDEO: dict[str, float] = {"frames_per_second": 30.0, "bitrate_bps": 1_000_000}

BAD = [
    Command.AddTransport(-1, 1),
    Command.AddTransport(1, -1),
    Command.AddTransport(1, 1, -1),
    Command.SetIce(1, "", "password"),
    Command.SetIce(1, "u" * 257, "password"),
    Command.BindAddress(1, 1, "localhost", 10_000),
    Command.BindAddress(1, 1, "127.0.0.1", 0),
    Command.BindAddress(1, -1, "127.0.0.1", 10_000),
    Command.SelectAddress(1, 1, "127.0.0.1", 65_536),
    Command.SetKeys(1, "SRTP_NULL", KEY, KEY),
    Command.SetKeys(1, GCM, KEY[1:], KEY),
    Command.SetKeys(1, GCM, KEY, KEY + b"x"),
    Command.AddSource(1, 1 << 32, "audio"),
    Command.AddSource(1, -1, "audio"),
    Command.AddSource(1, 1, "smell"),
    Command.AddSource(1, 1, "rtx", 1 << 32),
    Command.AddTransport(1, 1, rtcp_ssrc=1 << 32),
    Command.SetPayloadTypes(1, [(128, "VP8", -1)]),
    Command.SetPayloadTypes(1, [(96, "RTX", 128)]),
    Command.SetExtensions(1, [(0, "urn:ietf:params:rtp-hdrext:sdes:mid")]),
    Command.SetExtensions(1, [(256, "urn:ietf:params:rtp-hdrext:sdes:mid")]),
    Command.SetEncodings(1, []),
    Command.SetEncodings(1, [1, 2, 1]),
    Command.SetEncodings(1, list(range(9))),
    Command.Subscribe(1, 2, 3, 1 << 32),
    Command.Subscribe(1, 2, 3, 4, -1),
    Command.Subscribe(1, 2, 3, 4, 5, "m" * 17),
    Command.SetTarget(1, 2, 3, -2, 0),
    Command.SetTarget(1, 2, 3, 8, 0),
    Command.SetTarget(1, 2, 3, 0, 3),
    Command.SetProbing(1, -1),
    Command.SendDatagram(1, "127.0.0.1", 1, b""),
    Command.SendData(1, bytes(9_001)),
    Command.SendRtcp(1, bytes(7)),
    Command.StartStream(1, 1, "audio", 128, 100),
    Command.StartStream(1, 1, "audio", 111, 10),
    Command.StartStream(1, 1, "audio", 111, 100, packets_per_second=0),
    Command.StartStream(1, 1, "audio", 111, 100, packets_per_second=float("nan")),
    Command.StartStream(1, 1, "video", 96, 1_401, frames_per_second=30, bitrate_bps=1_000_000),
    Command.StartStream(1, 1, "video", 96, 1_100, frames_per_second=30, bitrate_bps=0),
    Command.StartStream(1, 1, "video", 96, 1_100, frames_per_second=0, bitrate_bps=1_000_000),
    Command.StartStream(1, 1, "rtx", 96, 1_100),
]


@pytest.mark.parametrize("command", BAD)
def test_one_bad_command_refuses_its_batch(server: Server, command: Command) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        server.engine.submit([GOOD, command])
    assert server.engine.transport_stats() == []


def test_other_types_are_refused(server: Server) -> None:
    with pytest.raises(TypeError):
        server.engine.submit([GOOD, "AddTransport"])  # pyright: ignore[reportArgumentType]
    assert server.engine.transport_stats() == []


def test_bad_sockets_and_capacities_are_refused(server: Server) -> None:
    for address, port in [("localhost", 0), ("127.0.0.1", -1), ("", 0)]:
        with pytest.raises(ValueError, match=r"\w"):
            server.engine.bind(address, port)
    with pytest.raises(ValueError, match="event_capacity"):
        Engine(event_capacity=0)


def test_no_secret_shows_in_a_representation() -> None:
    shown = repr(Command.SetKeys(1, GCM, b"k" * 28, b"s" * 28)) + repr(
        Command.SetIce(1, "ufrag", "secret-password")
    )
    assert "kkk" not in shown
    assert "secret" not in shown
