"""The forwarding plan: applying its steps to an engine always gives what is wanted."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.bridge.given import audio, camera

from jitsiwire.colibri2 import MediaSource, Source, SourceGroup
from octobridge.core import effects as fx
from octobridge.core.forwarding import Party, Plan, steps
from octobridge.core.sources import Stream, streams_of


@dataclass
class ModelEngine:
    """What the engine does with commands, and nothing else: it refuses what makes no sense."""

    sources: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    muted: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    subscriptions: set[tuple[int, int, int]] = field(default_factory=set[tuple[int, int, int]])

    def apply(self, effect: fx.Effect) -> None:
        match effect:
            case fx.AddSource(transport, ssrc, kind):
                assert (transport, ssrc) not in self.sources
                self.sources[transport, ssrc] = kind
            case fx.RemoveSource(transport, ssrc):
                del self.sources[transport, ssrc]
                self.muted.discard((transport, ssrc))
                self.subscriptions = {s for s in self.subscriptions if s[1:] != (transport, ssrc)}
            case fx.MuteSource(transport, ssrc, muted):
                assert ((transport, ssrc) in self.muted) != muted
                (self.muted.add if muted else self.muted.remove)((transport, ssrc))
            case fx.Subscribe(receiver, sender, ssrc):
                assert (sender, ssrc) in self.sources
                assert (receiver, sender, ssrc) not in self.subscriptions
                self.subscriptions.add((receiver, sender, ssrc))
            case fx.Unsubscribe(receiver, sender, ssrc):
                self.subscriptions.remove((receiver, sender, ssrc))
            case _:
                raise AssertionError(effect)

    def remove_transport(self, transport: int) -> None:
        self.sources = {k: v for k, v in self.sources.items() if k[0] != transport}
        self.muted = {k for k in self.muted if k[0] != transport}
        self.subscriptions = {s for s in self.subscriptions if transport not in s[:2]}


def wanted_subscriptions(plan: Plan) -> set[tuple[int, int, int]]:
    return {
        (receiver, sender, stream.ssrc)
        for sender, sending in plan.items()
        for receiver, receiving in plan.items()
        for stream in sending.streams.values()
        if receiver != sender
        and stream.forwarded
        and (receiving.takes_audio if stream.media == "audio" else receiving.takes_video)
    }


def walk(engine: ModelEngine, before: Plan, after: Plan) -> None:
    for gone in set(before) - set(after):
        engine.remove_transport(gone)
    kept = {t: p for t, p in before.items() if t in after}
    for effect in steps(kept, after):
        engine.apply(effect)
    assert engine.subscriptions == wanted_subscriptions(after)
    assert engine.sources == {
        (t, s.ssrc): s.kind for t, p in after.items() for s in p.streams.values()
    }
    assert engine.muted == {
        (t, s.ssrc) for t, p in after.items() for s in p.streams.values() if p.mutes(s)
    }


def make_stream(ssrc: int, kind: str, forwarded: bool) -> Stream:
    return Stream(ssrc, kind, "audio" if kind == "audio" else "video", forwarded)


def make_party(streams: list[Stream], flags: tuple[bool, bool, bool, bool]) -> Party:
    return Party({s.ssrc: s for s in streams}, *flags)


flags = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans())
kinds = st.sampled_from(["audio", "video", "rtx"])
streams = st.builds(make_stream, st.integers(1, 6), kinds, st.booleans())
parties = st.builds(make_party, st.lists(streams, max_size=4), flags)
plans = st.dictionaries(st.integers(1, 5), parties, max_size=5)


@settings(max_examples=60)
@given(st.lists(plans, max_size=6))
def test_steps_converge_from_any_plan_to_any_other(sequence: list[Plan]) -> None:
    engine = ModelEngine()
    before: Plan = {}
    for after in sequence:
        walk(engine, before, after)
        before = after


@given(plans)
def test_plan_that_stands_needs_no_steps(plan: Plan) -> None:
    assert steps(plan, plan) == []


def test_only_one_encoding_of_a_camera_is_forwarded_with_its_retransmissions() -> None:
    streams = {s.ssrc: s for s in streams_of([camera("a", 10, layers=3), audio("a", 1)])}
    assert {s.ssrc for s in streams.values() if s.forwarded} == {1, 10, 13}
    assert {s.ssrc for s in streams.values() if s.kind == "rtx"} == {13, 14, 15}
    assert len(streams) == 7


def test_camera_without_simulcast_is_forwarded_whole() -> None:
    streams = streams_of([camera("a", 10)])
    assert [(s.ssrc, s.kind, s.forwarded) for s in streams] == [
        (10, "video", True),
        (11, "rtx", True),
    ]


def test_repair_streams_and_unknown_kinds_are_not_accepted() -> None:
    with_repair = MediaSource(
        "video",
        "a-v0",
        (Source(10), Source(11), Source(12)),
        (SourceGroup("FID", (10, 11)), SourceGroup("FEC-FR", (10, 12))),
    )
    screen_reader = MediaSource("application", "a-x0", (Source(20),))
    assert [s.ssrc for s in streams_of([with_repair, screen_reader])] == [10, 11]


def test_group_of_one_is_ignored() -> None:
    lonely = MediaSource("video", "a-v0", (Source(10),), (SourceGroup("SIM", (10,)),))
    assert streams_of([lonely]) == (Stream(10, "video", "video", forwarded=True),)


def test_synthetic_sources_go_to_nobody() -> None:
    voice = MediaSource("audio", "a-a1", (Source(5),), synthetic=True)
    assert streams_of([voice]) == (Stream(5, "audio", "audio", forwarded=False),)
