"""Two adapters in one process, joined by a network that may lose, double and mix up."""

import asyncio
import random
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from octoengine import dtls

CERTIFICATES = [dtls.Certificate.generate() for _ in range(2)]
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-1": hashes.SHA1(),
    "sha-224": hashes.SHA224(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
PRINTS = [dtls.fingerprint(certificate) for certificate in CERTIFICATES]


class Network:
    """Carries datagrams with a few ms of delay; `loss` is a share of them."""

    def __init__(self, loss: float = 0.0, seed: int = 1) -> None:
        self.ends: list[dtls.Dtls] = []
        self.keys: list[list[dtls.Keys]] = [[], []]
        self.sent: list[bytes] = []
        self._loss = loss
        self._random = random.Random(seed)

    def sender(self, receiver: int) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            self.sent.append(data)
            if self._random.random() >= self._loss:
                loop = asyncio.get_running_loop()
                loop.call_later(self._random.random() / 200, self.ends[receiver].receive, data)

        return send


def pair(
    network: Network,
    remotes: tuple[list[dtls.Fingerprint], list[dtls.Fingerprint]] | None = None,
    **options: object,
) -> tuple[dtls.Dtls, dtls.Dtls]:
    client_remote, server_remote = remotes or ([PRINTS[1]], [PRINTS[0]])
    client = dtls.Dtls(
        "client",
        client_remote,
        network.sender(1),
        network.keys[0].append,
        certificate=CERTIFICATES[0],
        **options,  # type: ignore[arg-type]
    )
    server = dtls.Dtls(
        "server",
        server_remote,
        network.sender(0),
        network.keys[1].append,
        certificate=CERTIFICATES[1],
        **options,  # type: ignore[arg-type]
    )
    network.ends = [client, server]
    return client, server


async def close(*ends: dtls.Dtls) -> None:
    for end in ends:
        await end.close()


async def test_both_ends_get_the_same_keys_crosswise() -> None:
    network = Network()
    client, server = pair(network)
    at_client, at_server = await asyncio.gather(client.handshake(), server.handshake())
    assert at_client.profile == at_server.profile == "SRTP_AEAD_AES_128_GCM"
    assert at_client.send == at_server.receive
    assert at_client.receive == at_server.send
    assert len(at_client.send) == 16 + 12
    assert at_client.send != at_client.receive
    assert network.keys == [[at_client], [at_server]]
    assert at_client.send.hex() not in repr(at_client)
    assert str(at_client.send) not in repr(at_client)
    await close(client, server)


@pytest.mark.parametrize(
    ("profile", "length"),
    [
        ("SRTP_AES128_CM_SHA1_80", 30),
        ("SRTP_AEAD_AES_128_GCM", 28),
        ("SRTP_AEAD_AES_256_GCM", 44),
    ],
)
async def test_an_asked_profile_is_used(profile: str, length: int) -> None:
    client, server = pair(Network(), profiles=[profile])
    keys, _ = await asyncio.gather(client.handshake(), server.handshake())
    assert (keys.profile, len(keys.send)) == (profile, length)
    await close(client, server)


@pytest.mark.parametrize("seed", range(12))
async def test_a_fifth_of_the_datagrams_lost_is_survived(seed: int) -> None:
    network = Network(loss=0.2, seed=seed)
    client, server = pair(network)
    keys = await asyncio.gather(client.handshake(), server.handshake())
    assert keys[0].send == keys[1].receive
    assert len(network.sent) < 60
    await close(client, server)


async def test_a_wrong_fingerprint_is_refused_and_gives_no_keys() -> None:
    network = Network()
    wrong = dtls.Fingerprint("sha-256", ":".join(["00"] * 32))
    client, server = pair(network, ([wrong], [PRINTS[0]]))
    results = await asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
    assert isinstance(results[0], dtls.DtlsError)
    assert "fingerprint" in str(results[0])
    assert network.keys[0] == []
    await close(client, server)


async def test_one_wrong_fingerprint_beside_a_right_one_is_refused() -> None:
    wrong = dtls.Fingerprint("sha-512", ":".join(["00"] * 64))
    client, server = pair(Network(), ([PRINTS[1], wrong], [PRINTS[0]]))
    results = await asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
    assert isinstance(results[0], dtls.DtlsError)
    await close(client, server)


@pytest.mark.parametrize("algorithm", ["sha-1", "SHA-1", "sha-224", "sha-384", "sha-512"])
async def test_a_fingerprint_of_another_algorithm_is_checked_as_well(algorithm: str) -> None:
    for right in (True, False):
        digest = CERTIFICATES[1].x509.fingerprint(HASHES[algorithm.lower()]).hex(":")
        said = dtls.Fingerprint(algorithm, digest if right else "00" + digest[2:])
        client, server = pair(Network(), ([said], [PRINTS[0]]))
        ends = asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
        at_client = (await ends)[0]
        assert isinstance(at_client, dtls.Keys) is right
        await close(client, server)


async def test_one_of_several_fingerprints_of_the_best_algorithm_is_enough() -> None:
    old = dtls.Fingerprint("sha-256", ":".join(["AB"] * 32))
    weak = dtls.Fingerprint("sha-1", ":".join(["00"] * 20))
    client, server = pair(Network(), ([weak, old, PRINTS[1]], [PRINTS[0]]))
    await asyncio.gather(client.handshake(), server.handshake())
    await close(client, server)


async def test_a_right_weak_fingerprint_beside_a_wrong_strong_one_is_refused() -> None:
    wrong = dtls.Fingerprint("sha-256", ":".join(["AB"] * 32))
    digest = CERTIFICATES[1].x509.fingerprint(HASHES["sha-1"]).hex(":")
    client, server = pair(Network(), ([dtls.Fingerprint("sha-1", digest), wrong], [PRINTS[0]]))
    results = await asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
    assert isinstance(results[0], dtls.DtlsError)
    await close(client, server)


async def test_a_forged_alert_ends_no_handshake() -> None:
    client, server = pair(Network())
    alert = bytes([21, 254, 253]) + bytes(8) + bytes([0, 2, 2, 40])
    shaking = asyncio.gather(client.handshake(), server.handshake())
    for _ in range(20):
        for end in (client, server):
            end.receive(alert)
        await asyncio.sleep(0.0005)
    keys = await shaking
    assert keys[0].send == keys[1].receive
    assert server.dropped["plaintext_alert"] > 0
    for end in (client, server):
        end.receive(alert)
    await asyncio.sleep(0.02)
    assert (client.state, server.state) == ("connected", "connected")
    await close(client, server)


async def test_a_peer_with_an_rsa_certificate_is_met_in_both_roles() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    template = CERTIFICATES[0].x509
    name = template.subject
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(template.not_valid_before_utc)
        .not_valid_after(template.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    peer = dtls.Certificate(made, key)  # type: ignore[arg-type]
    said = dtls.fingerprint(peer)
    for place in (0, 1):
        network = Network()
        ends = pair(network, ([said], [PRINTS[0]]) if place else ([PRINTS[1]], [said]))
        ends[place]._certificate = peer  # pyright: ignore[reportPrivateUsage]
        await asyncio.gather(*(end.handshake() for end in ends))
        await close(*ends)


async def test_a_refused_peer_is_told_so() -> None:
    closed: list[str] = []
    wrong = dtls.Fingerprint("sha-256", ":".join(["00"] * 32))
    client, server = pair(Network(), ([wrong], [PRINTS[0]]))
    server._on_closed = lambda: closed.append("server")  # pyright: ignore[reportPrivateUsage]
    await asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
    await asyncio.sleep(0.05)
    assert closed == ["server"]
    await close(client, server)


async def test_a_record_longer_than_a_packet_delays_nothing_after_it() -> None:
    client, server = pair(Network())
    await asyncio.gather(client.handshake(), server.handshake())
    got: list[int] = []

    async def receiver(data: bytes) -> None:
        got.append(len(data))

    server.set_data_receiver(receiver)
    for size in (9_000, 10, 4_000, 20):
        await client.send_application_data(bytes(size))
        await asyncio.sleep(0.02)
    assert got == [9_000, 10, 4_000, 20]
    await close(client, server)


async def test_data_that_comes_before_its_receiver_is_kept_within_bounds() -> None:
    client, server = pair(Network())
    await asyncio.gather(client.handshake(), server.handshake())
    for number in range(40):
        await client.send_application_data(bytes([number]))
    await asyncio.sleep(0.05)
    got: list[bytes] = []

    async def receiver(data: bytes) -> None:
        got.append(data)

    server.set_data_receiver(receiver)
    await asyncio.sleep(0.02)
    assert len(got) == 16
    assert server.dropped["inbox_full"] == 24
    await close(client, server)


async def test_a_peer_without_fingerprint_is_refused() -> None:
    client, server = pair(Network(), ([], []))
    with pytest.raises(dtls.DtlsError, match="no fingerprint"):
        await client.handshake()
    await close(client, server)


async def test_no_profile_in_common_is_refused() -> None:
    network = Network()
    client, server = pair(network, profiles=["SRTP_AES128_CM_SHA1_80"])
    server._profiles = ("SRTP_AEAD_AES_256_GCM",)  # pyright: ignore[reportPrivateUsage]
    results = await asyncio.gather(client.handshake(), server.handshake(), return_exceptions=True)
    assert all(isinstance(result, dtls.DtlsError) for result in results)
    assert network.keys == [[], []]
    await close(client, server)


async def test_a_silent_peer_ends_in_a_timeout_after_a_bounded_number_of_datagrams() -> None:
    sent: list[bytes] = []
    lonely = dtls.Dtls("client", [PRINTS[1]], sent.append, lambda _: None, handshake_seconds=0.8)
    with pytest.raises(dtls.DtlsError, match=r"0\.8 s"):
        await lonely.handshake()
    assert 2 <= len(sent) <= 6
    await asyncio.sleep(0.3)
    assert len(sent) <= 6


async def test_garbage_before_and_after_the_handshake_is_ignored() -> None:
    network = Network()
    client, server = pair(network)
    noise = random.Random(7)
    junk = [noise.randbytes(n) for n in range(0, 200, 7)]
    junk += [bytes([22, 254, 253]) + noise.randbytes(n) for n in range(8, 300, 9)]
    junk += [bytes([23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, n]) + bytes(n) for n in range(40)]
    for data in junk:
        server.receive(data)
    await asyncio.gather(client.handshake(), server.handshake())
    for data in junk:
        server.receive(data)
        client.receive(data)
    got: asyncio.Queue[bytes] = asyncio.Queue()
    server.set_data_receiver(got.put)
    await client.send_application_data(b"still here")
    assert await asyncio.wait_for(got.get(), 30) == b"still here"
    assert server.dropped["malformed"] > 0
    await close(client, server)


async def test_a_raising_data_receiver_ends_nothing() -> None:
    network = Network()
    client, server = pair(network)
    await asyncio.gather(client.handshake(), server.handshake())
    got: list[bytes] = []

    async def receiver(data: bytes) -> None:
        got.append(data)
        raise ValueError("bad input")

    server.set_data_receiver(receiver)
    for data in (b"one", b"two"):
        await client.send_application_data(data)
        await asyncio.sleep(0.05)
    assert got == [b"one", b"two"]
    assert server.dropped["data_receiver_error"] == 2
    await close(client, server)


async def test_records_that_share_a_datagram_all_arrive() -> None:
    network = Network()
    client, server = pair(network)
    await asyncio.gather(client.handshake(), server.handshake())
    got: list[bytes] = []

    async def receiver(data: bytes) -> None:
        got.append(data)

    server.set_data_receiver(receiver)
    await asyncio.sleep(0.05)
    held: list[bytes] = []
    client._send = held.append  # pyright: ignore[reportPrivateUsage]
    for number in range(5):
        await client.send_application_data(b"message %d" % number)
    server.receive(b"".join(held))
    await asyncio.sleep(0.05)
    assert got == [b"message %d" % number for number in range(5)]
    await close(client, server)


async def test_a_flood_is_cut_at_the_queue_and_counted() -> None:
    network = Network()
    client, server = pair(network)
    head = bytes([22, 254, 253, 0, 0])
    for number in range(10_000):
        server.receive(head + number.to_bytes(6, "big") + bytes([0, 1, 0]))
    assert server.dropped["queue_full"] >= 9_000
    server.receive(head + bytes(6) + bytes([0, 1, 0]))
    await close(client, server)


async def test_a_record_said_again_before_its_turn_is_taken_once() -> None:
    client, server = pair(Network())
    record = bytes([22, 254, 253]) + bytes(8) + bytes([0, 1, 0])
    for _ in range(100):
        server.receive(record)
    assert server.dropped == {"repeated": 99}
    await close(client, server)


async def test_the_peers_goodbye_is_told_once() -> None:
    network = Network()
    closed: list[str] = []
    client, server = pair(network)
    server._on_closed = lambda: closed.append("server")  # pyright: ignore[reportPrivateUsage]
    await asyncio.gather(client.handshake(), server.handshake())
    await client.close()
    await asyncio.sleep(0.1)
    assert closed == ["server"]
    with pytest.raises(ConnectionError):
        await server.send_application_data(b"x")
    await close(client, server)
    assert closed == ["server"]


async def test_closing_during_a_handshake_ends_it() -> None:
    lonely = dtls.Dtls("client", [PRINTS[1]], lambda _: None, lambda _: None)
    running = asyncio.create_task(lonely.handshake())
    await asyncio.sleep(0.02)
    await lonely.close()
    with pytest.raises(dtls.DtlsError):
        await asyncio.wait_for(running, 30)
