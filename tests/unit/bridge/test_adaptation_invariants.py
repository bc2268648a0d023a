"""Whatever happens in a call: the engine can do what it's told, and clients know what they get."""

from collections.abc import Callable

from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.bridge import given
from tests.unit.bridge.media_model import Call

from jitsiwire import bridge_channel as wire
from jitsiwire.bridge_channel import VideoConstraints, VideoType
from jitsiwire.colibri2 import Endpoint
from octobridge.core.adaptation import AdaptationPolicy
from octobridge.core.policy import Policy

SLOTS = 2
NAMES = "abcd"
Act = Callable[[Call], None]


class Room(Call):
    """A call whose people may or may not be there, with what their clients know."""

    def __init__(self) -> None:
        super().__init__(Policy(adaptation=AdaptationPolicy(slots=SLOTS)))
        for number, name in enumerate("xyz"):
            self.join(name, given.camera(name, 700 + 100 * number))
        self.join("r", rewrites=True)
        self.want("r")
        self.here = {*"xyzr"}
        self.videos: dict[int, dict[int, str]] = {}
        self.voices: dict[int, dict[int, str]] = {}

    def read(self) -> None:
        """Let clients read what they were told."""
        for transport, message in self.model.told:
            if isinstance(message, wire.VideoSourcesMap):
                known = self.videos.setdefault(transport, {})
                known.update((one.ssrc, one.source) for one in message.mapped_sources)
            if isinstance(message, wire.AudioSourcesMap):
                known = self.voices.setdefault(transport, {})
                known.update((one.ssrc, one.source) for one in message.mapped_sources)
        self.model.told.clear()

    def check(self) -> None:
        conference = self.handler.registry.conferences[0]
        by_transport = {e.transport: e for e in conference.endpoints}
        for subscription in self.model.subscriptions.values():
            receiver = by_transport[subscription.receiver]
            sources = by_transport[subscription.sender].sources
            names = {p.ssrc: p.name for p in sources.pictures}
            names |= {v.ssrc: v.name for v in sources.voices}
            if "ssrc-rewriting" in receiver.capabilities:
                known = self.videos.get(receiver.transport, {}) | self.voices.get(
                    receiver.transport, {}
                )
                assert known[subscription.out_ssrc] == names[subscription.ssrc]
            else:
                assert subscription.out_ssrc in (0, subscription.ssrc)
        for transport, endpoint in by_transport.items():
            sent = self.seen(transport)
            assert all(sender != transport for sender, _ in sent)
            if "ssrc-rewriting" in endpoint.capabilities:
                assert len(sent) <= SLOTS


def enter(name: str, layers: int, rewrites: bool) -> Act:
    def act(call: Call) -> None:
        assert isinstance(call, Room)
        if name not in call.here:
            first = 100 * (1 + NAMES.index(name))
            camera = given.camera(name, first, layers=layers)
            call.join(name, camera, given.audio(name, first + 50), rewrites=rewrites)
            call.here.add(name)

    return act


def leave(name: str) -> Act:
    def act(call: Call) -> None:
        assert isinstance(call, Room)
        if name in call.here:
            call.leave(name)
            call.here.discard(name)

    return act


def resignal(name: str, layers: int, audio: bool) -> Act:
    def act(call: Call) -> None:
        assert isinstance(call, Room)
        first = 100 * (1 + NAMES.index(name))
        sources = [given.camera(name, first, layers=layers)] if layers else []
        sources += [given.audio(name, first + 50)] if audio else []
        if name in call.here:
            call.modify(Endpoint(name, sources=tuple(sources)))

    return act


def want(name: str, last_n: int, height: int, stage: list[str]) -> Act:
    def act(call: Call) -> None:
        call.want(
            name,
            last_n=last_n,
            default_constraints=VideoConstraints(max_height=height),
            on_stage_sources=tuple(f"{n}-v0" for n in stage),
        )

    return act


def estimate(number: int, bps: int) -> Act:
    return lambda call: call.adaptation.set_bandwidth(number, bps)


def retype(name: str, video_type: VideoType) -> Act:
    def act(call: Call) -> None:
        call.model.apply(call.adaptation.set_video_type(name, f"{name}-v0", video_type))

    return act


def speak(order: list[str]) -> Act:
    return lambda call: call.model.apply(call.adaptation.set_speech_order(order))


def look(names: list[str]) -> Act:
    """Let the rewriting watcher want other pictures."""
    wanted = {f"{n}-v0": VideoConstraints(max_height=180) for n in names}
    nothing = VideoConstraints(max_height=0)
    return lambda call: call.want("r", constraints=wanted, default_constraints=nothing)


def starve(name: str, lost: bool) -> Act:
    def act(call: Call) -> None:
        conference = call.handler.registry.conferences[0]
        endpoint = conference.find(name)
        if endpoint is not None:
            endpoint.consent_lost = lost
            call.model.apply(conference.replan())

    return act


def listen(name: str, only: list[str]) -> Act:
    wish = wire.ReceiverAudioSubscription(include=tuple(f"{n}-a0" for n in only))
    return lambda call: call.model.apply(call.adaptation.set_audio_subscription(name, wish))


def measure(name: str, active: int) -> Act:
    def act(call: Call) -> None:
        first = 100 * (1 + NAMES.index(name))
        endpoint = call.handler.registry.conferences[0].find(name)
        if endpoint is not None:
            call.arrive(endpoint.transport, *range(first, first + active))

    return act


def wait(seconds: float) -> Act:
    return lambda call: call.step(seconds)


name = st.sampled_from(NAMES)
some = st.lists(name, max_size=3, unique=True)
acts = st.one_of(
    st.builds(enter, name, st.integers(1, 3), st.booleans()),
    st.builds(enter, name, st.integers(1, 3), st.booleans()),
    st.builds(leave, name),
    st.builds(resignal, name, st.integers(0, 3), st.booleans()),
    st.builds(want, name, st.integers(-1, 3), st.sampled_from([-1, 0, 180, 720]), some),
    st.builds(want, name, st.integers(-1, 3), st.sampled_from([-1, 180]), some),
    st.builds(estimate, st.integers(1, 8), st.integers(0, 3_000_000)),
    st.builds(retype, name, st.sampled_from(VideoType)),
    st.builds(speak, some),
    st.builds(look, st.lists(st.sampled_from("abcdxyz"), max_size=3, unique=True)),
    st.builds(starve, name, st.booleans()),
    st.builds(listen, name, some),
    st.builds(measure, name, st.integers(1, 3)),
    st.builds(wait, st.sampled_from([0.05, 0.2, 6.0])),
)


@settings(max_examples=150, deadline=None)
@hypothesis_given(st.lists(acts, max_size=40))
def test_calls_stay_consistent_whatever_happens(sequence: list[Act]) -> None:
    room = Room()
    for act in sequence:
        act(room)
        room.read()
        room.check()
    room.step(6)
    room.step(6)
    room.read()
    room.check()
    for member in list(room.here):
        room.leave(member)
    assert room.model.subscriptions == room.model.targets == {}
