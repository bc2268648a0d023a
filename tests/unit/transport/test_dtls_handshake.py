"""Two adapters in one process, joined by a network that may lose, double and mix up."""

import asyncio
import random
from collections.abc import Callable

import pytest

from octoengine import dtls

CERTIFICATES = [dtls.RTCCertificate.generateCertificate() for _ in range(2)]
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


async def test_a_peer_without_fingerprint_is_refused() -> None:
    client, server = pair(Network(), ([], []))
    with pytest.raises(dtls.DtlsError, match="no fingerprint"):
        await client.handshake()
    await close(client, server)


async def test_no_profile_in_common_is_refused() -> None:
    network = Network()
    client, server = pair(network)
    client.transport._srtp_profiles = [  # pyright: ignore[reportPrivateUsage]
        dtls._PROFILES["SRTP_AES128_CM_SHA1_80"]  # pyright: ignore[reportPrivateUsage]
    ]
    server.transport._srtp_profiles = [  # pyright: ignore[reportPrivateUsage]
        dtls._PROFILES["SRTP_AEAD_AES_256_GCM"]  # pyright: ignore[reportPrivateUsage]
    ]
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
    assert await asyncio.wait_for(got.get(), 5) == b"still here"
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
    record = bytes([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    for _ in range(10_000):
        server.receive(record)
    assert server.dropped["queue_full"] >= 9_000
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
        await asyncio.wait_for(running, 2)
