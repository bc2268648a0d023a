"""What an engine without CPU finds in its socket later: media that is of no use any more goes."""

import time
from collections.abc import Iterator

import pytest
from aioice import stun
from tests.unit.engine.peers import Peer, binding_request, eventually
from tests.unit.engine.stopping import StoppingServer, stopping_server
from tests.unit.engine.video import ENCODINGS, TYPES, Encoder

UFRAG, PASSWORD = "0123abcd", "a-long-enough-ice-password"
OUT = 77
TOO_LONG_SECONDS = 1.2
"""Media may wait a second."""


@pytest.fixture
def server() -> Iterator[StoppingServer]:
    with stopping_server() as server:
        yield server


@pytest.fixture
def pair(server: StoppingServer) -> tuple[Peer, Peer]:
    alice, bob = server.connect(1), server.connect(2)
    server.submit(
        ("SetIce", 1, UFRAG, PASSWORD),
        ("SetPayloadTypes", 1, TYPES),
        ("AddSource", 1, ENCODINGS[0], "video"),
        ("Subscribe", 2, 1, ENCODINGS[0], OUT),
    )
    return alice, bob


def answer(peer: Peer) -> stun.Message:
    while True:
        datagram = peer.receive()
        if datagram[0] < 4:
            return stun.parse_message(datagram)


def test_media_that_waited_too_long_is_dropped_and_what_comes_then_goes_on(
    server: StoppingServer, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    camera = Encoder(alice, 0)
    camera.send(0, key=True)
    before = bob.receive_rtp()
    request = binding_request(f"{UFRAG}:theirs", PASSWORD)
    with server.stopped():
        camera.send(3_000, packets=20)
        alice.send(request)
        time.sleep(TOO_LONG_SECONDS)
    assert answer(alice).transaction_id == stun.parse_message(request).transaction_id
    assert server.counters["datagrams_dropped_late"] == 20
    camera.send(6_000, key=True)
    after = bob.receive_rtp()
    assert after.timestamp - before.timestamp == 6_000
    assert after.sequence_number - before.sequence_number == 21, "a receiver sees what it missed"


def test_what_was_dropped_is_not_asked_for_again_but_a_keyframe_is(
    server: StoppingServer, pair: tuple[Peer, Peer]
) -> None:
    alice, bob = pair
    camera = Encoder(alice, 0)
    camera.send(0, key=True)
    bob.receive_rtp()
    asked = server.counters["keyframes_asked"]
    with server.stopped():
        camera.send(3_000, packets=20)
        time.sleep(TOO_LONG_SECONDS)
    eventually(lambda: server.counters["datagrams_dropped_late"] == 20)
    camera.send(6_000)
    eventually(lambda: server.counters["keyframes_asked"] == asked + 1)
    assert server.counters["nacks_sent"] == 0


def test_an_engine_that_was_late_says_that_its_queue_was_full(
    server: StoppingServer, pair: tuple[Peer, Peer]
) -> None:
    alice, _ = pair

    def told() -> bool:
        with server.stopped():
            Encoder(alice, 0).send(0)
            time.sleep(TOO_LONG_SECONDS)
        return server.queue_fill == 1

    # It is told for two seconds, and this process may be late as well.
    assert any(told() for _ in range(10))


def test_an_engine_that_gets_its_cpu_drops_nothing(
    server: StoppingServer, pair: tuple[Peer, Peer]
) -> None:
    alice, _ = pair
    camera = Encoder(alice, 0)

    def dropped() -> int:
        before = server.counters
        camera.send(0, key=True, packets=200)

        def since(name: str) -> int:
            return server.counters[name] - before[name]

        eventually(lambda: since("packets_received") + since("datagrams_dropped_late") == 200)
        return since("datagrams_dropped_late")

    # A machine that stands still for a second is no engine that gets its CPU.
    assert any(dropped() == 0 for _ in range(10))


def test_a_synthetic_participant_counts_what_comes_late(server: StoppingServer) -> None:
    alice = server.connect(1, sink=True)
    with server.stopped():
        Encoder(alice, 0).send(0, packets=20)
        time.sleep(TOO_LONG_SECONDS)
    eventually(lambda: server.counters["packets_received"] == 20)
    assert server.counters["datagrams_dropped_late"] == 0
