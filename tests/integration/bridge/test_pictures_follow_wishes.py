"""Pictures follow what clients ask for, over a real bridge: layers, senders, rewritten SSRCs."""

import pytest
from tests.integration.bridge.caller import TRANSPORT, Caller, eventually, settled
from tests.integration.bridge.conversation import CAPABILITIES, Conversation
from tests.integration.bridge.running import running
from tests.integration.bridge.scripted_focus import focus_in
from tests.integration.bridge.test_message_channel import Client
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import (
    Capability,
    Media,
    MediaSource,
    PayloadType,
    RtcpFeedback,
    Source,
    SourceGroup,
)
from octoengine import Command

pytestmark = pytest.mark.slow

SIZES = ((320, 180, 150_000), (640, 360, 400_000), (1280, 720, 1_200_000))
REWRITING = (*CAPABILITIES, str(Capability.SSRC_REWRITING), str(Capability.RTP_MID_DEMUX))

REMB = (RtcpFeedback("goog-remb"), RtcpFeedback("nack"))
ESTIMATING = (
    Media("audio", (PayloadType(111, "opus", 48000, 2),)),
    Media(
        "video",
        (
            PayloadType(100, "VP8", 90000, feedback=REMB),
            PayloadType(96, "rtx", 90000, parameters=(("apt", "100"),)),
        ),
    ),
)
"""Of a client that tells what its network carries (draft-alvestrand-rmcat-remb)."""


def remb(bps: int, ssrc: int) -> bytes:
    """The message that says so: a mantissa of 18 bits and its exponent."""
    exponent = max(0, bps.bit_length() - 18)
    number = (exponent << 18) | (bps >> exponent)
    words = ((0x8FCE0005), 0xABCD1234, 0, int.from_bytes(b"REMB", "big"), (1 << 24) | number, ssrc)
    empty_rr = b"\x80\xc9\x00\x01" + (0xABCD1234).to_bytes(4, "big")
    return empty_rr + b"".join(word.to_bytes(4, "big") for word in words)


class Filmer(Caller):
    """A caller whose camera has three encodings of three temporal layers."""

    @property
    def encodings(self) -> tuple[int, ...]:
        """SSRCs, lowest first."""
        return tuple(self.video + 10 * number for number in range(3))

    def sources(self) -> tuple[MediaSource, ...]:
        microphone, _ = super().sources()
        name = f"{self.name}-v0"
        sim = SourceGroup("SIM", self.encodings)
        camera = MediaSource("video", name, tuple(Source(s, name) for s in self.encodings), (sim,))
        return microphone, camera

    def send_media(self) -> None:
        streams: list[Command] = [Command.StartStream(TRANSPORT, self.audio, "audio", 111, 120)]
        for ssrc, (width, height, bps) in zip(self.encodings, SIZES, strict=True):
            streams.append(
                Command.StartStream(
                    TRANSPORT,
                    ssrc,
                    "video",
                    100,
                    1000,
                    frames_per_second=20.0,
                    bitrate_bps=bps,
                    temporal_layers=3,
                    width=width,
                    height=height,
                )
            )
        self.submit(streams)


def height(receiver: Caller, ssrc: int) -> int:
    """Of the picture that arrives on an SSRC."""
    stats = receiver.received(ssrc)
    return stats.height if stats else 0


async def test_layers_and_senders_follow_what_a_client_asks_for(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await conversation.join("a", sctp=True, kind=Filmer)
            filming = Client(*await a.open_channel())
            b = await conversation.join("b", sctp=True)
            watching = Client(*await b.open_channel())
            for wanted in (180, 360, 720, 360):
                watching.say(
                    colibriClass="ReceiverVideoConstraints",
                    defaultConstraints={"maxHeight": wanted},
                )
                while (await filming.hears("SenderSourceConstraints"))["maxHeight"] != wanted:
                    pass
                await eventually(
                    lambda wanted=wanted: height(b, a.video) == wanted, f"a picture of {wanted}"
                )
            assert (await watching.hears("ForwardedSources"))["forwardedSources"] == []
            assert (await watching.hears("ForwardedSources"))["forwardedSources"] == ["a-v0"]
            seen = b.received(a.video)
            assert seen is not None
            assert (seen.lost, seen.duplicates) == (0, 0), "one stream, whatever layer it is"

            watching.say(colibriClass="LastNChangedEvent", lastN=0)
            assert (await filming.hears("SenderSourceConstraints"))["maxHeight"] == 0
            await settled(lambda: b.packets(a.video), "video that isn't wanted")
        finally:
            await conversation.hang_up()


async def test_layers_follow_what_the_network_carries(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            a = await conversation.join("a", sctp=True, kind=Filmer)
            b = await conversation.join("b", sctp=True, media=ESTIMATING)
            watching = Client(*await b.open_channel())
            # Its engine has an opinion of its own, which isn't the subject here.
            b.submit([Command.SetFeedback(TRANSPORT, transport_cc=False, remb=False, nack=True)])
            watching.say(
                colibriClass="ReceiverVideoConstraints", defaultConstraints={"maxHeight": 720}
            )
            for carried, seen in ((5_000_000, 720), (250_000, 180), (900_000, 360)):

                def arrives(carried: int = carried, seen: int = seen) -> bool:
                    b.submit([Command.SendRtcp(TRANSPORT, remb(carried, a.video))])
                    return height(b, a.video) == seen

                await eventually(arrives, f"a picture of {seen} at {carried} bits a second", 20)
        finally:
            await conversation.hang_up()


async def test_rewritten_streams_carry_what_the_map_says(prosody: Prosody) -> None:
    async with focus_in(prosody) as focus, running(prosody) as bridge:
        await focus.until_bridge(bridge.nickname)
        conversation = Conversation(focus, bridge.nickname)
        try:
            await conversation.join("a", sctp=True)
            await conversation.join("c", sctp=True)
            b = await conversation.join("b", sctp=True, capabilities=REWRITING)
            watching = Client(*await b.open_channel())
            # Both are told before anything is asked for.
            told = await watching.hears_all("VideoSourcesMap", "AudioSourcesMap")
            pictures = told["VideoSourcesMap"]["mappedSources"]
            assert {one["source"] for one in pictures} == {"a-v0", "c-v0"}
            voices = told["AudioSourcesMap"]["mappedSources"]
            assert {one["source"] for one in voices} == {"a-a0", "c-a0"}
            watching.say(colibriClass="ReceiverVideoConstraints", lastN=-1)
            for kind, told in (("audio", voices), ("video", pictures)):
                b.submit([Command.AddSource(TRANSPORT, one["ssrc"], kind) for one in told])
            for one in (*voices, *pictures):
                await eventually(
                    lambda ssrc=one["ssrc"]: b.packets(ssrc) > 10, f"{one['source']} in its slot"
                )
            for sender in conversation.callers[:2]:
                assert b.packets(sender.audio) == b.packets(sender.video) == 0
        finally:
            await conversation.hang_up()
