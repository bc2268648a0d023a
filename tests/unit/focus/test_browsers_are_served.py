"""What browsers say beyond synthetic participants: wishes, sources, candidates, new ICE."""

from dataclasses import dataclass, field, replace

import pytest
from tests.unit.focus.focus_world import CLIENT, OFFERED, FakeBridge, World, jid

from jitsiwire.colibri2 import (
    Capability,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    MediaSource,
    Sctp,
    Source,
    SourceGroup,
    Transport,
)
from octoload import signalling
from octoload.focus import browsers
from octoload.focus.replies import Reply

CAMERA = signalling.SourceDescription(
    kind="video",
    video_type="camera",
    ssrcs=(10, 11, 20, 21),
    groups=(
        signalling.SourceGroup(semantics="SIM", ssrcs=(10, 20)),
        signalling.SourceGroup(semantics="FID", ssrcs=(10, 11)),
        signalling.SourceGroup(semantics="FID", ssrcs=(20, 21)),
    ),
)
SCREEN = signalling.SourceDescription(kind="video", index=1, video_type="desktop", ssrcs=(30,))
MICROPHONE = signalling.SourceDescription(kind="audio", ssrcs=(40,))
WISHES = {"wishes": {"ssrcRewriting": True, "midDemux": True, "initialLastN": 2}}


@dataclass
class RestartingBridge(FakeBridge):
    """A bridge that grants new ICE credentials, or refuses to."""

    asked: list[ConferenceModify] = field(default_factory=list[ConferenceModify])
    generation: int | None = 1

    def handle(self, request: ConferenceModify) -> Reply:
        self.asked.append(request)
        restarted = [e for e in request.endpoints if e.transport and e.transport.ice_restart]
        reply = super().handle(request)
        if not restarted or not isinstance(reply, ConferenceModified) or self.generation is None:
            return reply
        assert OFFERED.ice is not None
        ice = replace(OFFERED.ice, ufrag=f"new{self.generation}", ice_generation=self.generation)
        return ConferenceModified((Endpoint(restarted[0].id, transport=Transport(ice=ice)),))


@dataclass
class Browser:
    """A browser in a world's call."""

    world: World
    connection: int

    @property
    def who(self) -> tuple[str, str]:
        return self.world.people[self.connection]

    @property
    def offer(self) -> signalling.Offer:
        offer = self.world.last(self.connection, signalling.Offer)
        assert isinstance(offer, signalling.Offer)
        return offer

    def answer(self, *sources: signalling.SourceDescription) -> None:
        said = signalling.Answer(
            session_id=self.offer.session_id, transport=CLIENT, sources=sources
        )
        self.world.do(self.world.focus.answered(*self.who, said))
        self.world.settle()

    def say(self, message: browsers.BrowserMessage) -> None:
        self.world.do(browsers.take(self.world.focus, self.who, message))
        self.world.settle()

    def publish(self, *sources: signalling.SourceDescription) -> None:
        self.say(signalling.Publish(session_id=self.offer.session_id, sources=sources))

    def told(self, kind: type) -> list[signalling.FocusMessage]:
        return [m for m in self.world.told[self.connection] if isinstance(m, kind)]


@pytest.fixture
def bridge(world: World) -> RestartingBridge:
    made = RestartingBridge()
    world.bridges[jid("a")] = made
    world.add("a")
    return made


def join(world: World, **more: object) -> Browser:
    return Browser(world, world.join("call", sources={}, **{**WISHES, **more}))


def test_a_browsers_wishes_are_asked_of_the_bridge(world: World, bridge: RestartingBridge) -> None:
    join(world)
    (asked,) = bridge.asked[0].endpoints
    assert asked.transport == Transport(ice_controlling=True, sctp=Sctp())
    assert asked.initial_last_n == 2
    assert set(asked.capabilities) == {
        Capability.SOURCE_NAMES,
        Capability.SSRC_REWRITING,
        Capability.RTP_MID_DEMUX,
    }


def test_everyone_is_told_the_codecs(world: World, bridge: RestartingBridge) -> None:
    assert len(bridge.asked) == 0
    browser, synthetic = join(world), Browser(world, world.join("call"))
    named = {(one.id, one.name) for media in browser.offer.media for one in media.payload_types}
    assert {(100, "VP8"), (96, "rtx"), (107, "H264"), (99, "rtx"), (111, "opus")} <= named
    ids = {id_ for media in browser.offer.media for id_, _ in media.extensions}
    assert {1, 3, 5, 10} <= ids
    assert synthetic.offer.media == browser.offer.media


