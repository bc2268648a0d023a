"""What goes over relays: each stream once to each bridge that doesn't get it otherwise."""

from dataclasses import dataclass, field

from hypothesis import given as generate
from hypothesis import settings
from hypothesis import strategies as st
from tests.unit.bridge import given
from tests.unit.bridge.media_model import Call

from jitsiwire.colibri2 import (
    Endpoint,
    MediaSource,
    PayloadType,
    Relay,
    Source,
    SourceGroup,
)
from octobridge.core import effects as fx
from octobridge.core.policy import Policy
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

POLICY = Policy(relay_id="here")


def test_a_relay_gets_every_encoding_with_its_repairs_and_no_other_stream_of_repairs() -> None:
    call = Call(POLICY)
    a = call.join("a", given.audio("a", 1), given.camera("a", 10, 3))
    relay = call.link("there")
    assert call.whole(relay) == {(a, 1): 0, (a, 10): 13, (a, 11): 14, (a, 12): 15}
    late = call.join("b", given.audio("b", 2))
    assert call.whole(relay)[late, 2] == 0
    call.modify(Endpoint("a", sources=(given.audio("a", 1),)))
    assert call.whole(relay) == {(a, 1): 0, (late, 2): 0}
    call.leave("b")
    assert call.whole(relay) == {(a, 1): 0}


def test_without_rtx_repairs_go_as_they_were() -> None:
    call = Call(POLICY)
    a = call.join("a", given.camera("a", 10))
    plain = tuple(
        type(m)(m.type, tuple(p for p in m.payload_types if p.name != "rtx")) for m in given.MEDIA
    )
    call.ask_relay(given.new_relay("there", media=plain))
    relay = call.relay("there").transport
    assert call.whole(relay) == {(a, 10): 0}
    rtx = (PayloadType(96, "rtx", 90000),)
    learned = Relay("there", media=(type(plain[1])("video", rtx),))
    call.ask_relay(learned)
    assert call.whole(relay) == {(a, 10): 11}


def test_streams_of_forward_error_correction_stay_where_they_are() -> None:
    call = Call(POLICY)
    source = MediaSource(
        "video",
        "a-v0",
        (Source(10, "a-v0"), Source(11, "a-v0")),
        (SourceGroup("FEC-FR", (10, 11)),),
    )
    a = call.join("a", source)
    assert call.whole(call.link("there")) == {(a, 10): 0}


def test_nothing_is_passed_on_within_a_mesh_but_everything_between_meshes() -> None:
    call = Call(POLICY)
    a = call.join("a", given.audio("a", 1))
    b = call.link("b", given.relayed("on-b", given.audio("on-b", 2)), mesh="0")
    c = call.link("c", given.relayed("on-c", given.audio("on-c", 3)), mesh="0")
    d = call.link("d", given.relayed("on-d", given.audio("on-d", 4)), mesh="1")
    assert call.whole(b) == {(a, 1): 0, (d, 4): 0}
    assert call.whole(c) == {(a, 1): 0, (d, 4): 0}
    assert call.whole(d) == {(a, 1): 0, (b, 2): 0, (c, 3): 0}


def test_voices_of_other_bridges_are_heard_here() -> None:
    call = Call(POLICY)
    a = call.join("a", given.audio("a", 1))
    relay = call.link("there", given.relayed("b", given.audio("b", 2)))
    assert (a, relay, 2) in call.model.subscriptions
    call.ask_relay(Relay("there", endpoints=(Endpoint("b", expire=True),)))
    assert (a, relay, 2) not in call.model.subscriptions
    assert (relay, 2) not in call.model.sources


def test_a_bridge_that_stopped_answering_is_sent_nothing_until_it_answers() -> None:
    call = Call(POLICY)
    a = call.join("a", given.audio("a", 1))
    relay = call.link("there")
    reports = Reports(call.handler.registry, Traffic())
    call.model.apply(reports.consent_lost(relay))
    assert call.whole(relay) == {}
    call.model.apply(reports.ice_connected(relay, 5.0))
    assert call.whole(relay) == {(a, 1): 0}


def test_an_ssrc_that_changes_hands_behind_a_relay_is_another_source() -> None:
    call = Call(POLICY)
    a = call.join("a", given.audio("a", 1))
    first = given.relayed("b", given.audio("b", 7))
    second = given.relayed("c", given.audio("c", 7))
    relay = call.link("there", first, second)
    assert call.handler.registry.conferences[0].sender(relay, 7) == "b"
    outcome = call.handler.handle(
        given.ConferenceModify(
            given.MEETING, relays=(Relay("there", endpoints=(Endpoint("b", expire=True),)),)
        ),
        1.0,
    )
    assert fx.RemoveSource(relay, 7) in outcome.effects
    assert fx.AddSource(relay, 7, "audio") in outcome.effects
    assert call.handler.registry.conferences[0].sender(relay, 7) == "c"
    call.model.apply(outcome.effects)
    assert (a, relay, 7) in call.model.subscriptions


