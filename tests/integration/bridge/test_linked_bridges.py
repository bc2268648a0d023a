"""Meetings on several bridges: real ICE, DTLS, SCTP and media between octobridge processes."""

import asyncio
import json
from typing import Any

import pytest
from tests.integration.bridge.caller import Caller, eventually, settled
from tests.integration.bridge.linked import MEETING, Meeting, Place, meeting_on, sees
from tests.integration.bridge.lossy import lossy
from tests.integration.bridge.test_message_channel import Client
from tests.integration.bridge.test_pictures_follow_wishes import Filmer, height
from tests.integration.bridge.voice import Voice
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModify,
    MediaSource,
    Relay,
    Source,
    SourceGroup,
)

pytestmark = pytest.mark.slow


async def relay_state(place: Place, other: Place) -> dict[str, Any]:
    """What a bridge's /debug says of one of its links."""
    _, text = await place.bridge.get("/debug")
    (conference,) = json.loads(text)["conferences"].values()
    status, text = await place.bridge.get(f"/debug/{conference['id']}/{other.relay_id}")
    assert status == 200, text
    return json.loads(text)


async def came(place: Place, other: Place, ssrc: int) -> dict[str, Any]:
    """What came of an SSRC over a link, by the engine's counters."""
    state = await relay_state(place, other)
    (source,) = [s for s in state["engine"]["sources"] if s["ssrc"] == ssrc]
    return source


async def everyone_sees_everyone(meeting: Meeting) -> None:
    for receiver in meeting.callers:
        for sender in meeting.callers:
            if sender is not receiver:
                await sees(receiver, sender)


