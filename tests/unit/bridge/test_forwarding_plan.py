"""The forwarding plan: applying its steps to an engine always gives what is wanted."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from octobridge.core import effects as fx
from octobridge.core.forwarding import Party, Plan, steps
from octobridge.core.sources import Picture, Sources, Stream


@dataclass
class ModelEngine:
    """What the engine does with commands, and nothing else: it refuses what makes no sense."""

    sources: dict[tuple[int, int], tuple[str, int]] = field(
        default_factory=dict[tuple[int, int], tuple[str, int]]
    )
    muted: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    encodings: dict[tuple[int, int], tuple[int, ...]] = field(
        default_factory=dict[tuple[int, int], tuple[int, ...]]
    )

    def apply(self, effect: fx.Effect) -> None:
        match effect:
            case fx.AddSource(transport, ssrc, kind, repairs):
                assert (transport, ssrc) not in self.sources
                self.sources[transport, ssrc] = kind, repairs
            case fx.RemoveSource(transport, ssrc):
                del self.sources[transport, ssrc]
                self.muted.discard((transport, ssrc))
                self.encodings = {
                    key: ssrcs
                    for key, ssrcs in self.encodings.items()
                    if key[0] != transport or ssrc not in ssrcs
                }
            case fx.MuteSource(transport, ssrc, muted):
                assert ((transport, ssrc) in self.muted) != muted
                (self.muted.add if muted else self.muted.remove)((transport, ssrc))
            case fx.SetEncodings(transport, ssrcs):
                assert all(self.sources[transport, ssrc][0] == "video" for ssrc in ssrcs)
                self.encodings[transport, ssrcs[0]] = ssrcs
            case _:
                raise AssertionError(effect)

    def remove_transport(self, transport: int) -> None:
        self.sources = {k: v for k, v in self.sources.items() if k[0] != transport}
        self.muted = {k for k in self.muted if k[0] != transport}
        self.encodings = {k: v for k, v in self.encodings.items() if k[0] != transport}


def walk(engine: ModelEngine, before: Plan, after: Plan) -> None:
    for gone in set(before) - set(after):
        engine.remove_transport(gone)
    kept = {t: p for t, p in before.items() if t in after}
    for effect in steps(kept, after):
        engine.apply(effect)
    streams = [(t, s, p) for t, p in after.items() for s in p.sources.streams.values()]
    assert engine.sources == {(t, s.ssrc): (s.kind, s.repairs) for t, s, _ in streams}
    assert engine.muted == {(t, s.ssrc) for t, s, p in streams if p.mutes(s)}
    for transport, party in after.items():
        for picture in party.sources.pictures:
            known = engine.encodings.get((transport, picture.ssrc), (picture.ssrc,))
            assert known == picture.ssrcs


@st.composite
def parties(draw: st.DrawFn) -> Party:
    """A party with pictures of one to three encodings, some repaired, and voices."""
    ssrcs = draw(st.permutations(range(1, 10)))
    streams: dict[int, Stream] = {}
    pictures: list[Picture] = []
    taken = iter(ssrcs)
    for layers, repaired in draw(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=2)):
        group = tuple(next(taken) for _ in range(layers))
        rtx = next(taken) if repaired else 0
        streams |= {ssrc: Stream(ssrc, "video", "video") for ssrc in group}
        if rtx:
            streams[rtx] = Stream(rtx, "rtx", "video", group[0])
        pictures.append(Picture(f"v{group[0]}", group, rtx))
    if draw(st.booleans()):
        voice = next(taken)
        streams[voice] = Stream(voice, "audio", "audio")
    sources = Sources(streams, (), tuple(pictures))
    return Party(sources, draw(st.booleans()), draw(st.booleans()))


plans = st.dictionaries(st.integers(1, 4), parties(), max_size=4)


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