@dataclass
class Expected:
    """What was signalled, kept as plainly as possible."""

    here: dict[str, tuple[MediaSource, ...]] = field(
        default_factory=dict[str, tuple[MediaSource, ...]]
    )
    behind: dict[str, dict[str, tuple[MediaSource, ...]]] = field(
        default_factory=dict[str, dict[str, tuple[MediaSource, ...]]]
    )
    meshes: dict[str, str] = field(default_factory=dict[str, str])


NAMES = st.sampled_from(("a", "b", "c", "d"))
RELAYS = st.sampled_from(("r1", "r2", "r3"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), NAMES),
        st.tuples(st.just("leave"), NAMES),
        st.tuples(st.just("show"), NAMES, st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("link"), RELAYS, st.sampled_from(("0", "1"))),
        st.tuples(st.just("unlink"), RELAYS),
        st.tuples(st.just("come"), RELAYS, NAMES, st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("go"), RELAYS, NAMES),
        st.tuples(st.just("pass")),
    ),
    max_size=25,
)


def sources(name: str, slot: int, layers: int) -> tuple[MediaSource, ...]:
    """Few numbers, so that people claim one another's SSRCs.

    Of a picture all or none: what repairs a stolen encoding goes with it, which `signalled` doesn't
    reckon with.
    """
    voice, first = given.audio(name, 100 + slot), 200 + 20 * slot + 10 * layers
    return (voice, given.camera(name, first, layers)) if layers else (voice,)


@settings(deadline=None, max_examples=150)
@generate(STEPS)
def test_whatever_happens_each_bridge_gets_what_it_should(steps: list[tuple[object, ...]]) -> None:
    call, expected = Call(POLICY), Expected()
    call.join("host", given.audio("host", 1))
    for step in steps:
        apply_step(call, expected, *step)
        call.step()
        check(call, expected)


def apply_step(call: Call, expected: Expected, kind: object, *rest: object) -> None:
    match kind, rest:
        case "join", (str(name),) if name not in expected.here:
            call.join(name, rewrites=name == "b")
            call.want(name, default_constraints={"max_height": 180})
            expected.here[name] = ()
        case "leave", (str(name),) if name in expected.here:
            call.leave(name)
            del expected.here[name]
        case "show", (str(name), int(slot), int(layers)) if name in expected.here:
            expected.here[name] = sources(name, slot, layers)
            call.modify(Endpoint(name, sources=expected.here[name]))
        case "link", (str(relay), str(mesh)) if relay not in expected.behind:
            call.link(relay, mesh=mesh)
            expected.behind[relay], expected.meshes[relay] = {}, mesh
        case "unlink", (str(relay),) if relay in expected.behind:
            call.ask_relay(Relay(relay, expire=True))
            del expected.behind[relay], expected.meshes[relay]
        case "come", (str(relay), str(name), int(slot), int(layers)) if relay in expected.behind:
            shown = expected.behind[relay][name] = sources(name, slot, layers)
            call.ask_relay(Relay(relay, endpoints=(given.relayed(name, *shown),)))
        case "go", (str(relay), str(name)) if relay in expected.behind:
            expected.behind[relay].pop(name, None)
            call.ask_relay(Relay(relay, endpoints=(Endpoint(name, expire=True),)))
        case _:
            pass


def check(call: Call, expected: Expected) -> None:
    conference = call.handler.registry.conferences[0]
    people = 1 + len(expected.here) + sum(len(names) for names in expected.behind.values())
    assert len(conference) == people
    carried: dict[int, set[int]] = {}
    for transport, ssrc in call.model.sources:
        carried.setdefault(transport, set()).add(ssrc)
    everything = [ssrc for ssrcs in carried.values() for ssrc in ssrcs]
    assert len(everything) == len(set(everything)), "nobody's SSRC is accepted twice"
    assert set(everything) == signalled(expected) | {1}
    meshes = {call.relay(r).transport: mesh for r, mesh in expected.meshes.items()}
    for relay, mesh in meshes.items():
        wanted = {
            (transport, ssrc)
            for (transport, ssrc), kind in call.model.sources.items()
            if kind in ("audio", "video") and meshes.get(transport) != mesh
        }
        assert set(call.whole(relay)) == wanted


def signalled(expected: Expected) -> set[int]:
    everyone = [expected.here, *expected.behind.values()]
    shown = [source for people in everyone for one in people.values() for source in one]
    return {item.ssrc for source in shown for item in source.sources}