async def test_people_on_two_bridges_hear_and_see_one_another(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        a = await meeting.join(here, "a")
        b = await meeting.join(there, "b")
        await meeting.link(here, there)
        await sees(a, b)
        await sees(b, a)
        await meeting.join(there, "c")
        await everyone_sees_everyone(meeting)

        known = b.received(a.video)
        assert known is not None
        b.ask_keyframe(a.video)

        def another_keyframe() -> bool:
            now = b.received(a.video)
            return now is not None and now.keyframes > known.keyframes

        await eventually(another_keyframe, "a keyframe after a PLI that crossed a relay", 15)

        stats = await here.bridge.stats()
        assert (stats["participants"], stats["local_endpoints"], stats["octo_endpoints"]) == (
            3,
            1,
            2,
        )
        assert (stats["octo_conferences"], stats["largest_conference"]) == (1, 3)
        assert stats["total_packets_sent_octo"] > 0
        assert stats["total_packets_received_octo"] > 0

        await meeting.leave(here, a)
        await settled(lambda: b.packets(a.video) + b.packets(a.audio), "media of who left")


async def test_each_stream_reaches_each_of_three_bridges_once(prosody: Prosody) -> None:
    async with meeting_on(prosody, 3) as meeting:
        one, two, three = meeting.places
        a = await meeting.join(one, "a")
        await meeting.join(two, "b")
        await meeting.link(one, two)
        await meeting.join(three, "c")
        await meeting.link(one, three)
        await meeting.link(two, three)
        await meeting.join(two, "d")
        await everyone_sees_everyone(meeting)

        a.stop_media()
        for receiver in meeting.callers[1:]:
            await settled(lambda r=receiver: r.packets(a.video), "the last of a's video")
        status, text = await one.bridge.get("/debug")
        assert status == 200
        (conference,) = json.loads(text)["conferences"].values()
        _, text = await one.bridge.get(f"/debug/{conference['id']}/a")
        (sent,) = [s for s in json.loads(text)["engine"]["sources"] if s["ssrc"] == a.video]
        for other in (two, three):
            arrived = await came(other, one, a.video)
            assert 0 < arrived["packets"] <= sent["packets"]
            assert arrived["duplicates"] == 0
        for place, other in ((two, three), (three, two)):
            state = await relay_state(place, other)
            assert all(s["ssrc"] != a.video for s in state["engine"]["sources"]), "within a mesh"


async def talking(meeting: Meeting, place: Place, name: str, kind: type[Caller] = Caller) -> Client:
    """Let someone in whose message channel is the test's."""
    caller = await meeting.join(place, name, kind, watches=False)
    return Client(*await caller.open_channel())


async def test_messages_wishes_and_layers_cross(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        filming = await talking(meeting, here, "a", Filmer)
        watching = await talking(meeting, there, "b")
        await meeting.link(here, there)
        a, b = meeting.callers

        async def greeted() -> bool:
            filming.say(colibriClass="EndpointMessage", to="b", msgPayload="hello")
            try:
                told = await watching.hears("EndpointMessage", 0.5)
            except TimeoutError:
                return False
            assert (told["from"], told["msgPayload"]) == ("a", "hello")
            return True

        # The link's own channel opens when it opens; what is said before reaches nobody there.
        for _ in range(60):
            if await greeted():
                break
        else:
            raise AssertionError("no message crossed")

        for wanted in (180, 720, 360):
            watching.say(
                colibriClass="ReceiverVideoConstraints", defaultConstraints={"maxHeight": wanted}
            )
            while (await filming.hears("SenderSourceConstraints", 20))["maxHeight"] != wanted:
                pass
            await eventually(
                lambda wanted=wanted: height(b, a.video) == wanted, f"a picture of {wanted}", 20
            )
        seen = b.received(a.video)
        assert seen is not None
        assert (seen.lost, seen.duplicates) == (0, 0), "one stream, whatever layer it is"
        watching.say(colibriClass="LastNChangedEvent", lastN=0)
        while (await filming.hears("SenderSourceConstraints", 20))["maxHeight"] != 0:
            pass

        watching.say(colibriClass="EndpointStats", bitrate={"upload": 5})
        told = await filming.hears("EndpointStats", 20)
        assert (told["from"], told["bitrate"]) == ("b", {"upload": 5})
        watching.say(colibriClass="EndpointMessage", to="", msgPayload=1)
        assert (await filming.hears("EndpointMessage", 20))["from"] == "b"


async def test_who_speaks_is_known_on_every_bridge(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        speaker = await meeting.join(here, "a", Mute)
        listening = await talking(meeting, there, "b", Mute)
        await meeting.link(here, there)
        voice = Voice(speaker, speaker.audio)
        for _ in range(10):
            await voice.speak(3.0)
            try:
                told = await listening.hears("DominantSpeakerEndpointChangeEvent", 0.5)
            except TimeoutError:
                continue
            assert told["dominantSpeakerEndpoint"] == "a"
            return
        raise AssertionError("nobody was found to speak")


class Mute(Caller):
    """A caller whose voice is the test's own."""

    def send_media(self) -> None:
        """Send nothing by itself."""


async def test_a_link_ends_and_may_be_made_again(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        a = await meeting.join(here, "a")
        b = await meeting.join(there, "b")
        await meeting.link(here, there)
        await sees(a, b)
        await meeting.unlink(here, there)
        await meeting.unlink(there, here)
        for receiver, sender in ((a, b), (b, a)):
            await settled(lambda r=receiver, s=sender: r.packets(s.audio), "a voice from afar")
        unknown = ConferenceModify(MEETING, relays=(Relay(there.relay_id),))
        refused = await meeting.try_to(here, unknown)
        assert isinstance(refused, Colibri2Error)
        assert refused.condition is Condition.BAD_REQUEST
        await meeting.link(there, here)
        await sees(a, b)
        await sees(b, a)
        held = json.loads((await here.bridge.get("/debug"))[1])["held"]
        assert held["links"] == 2, "one of a, one of the relay"


async def test_a_bridge_that_dies_takes_only_its_own_people_along(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        a = await meeting.join(here, "a")
        await meeting.join(there, "b")
        c = await meeting.join(here, "c")
        await meeting.link(here, there)
        await everyone_sees_everyone(meeting)
        there.bridge.process.kill()
        await there.bridge.process.wait()
        await meeting.unlink(here, there)
        await sees(a, c)
        await sees(c, a)
        assert (await here.bridge.stats())["octo_endpoints"] == 0


class Repairing(Caller):
    """A caller whose camera has an SSRC for what is sent again."""

    def sources(self) -> tuple[MediaSource, ...]:
        microphone, _ = super().sources()
        name, ssrcs = f"{self.name}-v0", (self.video, self.video + 5)
        pair = (SourceGroup("FID", ssrcs),)
        camera = MediaSource("video", name, tuple(Source(s, name) for s in ssrcs), pair)
        return microphone, camera


async def test_what_is_lost_between_bridges_is_mended_between_bridges(prosody: Prosody) -> None:
    async with meeting_on(prosody, 2) as meeting:
        here, there = meeting.places
        far = ("127.0.0.1", there.bridge.udp_port)
        async with lossy(far, every=25) as (path, port):
            a = await meeting.join(here, "a", Repairing)
            b = await meeting.join(there, "b", Repairing)
            await meeting.link(here, there, through=port)
            await sees(b, a)
            await sees(a, b)

            async def mended(place: Place, other: Place, ssrc: int) -> bool:
                source = await came(place, other, ssrc)
                return source["recovered"] >= 10

            for place, other, ssrc in ((there, here, a.video), (here, there, b.video)):
                for _ in range(150):
                    if await mended(place, other, ssrc):
                        break
                    await asyncio.sleep(0.2)
                else:
                    source = await came(place, other, ssrc)
                    raise AssertionError(f"what was lost didn't come again: {source}")
            assert path.lost >= 20
            to_clients = json.loads((await here.bridge.get("/debug?full=true"))[1])
            (conference,) = to_clients["conferences"].values()
            link = conference["relays"][there.relay_id]
            assert link["connected"]
            assert link["rtt_ms"] is not None
