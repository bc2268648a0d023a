"""The bridge's message channel against a client's: bounds both ways, closing, opening again."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest
from aiortc import RTCDataChannel, RTCDataChannelParameters
from tests.integration.bridge.caller import eventually

from octobridge.shell import channel as channels
from octobridge.shell.channel import Channel, ChannelEvents
from octoengine import dtls, sctp

BIGGEST = 262_144


class Bridge:
    """The bridge's end, and what it was told."""

    def __init__(self, end: dtls.Dtls, *, opens: bool = False) -> None:
        self.told: list[str] = []
        self.dropped: Counter[str] = Counter()
        events = ChannelEvents(
            opened=lambda: self.told.append("opened"),
            closed=lambda: self.told.append("closed"),
            text=self.told.append,
        )
        self.channel = Channel(end, events, self.dropped, opens=opens)


@contextlib.asynccontextmanager
async def linked() -> AsyncGenerator[list[dtls.Dtls]]:
    own = dtls.fingerprint(dtls.process_certificate())
    made: list[dtls.Dtls] = []

    def sender(receiver: int) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            asyncio.get_running_loop().call_soon(made[receiver].receive, data)

        return send

    made.append(dtls.Dtls("client", [own], sender(1), lambda _: None))
    made.append(dtls.Dtls("server", [own], sender(0), lambda _: None))
    await asyncio.gather(*(end.handshake() for end in made))
    yield made
    for end in made:
        await end.close()


@pytest.fixture
async def ends() -> AsyncIterator[tuple[sctp.Association, Bridge]]:
    async with linked() as (client_end, bridge_end):
        client, bridge = sctp.Association(client_end), Bridge(bridge_end)
        await asyncio.gather(client.begin(), bridge.channel.start())
        yield client, bridge
        await client.stop()
        await bridge.channel.stop()


async def opened(client: sctp.Association, **options: Any) -> RTCDataChannel:
    made = RTCDataChannel(client, RTCDataChannelParameters(label="JVB data channel", **options))
    await eventually(lambda: made.readyState == "open", "the channel")
    return made


def heard(channel: RTCDataChannel) -> list[Any]:
    got: list[Any] = []
    channel.on("message", got.append)  # pyright: ignore[reportUnknownMemberType]
    return got


Ends = tuple[sctp.Association, Bridge]


