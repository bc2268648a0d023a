"""Consent checks are answered in the engine; all other STUN, and DTLS, goes to Python."""

import select

import pytest
from aioice import stun
from tests.unit.engine.peers import Peer, Server, binding_request, connect, eventually

from octoengine import Command, Event

UFRAG, PASSWORD = "0123abcd", "a-long-enough-ice-password"
USERNAME = f"{UFRAG}:theirs"


@pytest.fixture
def alice(server: Server) -> Peer:
    (peer,) = connect(server, 1)
    server.engine.submit([Command.SetIce(1, UFRAG, PASSWORD)])
    return peer


def events(server: Server, counter: str, count: int = 1) -> list[Event]:
    eventually(lambda: server.counters[counter] >= count)
    return server.engine.poll()


def test_a_consent_check_is_answered_with_the_address_it_came_from(
    server: Server, alice: Peer
) -> None:
    assert server.transport(1).consent_age_ms == -1
    request = binding_request(USERNAME, PASSWORD)
    alice.send(request)
    data = alice.receive()
    answer = stun.parse_message(data)
    assert answer.check_message_integrity(PASSWORD.encode())
    assert answer.message_class == stun.Class.RESPONSE
    assert answer.transaction_id == stun.parse_message(request).transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("127.0.0.1", alice.port)
    assert "FINGERPRINT" in answer.attributes
    assert 0 <= server.transport(1).consent_age_ms < 60_000
    assert server.engine.poll() == []


def test_a_wrong_password_is_dropped_and_counted(server: Server, alice: Peer) -> None:
    alice.send(binding_request(USERNAME, "wrong"))
    assert events(server, "datagrams_dropped_stun_integrity") == []
    assert server.counters["stun_answered"] == 0


def test_another_username_is_for_python(server: Server, alice: Peer) -> None:
    request = binding_request("other:theirs", "other")
    alice.send(request)
    (event,) = events(server, "stun_reported")
    assert isinstance(event, Event.Stun)
    assert (event.socket, event.address, event.port) == (server.socket, "127.0.0.1", alice.port)
    assert event.data == request


def test_a_nomination_of_another_address_is_for_python(server: Server, alice: Peer) -> None:
    other = Peer(server, 2)
    server.engine.submit([Command.BindAddress(1, server.socket, "127.0.0.1", other.port)])
    nomination = binding_request(USERNAME, PASSWORD, use_candidate=True)
    other.send(nomination)
    (event,) = events(server, "stun_reported")
    assert isinstance(event, Event.Stun)
    assert event.port == other.port
    alice.send(nomination)
    assert stun.parse_message(alice.receive()).message_class == stun.Class.RESPONSE


def test_strangers_and_responses_are_for_python(server: Server, alice: Peer) -> None:
    stranger = Peer(server, 2)
    stranger.send(binding_request(USERNAME, PASSWORD))
    response = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE)
    alice.send(bytes(response))
    ports = {
        event.port for event in events(server, "stun_reported", 2) if isinstance(event, Event.Stun)
    }
    assert ports == {stranger.port, alice.port}


def test_dtls_counts_only_from_bound_addresses(server: Server, alice: Peer) -> None:
    stranger = Peer(server, 2)
    stranger.send(b"\x16 from a stranger")
    alice.send(b"\x16 from alice")
    (event,) = events(server, "dtls_reported")
    match event:
        case Event.Dtls(transport, data):
            assert (transport, data) == (1, b"\x16 from alice")
        case _:
            pytest.fail("not DTLS")
    eventually(lambda: server.counters["datagrams_dropped_unbound"] == 1)


def test_python_sends_raw_bytes(server: Server, alice: Peer) -> None:
    server.engine.submit(
        [
            Command.SendData(1, b"to the transport"),
            Command.SendDatagram(server.socket, "127.0.0.1", alice.port, b"to the address"),
        ]
    )
    assert [alice.receive(), alice.receive()] == [b"to the transport", b"to the address"]


def test_the_event_descriptor_is_readable_while_events_wait(server: Server, alice: Peer) -> None:
    descriptor = server.engine.event_fd()
    assert select.select([descriptor], [], [], 0)[0] == []
    for _ in range(3):
        alice.send(b"\x16")
    eventually(lambda: server.counters["dtls_reported"] == 3)
    assert select.select([descriptor], [], [], 3)[0] == [descriptor]
    assert len(server.engine.poll(2)) == 2
    assert select.select([descriptor], [], [], 0)[0] == [descriptor]
    assert len(server.engine.poll(2)) == 1
    assert select.select([descriptor], [], [], 0)[0] == []


def test_a_flood_of_stun_is_bounded_and_counted(server: Server) -> None:
    stranger = Peer(server, 1)
    sent = 0
    while server.counters["datagrams_dropped_stun_rate"] == 0:
        for _ in range(500):
            stranger.send(binding_request(USERNAME, PASSWORD))
        sent += 500
        assert sent < 200_000
    counters = server.counters
    assert counters["stun_reported"] + counters["datagrams_dropped_stun_rate"] <= sent


def test_a_flood_from_a_bound_address_takes_nothing_from_strangers(
    server: Server, alice: Peer
) -> None:
    request = binding_request("other:theirs", "other")

    def flood() -> bool:
        before = server.counters["datagrams_received"]
        for _ in range(500):
            alice.send(request)
        eventually(lambda: server.counters["datagrams_received"] == before + 500)
        return server.counters["datagrams_dropped_stun_rate"] >= 100

    eventually(flood)
    sent = server.counters["datagrams_received"]
    dropped = server.counters["datagrams_dropped_stun_rate"]
    stranger = Peer(server, 2)
    for _ in range(500):
        stranger.send(request)
    eventually(lambda: server.counters["datagrams_received"] == sent + 500)
    assert server.counters["datagrams_dropped_stun_rate"] == dropped


def test_a_flood_of_dtls_is_bounded(server: Server, alice: Peer) -> None:
    sent = 0
    while server.counters["datagrams_dropped_dtls_rate"] == 0:
        for _ in range(2_000):
            alice.send(b"\x16")
        sent += 2_000
        server.engine.poll(100_000)
        assert sent < 200_000
    assert server.counters["dtls_reported"] < sent