def test_the_answers_sources_reach_the_bridge_and_the_others(
    world: World, bridge: RestartingBridge
) -> None:
    first, second = join(world), join(world)
    second.answer(MICROPHONE, CAMERA)
    name = f"{second.offer.endpoint_id}-v0"
    (endpoint,) = bridge.asked[-1].endpoints
    assert endpoint.sources is not None
    assert endpoint.sources[1] == MediaSource(
        "video",
        name,
        tuple(Source(ssrc, name, "camera") for ssrc in (10, 11, 20, 21)),
        (
            SourceGroup("SIM", (10, 20)),
            SourceGroup("FID", (10, 11)),
            SourceGroup("FID", (20, 21)),
        ),
    )
    told = first.told(signalling.Sources)[-1]
    assert isinstance(told, signalling.Sources)
    (video,) = (source for source in told.added if source.kind == "video")
    assert (video.name, video.ssrc, video.rtx, video.video_type) == (name, 10, 11, "camera")


def test_only_what_changed_is_told_when_sources_are_published(
    world: World, bridge: RestartingBridge
) -> None:
    first, second = join(world), join(world)
    second.answer(MICROPHONE, CAMERA)
    second.publish(MICROPHONE, CAMERA, SCREEN)
    told = first.told(signalling.Sources)[-1]
    assert isinstance(told, signalling.Sources)
    assert [one.video_type for one in told.added] == ["desktop"]
    assert told.removed == ()
    second.publish(MICROPHONE.model_copy(update={"muted": True}), CAMERA)
    told = first.told(signalling.Sources)[-1]
    assert isinstance(told, signalling.Sources)
    assert set(told.removed) == {30, 40}
    assert [(one.ssrc, one.muted) for one in told.added] == [(40, True)]
    assert bridge.asked[-1].endpoints[0].transport is None


def test_trickled_candidates_reach_the_bridge(world: World, bridge: RestartingBridge) -> None:
    browser = join(world)
    browser.answer(CAMERA)
    found = signalling.Candidate(priority=7, address="10.1.1.1", port=4000)
    trickle = signalling.Trickle(
        session_id=browser.offer.session_id, ufrag="abcd", pwd="q" * 24, candidates=(found,)
    )
    browser.say(trickle)
    transport = bridge.asked[-1].endpoints[0].transport
    assert transport is not None
    assert transport.ice is not None
    assert (transport.ice.ufrag, transport.ice.candidates[0].ip) == ("abcd", "10.1.1.1")
    assert transport.ice.fingerprints == ()
    assert bridge.asked[-1].endpoints[0].sources is None


def test_new_ice_is_relayed_and_its_answer_names_the_generation(
    world: World, bridge: RestartingBridge
) -> None:
    browser = join(world)
    browser.answer(CAMERA)
    browser.say(signalling.IceRestart(session_id=browser.offer.session_id))
    (new,) = browser.told(signalling.NewIce)
    assert isinstance(new, signalling.NewIce)
    assert (new.transport.ufrag, new.transport.generation) == ("new1", 1)
    answer = CLIENT.model_copy(update={"generation": 1})
    said = signalling.Answer(session_id=browser.offer.session_id, transport=answer)
    world.do(world.focus.answered(*browser.who, said))
    world.settle()
    transport = bridge.asked[-1].endpoints[0].transport
    assert transport is not None
    assert transport.ice is not None
    assert transport.ice.ice_generation == 1


def test_a_generation_that_is_no_news_is_not_relayed(
    world: World, bridge: RestartingBridge
) -> None:
    browser = join(world)
    browser.answer(CAMERA)
    for _ in range(2):
        browser.say(signalling.IceRestart(session_id=browser.offer.session_id))
    assert len(browser.told(signalling.NewIce)) == 1


def test_a_refused_restart_costs_a_new_invitation(world: World, bridge: RestartingBridge) -> None:
    bridge.generation = None
    browser = join(world)
    before = browser.offer.session_id
    browser.answer(CAMERA)
    browser.say(signalling.IceRestart(session_id=before))
    assert browser.told(signalling.NewIce) == []
    assert browser.offer.session_id != before


def test_nothing_is_done_for_a_session_that_is_over(world: World, bridge: RestartingBridge) -> None:
    browser = join(world)
    browser.answer(CAMERA)
    asked = len(bridge.asked)
    browser.say(signalling.IceRestart(session_id="another"))
    browser.say(signalling.Publish(session_id="another", sources=()))
    assert len(bridge.asked) == asked


def test_a_password_is_in_no_repr() -> None:
    trickle = signalling.Trickle(session_id="s", ufrag="abcd", pwd="p" * 24, candidates=())
    assert "pppp" not in repr(trickle)
    assert "qqqq" not in repr(signalling.Answer(session_id="s", transport=CLIENT))