async def test_the_largest_message_passes_both_ways_and_a_larger_one_is_dropped(
    ends: Ends,
) -> None:
    client, bridge = ends
    theirs = await opened(client)
    got = heard(theirs)
    theirs.send("a" * BIGGEST)
    await eventually(lambda: bridge.told == ["opened", "a" * BIGGEST], "the large one")
    assert bridge.channel.send("é" * (BIGGEST // 2))
    assert not bridge.channel.send("é" * (BIGGEST // 2) + "x")
    await eventually(lambda: got == ["é" * (BIGGEST // 2)], "the large one back")
    assert bridge.dropped == {"message_too_long": 1}


async def test_a_larger_message_than_allowed_isnt_taken(ends: Ends) -> None:
    client, bridge = ends
    theirs = await opened(client)
    client._remote_max_message_size = 0  # pyright: ignore[reportPrivateUsage]
    theirs.send("a" * (BIGGEST + 1))
    theirs.send("after")
    await eventually(lambda: bridge.told == ["opened", "after"], "the one after")
    assert bridge.dropped == {"message_too_long": 1}


async def test_a_flood_beyond_the_window_ends_the_association(ends: Ends) -> None:
    client, bridge = ends
    theirs = await opened(client)
    client._remote_max_message_size = 0  # pyright: ignore[reportPrivateUsage]
    theirs.send("a" * (4 * BIGGEST))
    await eventually(lambda: bridge.told == ["opened", "closed"], "the end", 20)
    await bridge.channel.stop()
    assert bridge.dropped["sctp_overfull"] == 1
    assert not bridge.channel.is_open
    assert not bridge.channel.send("too late")


async def test_binary_messages_are_counted_and_not_told(ends: Ends) -> None:
    client, bridge = ends
    theirs = await opened(client)
    theirs.send(b"\x00\xff")
    theirs.send("text")
    await eventually(lambda: bridge.told == ["opened", "text"], "the text")
    assert bridge.dropped == {"message_binary": 1}


async def test_a_second_channel_is_refused_and_the_first_goes_on(ends: Ends) -> None:
    client, bridge = ends
    first = await opened(client)
    got = heard(first)
    second = RTCDataChannel(client, RTCDataChannelParameters(label="another"))
    await eventually(lambda: second.readyState == "closed", "the refusal")
    assert bridge.dropped == {"channel_rejected": 1}
    assert bridge.channel.send("still here")
    await eventually(lambda: got == ["still here"], "the message")


async def test_a_closed_channel_is_told_and_another_may_be_opened(ends: Ends) -> None:
    client, bridge = ends
    first = await opened(client)
    first.close()
    await eventually(lambda: bridge.told == ["opened", "closed"], "the end of the first")
    assert not bridge.channel.send("to nobody")
    got = heard(await opened(client))
    await eventually(lambda: bridge.told[2:] == ["opened"], "the second")
    assert bridge.channel.send("hello again")
    await eventually(lambda: got == ["hello again"], "the message")


async def test_messages_to_a_client_that_reads_nothing_are_bounded(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, bridge = ends
    await opened(client)
    await eventually(lambda: bridge.told == ["opened"], "the channel")

    async def deaf(_: bytes) -> None:
        pass

    monkeypatch.setattr(client, "_handle_data", deaf)
    sent = sum(bridge.channel.send("x" * 1000) for _ in range(5_000))
    assert 300 < sent < 600
    assert bridge.dropped["message_queue_full"] == 5_000 - sent
    await asyncio.sleep(0.05)
    short = sum(bridge.channel.send("x") for _ in range(5_000))
    assert short <= channels.MAX_QUEUED_MESSAGES


async def test_half_a_character_is_dropped(ends: Ends) -> None:
    client, bridge = ends
    await opened(client)
    await eventually(lambda: bridge.told == ["opened"], "the channel")
    assert not bridge.channel.send("\ud83d")
    assert bridge.dropped == {"message_not_text": 1}


async def test_many_channels_end_the_association(ends: Ends) -> None:
    client, bridge = ends
    await opened(client)
    for number in range(2, 80, 2):
        RTCDataChannel(client, RTCDataChannelParameters(label="more", id=number))
    await eventually(lambda: "closed" in bridge.told, "the end")
    await bridge.channel.stop()
    assert bridge.dropped["sctp_overfull"] == 1


@pytest.mark.parametrize("opener", [0, 1])
async def test_between_bridges_the_one_that_is_told_to_opens_the_channel(opener: int) -> None:
    async with linked() as made:
        bridges = [Bridge(end, opens=number == opener) for number, end in enumerate(made)]
        await asyncio.gather(*(bridge.channel.start() for bridge in bridges))
        for number, bridge in enumerate(bridges):
            await eventually(lambda b=bridge: b.told[:1] == ["opened"], f"the channel of {number}")
            assert bridge.channel.is_open
        for number, bridge in enumerate(bridges):
            assert bridge.channel.send(f"from {number}")
        for number, bridge in enumerate(bridges):
            wanted = ["opened", f"from {1 - number}"]
            await eventually(lambda b=bridge, w=wanted: b.told == w, "the other's words")
        for bridge in bridges:
            await bridge.channel.stop()


class Waiting(sctp.Association):
    """As the stock bridge is where it waits: it says no INIT."""

    async def _init(self) -> None:
        pass


async def test_the_channel_that_a_stock_bridge_opens_is_taken() -> None:
    """It takes stream 0 whatever its part in DTLS, where RFC 8832 wants an odd one of a server."""
    async with linked() as (ours_end, stock_end):
        ours, stock = Bridge(ours_end), sctp.Association(stock_end)
        await asyncio.gather(ours.channel.start(), stock.begin())
        made = RTCDataChannel(stock, RTCDataChannelParameters(label="default", id=0))
        got = heard(made)
        await eventually(lambda: made.readyState == "open", "the channel")
        made.send("AddReceiver")
        await eventually(lambda: ours.told == ["opened", "AddReceiver"], "its first words")
        assert ours.channel.send("ours")
        await eventually(lambda: got == ["ours"], "our words")
        await stock.stop()
        await ours.channel.stop()


async def test_a_stock_bridge_that_waits_is_connected_to() -> None:
    async with linked() as (stock_end, ours_end):
        ours, stock = Bridge(ours_end, opens=True), Waiting(stock_end)
        taken: list[RTCDataChannel] = []
        stock.on("datachannel", taken.append)  # pyright: ignore[reportUnknownMemberType]
        await stock.begin()
        await ours.channel.start()
        await eventually(lambda: ours.told == ["opened"], "the channel")
        assert [channel.protocol for channel in taken] == ["http://jitsi.org/protocols/colibri"]
        await stock.stop()
        await ours.channel.stop()
