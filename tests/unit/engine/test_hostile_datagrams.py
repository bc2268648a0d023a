"""Whatever arrives, a live engine survives it, counts it, and goes on forwarding."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.engine.peers import (
    Peer,
    Server,
    binding_request,
    connect,
    eventually,
    rtcp_header,
)

from octoengine import Command, Engine

SSRC = 5
UFRAG, PASSWORD = "0123abcd", "a-long-enough-ice-password"

LIVELY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def pair(server: Server) -> tuple[Peer, Peer]:
    alice, bob = connect(server, 2)
    server.engine.submit(
        [
            Command.SetIce(1, UFRAG, PASSWORD),
            Command.AddSource(1, SSRC, "video"),
            Command.Subscribe(2, 1, SSRC),
        ]
    )
    return alice, bob


def mutated(draw: st.DrawFn, datagram: bytes) -> bytes:
    data = bytearray(datagram)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


@st.composite
def datagrams(draw: st.DrawFn) -> bytes:
    """Noise, noise behind a good first byte, and mutated STUN and SRTP."""
    noise = draw(st.binary(max_size=200))
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return noise
    if kind == 1:
        return bytes([draw(st.sampled_from([0, 1, 20, 22, 63, 64, 128, 144, 191, 255]))]) + noise
    if kind == 2:
        return mutated(draw, binding_request(f"{UFRAG}:theirs", PASSWORD))
    if kind == 3:
        return rtcp_header(draw(st.integers(192, 223)), draw(st.integers(0, 31)), 3) + noise
    header = bytes([0x80 | draw(st.integers(0, 63)), 96]) + bytes([0, 9, 0, 0, 0, 0, 0, 0, 0, SSRC])
    return mutated(draw, header + noise)


def settled(server: Server, received: int) -> None:
    eventually(lambda: server.counters["datagrams_received"] >= received)


@given(st.lists(datagrams(), min_size=1, max_size=30))
@LIVELY
def test_unauthenticated_noise_is_survived_and_counted(
    server: Server, pair: tuple[Peer, Peer], noise: list[bytes]
) -> None:
    alice, bob = pair
    stranger = Peer(server, 9)
    before = server.counters["datagrams_received"]
    for datagram in noise:
        alice.send(datagram)
        stranger.send(datagram)
    settled(server, before + 2 * len(noise))
    accounted(server)
    assert server.counters["packets_received"] == server.counters["packets_sent"] == 0
    server.engine.poll(10_000)
    assert bob.transport == 2


def accounted(server: Server) -> None:
    """Every datagram received was used, or dropped for a reason that is counted."""
    counters = server.counters
    drops = [value for name, value in counters.items() if name.startswith("datagrams_dropped")]
    used = ("stun_reported", "dtls_reported", "stun_answered", "packets_received")
    assert counters["datagrams_received"] == sum(drops) + sum(counters[name] for name in used)


@given(st.lists(st.binary(max_size=120), min_size=1, max_size=10), st.integers(200, 207))
@LIVELY
def test_an_authentic_peers_nonsense_rtcp_is_survived(
    server: Server, pair: tuple[Peer, Peer], bodies: list[bytes], kind: int
) -> None:
    """The peer holds good keys, so its nonsense reaches the parsers."""
    alice, _ = pair
    before = server.counters["rtcp_received"]
    for number, body in enumerate(bodies):
        words = max(1, len(body) // 4 + number % 3)
        head = rtcp_header(kind, number % 32, words)
        alice.send(alice.protect_rtcp(head + SSRC.to_bytes(4, "big") + body))
    eventually(lambda: server.counters["rtcp_received"] == before + len(bodies))
    server.engine.poll(10_000)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=10))
@LIVELY
def test_an_authentic_peers_nonsense_video_is_counted_by_a_sink(
    server: Server, payloads: list[bytes]
) -> None:
    alice = Peer(server, 7)
    server.engine.submit([*alice.commands(sink=True), Command.AddSource(7, SSRC, "video")])
    for sequence, payload in enumerate(payloads):
        alice.send_rtp(SSRC, sequence * 300, payload)
    eventually(lambda: server.source(7, SSRC).packets == len(payloads))
    server.engine.submit([Command.RemoveTransport(7)])


def test_media_flows_on_after_a_flood_of_noise(server: Server, pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    for at in range(2_000):
        alice.send(bytes([at % 256]) * (at % 1_500))
    alice.send(b"")
    alice.send(bytes(3_000))
    eventually(lambda: server.counters["datagrams_dropped_truncated"] == 1)
    alice.send_rtp(SSRC, 1, b"still here")
    assert bob.receive_rtp().payload == b"still here"
    assert server.counters["datagrams_dropped_empty"] >= 1


def test_a_full_event_queue_drops_and_counts() -> None:
    engine = Engine(event_capacity=4)
    number, port = engine.bind("127.0.0.1")
    server = Server(engine, number, port)
    (alice,) = connect(server, 1)
    for _ in range(50):
        alice.send(b"\x16")
    eventually(lambda: server.counters["datagrams_dropped_event_queue"] == 46)
    stats = engine.stats()
    assert stats.queue_fill == 1.0
    assert len(engine.poll()) == 4
    engine.stats()
    assert engine.stats().queue_fill < 1.0
    server.close()
