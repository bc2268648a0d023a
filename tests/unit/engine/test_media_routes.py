"""Who gets whose media."""

import pytest
from tests.unit.engine.peers import Peer, Server, connect, eventually

from octoengine import Command

SSRC = 4_000_000_001


def subscribed(server: Server, alice: Peer, *others: Peer) -> None:
    server.engine.submit(
        [
            Command.AddSource(alice.transport, SSRC, "audio"),
            *[Command.Subscribe(other.transport, alice.transport, SSRC) for other in others],
        ]
    )


def test_every_subscriber_gets_every_packet(server: Server) -> None:
    alice, *others = connect(server, 6)
    subscribed(server, alice, *others)
    for sequence in range(50):
        alice.send_rtp(SSRC, sequence, b"payload" * sequence)
    for other in others:
        assert [other.receive_rtp().sequence_number for _ in range(50)] == list(range(50))
    assert server.counters["packets_sent"] == 250
    assert server.transport(1).packets_received == 50
    assert server.transport(2).packets_sent == 50


@pytest.mark.parametrize(
    ("sender", "receiver", "passes"),
    [
        ((1, 0), (1, 0), True),
        ((1, 0), (1, 5), True),
        ((1, 5), (1, 0), True),
        ((1, 5), (1, 6), True),
        ((1, 5), (1, 5), False),
        ((1, 0), (2, 0), False),
    ],
)
def test_media_stays_in_its_group_and_never_crosses_a_mesh(
    server: Server, sender: tuple[int, int], receiver: tuple[int, int], passes: bool
) -> None:
    peers = [Peer(server, 1), Peer(server, 2)]
    for peer, (group, mesh) in zip(peers, (sender, receiver), strict=True):
        server.engine.submit(peer.commands(group, mesh))
    subscribed(server, *peers)
    peers[0].send_rtp(SSRC, 1, b"x")
    eventually(lambda: server.counters["packets_received"] == 1)
    assert server.counters["packets_sent"] == int(passes)
    assert server.counters["commands_refused_route"] == int(not passes)


def test_nobody_hears_themselves(server: Server) -> None:
    (alice,) = connect(server, 1)
    subscribed(server, alice, alice)
    assert server.counters["commands_refused_route"] == 1


def test_a_source_can_be_renamed_for_a_receiver(server: Server) -> None:
    alice, bob = connect(server, 2)
    server.engine.submit([Command.AddSource(1, SSRC, "audio"), Command.Subscribe(2, 1, SSRC, 77)])
    alice.send_rtp(SSRC, 1, b"x")
    assert bob.receive_rtp().ssrc == 77


def test_two_sources_cannot_share_an_outgoing_ssrc(server: Server) -> None:
    alice, bob, carol = connect(server, 3)
    subscribed(server, alice, carol)
    subscribed(server, bob, carol)
    bob.send_rtp(SSRC, 1, b"bob")
    alice.send_rtp(SSRC, 1, b"alice")
    assert carol.receive_rtp().payload == b"alice"
    assert server.counters["commands_ignored_duplicate"] == 1


def test_muted_sources_are_dropped_and_counted(server: Server) -> None:
    alice, bob = connect(server, 2)
    subscribed(server, alice, bob)
    server.engine.submit([Command.SetMuted(1, SSRC, True)])
    alice.send_rtp(SSRC, 1, b"unheard")
    eventually(lambda: server.counters["datagrams_dropped_muted"] == 1)
    server.engine.submit([Command.SetMuted(1, SSRC, False)])
    alice.send_rtp(SSRC, 2, b"heard")
    assert bob.receive_rtp().payload == b"heard"


def test_unknown_sources_are_dropped_and_counted(server: Server) -> None:
    (alice,) = connect(server, 1)
    alice.send_rtp(99, 1, b"x")
    eventually(lambda: server.counters["datagrams_dropped_unknown_source"] == 1)


@pytest.mark.parametrize(
    "command",
    [Command.Unsubscribe(2, 1, SSRC), Command.RemoveSource(1, SSRC), Command.RemoveTransport(2)],
)
def test_media_ends_with_its_route(server: Server, command: Command) -> None:
    alice, bob = connect(server, 2)
    subscribed(server, alice, bob)
    alice.send_rtp(SSRC, 1, b"x")
    bob.receive_rtp()
    server.engine.submit([command])
    alice.send_rtp(SSRC, 2, b"x")
    eventually(lambda: server.counters["datagrams_received"] == 2)
    assert server.counters["packets_sent"] == 1


def test_a_new_subscription_goes_on_where_the_old_one_ended(server: Server) -> None:
    """An index used twice with one key would give the plain text away."""
    alice, bob = connect(server, 2)
    subscribed(server, alice, bob)
    alice.send_rtp(SSRC, 500, b"before")
    assert bob.receive_rtp().sequence_number == 500
    server.engine.submit([Command.Unsubscribe(2, 1, SSRC), Command.Subscribe(2, 1, SSRC)])
    # libsrtp would refuse a packet whose index it has seen.
    alice.send_rtp(SSRC, 510, b"after")
    assert bob.receive_rtp().sequence_number == 501


def test_a_sender_with_new_keys_is_heard_again(server: Server) -> None:
    alice, bob = connect(server, 2)
    subscribed(server, alice, bob)
    alice.send_rtp(SSRC, 500, b"before")
    assert bob.receive_rtp().sequence_number == 500
    alice.rekey()
    server.engine.submit([alice.keys()])
    alice.send_rtp(SSRC, 3, b"after")
    packet = bob.receive_rtp()
    assert (packet.sequence_number, packet.payload) == (501, b"after")


def test_a_moved_receiver_gets_media_at_its_new_address(server: Server) -> None:
    alice, bob = connect(server, 2)
    subscribed(server, alice, bob)
    elsewhere = Peer(server, 9)
    server.engine.submit([Command.SelectAddress(2, server.socket, "127.0.0.1", elsewhere.port)])
    alice.send_rtp(SSRC, 1, b"x")
    assert elsewhere.receive()[:2] == b"\x80\x60"


def test_an_address_belongs_to_whoever_bound_it_last(server: Server) -> None:
    alice, _ = connect(server, 2)
    server.engine.submit([Command.BindAddress(2, server.socket, "127.0.0.1", alice.port)])
    alice.send(b"\x16 DTLS")
    eventually(lambda: server.counters["dtls_reported"] == 1)
    (event,) = server.engine.poll()
    assert getattr(event, "transport", None) == 2


def test_runs_of_different_sizes_arrive_whole_without_gso_and_with(server: Server) -> None:
    """A run of one system call must never mix sizes: that corrupts packets."""
    alice, bob = connect(server, 2)
    subscribed(server, alice, bob)
    sizes = [100, 100, 100, 50, 50, 100, 1_200, 1_200, 1_200, 1_199, 1_200, 0, 0, 1, 1_300]
    sealed = [alice.protected(SSRC, at, bytes([at]) * size) for at, size in enumerate(sizes)]
    for datagram in sealed:
        alice.send(datagram)
    received = [bob.receive_rtp().payload for _ in sizes]
    assert received == [bytes([at]) * size for at, size in enumerate(sizes)]
