"""What requests do to sources: who gets what, who is muted, and that nothing ever parts."""

from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from tests.unit.bridge import given

from jitsiwire.colibri2 import ConferenceModify, Endpoint, ForceMute
from octobridge.core import effects as fx


def test_sources_replace_each_other() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    one = handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    two = handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 2),))), 0)
    none = handler.handle(given.modify(Endpoint("a", sources=())), 0)
    untouched = handler.handle(given.modify(Endpoint("a", initial_last_n=3)), 0)
    a, b = 2, 3
    assert one.effects == (fx.AddSource(a, 1, "audio"), fx.Subscribe(b, a, 1))
    assert two.effects == (
        fx.RemoveSource(a, 1),
        fx.AddSource(a, 2, "audio"),
        fx.Subscribe(b, a, 2),
    )
    assert none.effects == (fx.RemoveSource(a, 2),)
    assert untouched.effects == ()


def test_latecomers_get_what_is_there() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    outcome = handler.handle(given.modify(given.new_endpoint("b")), 0)
    assert fx.Subscribe(3, 2, 1) in outcome.effects


def test_endpoint_without_payload_types_gets_nothing() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    deaf = handler.handle(given.modify(given.new_endpoint("b", media=())), 0)
    assert not [e for e in deaf.effects if isinstance(e, fx.Subscribe)]
    heard = handler.handle(given.modify(Endpoint("b", media=given.MEDIA)), 0)
    assert [e for e in heard.effects if isinstance(e, fx.Subscribe)] == [fx.Subscribe(3, 2, 1)]


def test_force_mute_covers_present_and_later_sources_of_its_kind() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    mute = handler.handle(given.modify(Endpoint("a", force_mute=ForceMute(audio=True))), 0)
    assert mute.effects == (fx.MuteSource(2, 1, muted=True),)
    sources = (given.audio("a", 1), given.audio("a", 3), given.camera("a", 10))
    more = handler.handle(given.modify(Endpoint("a", sources=sources)), 0)
    muted = [e for e in more.effects if isinstance(e, fx.MuteSource)]
    assert muted == [fx.MuteSource(2, 3, muted=True)]
    free = handler.handle(given.modify(Endpoint("a", force_mute=ForceMute())), 0)
    assert set(free.effects) == {
        fx.MuteSource(2, 1, muted=False),
        fx.MuteSource(2, 3, muted=False),
    }


def test_ssrc_that_two_claim_is_the_first_ones_until_it_leaves() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b", "c")
    handler.handle(given.modify(Endpoint("a", sources=(given.audio("a", 1),))), 0)
    stolen = handler.handle(given.modify(Endpoint("b", sources=(given.audio("b", 1),))), 0)
    assert stolen.effects == ()
    assert handler.registry.conferences[0].ssrc_conflicts == 1
    left = handler.handle(given.modify(Endpoint("a", expire=True)), 0)
    assert left.effects == (
        fx.RemoveTransport(2),
        fx.AddSource(3, 1, "audio"),
        fx.Subscribe(4, 3, 1),
    )


def leave(name: str) -> Endpoint:
    return Endpoint(name, expire=True)


def speak(name: str) -> Endpoint:
    return Endpoint(name, sources=(given.audio(name, ord(name)),))


def fall_silent(name: str) -> Endpoint:
    return Endpoint(name, sources=())


def mute(name: str, audio: bool) -> Endpoint:
    return Endpoint(name, force_mute=ForceMute(audio=audio))


def request_of(meeting: str, create: bool, expire: bool, endpoint: Endpoint) -> ConferenceModify:
    return ConferenceModify(meeting, create=create, expire=expire, endpoints=(endpoint,))


names = st.sampled_from(["a", "b", "c"])
updates = st.one_of(
    names.map(given.new_endpoint),
    names.map(leave),
    names.map(speak),
    names.map(fall_silent),
    st.builds(mute, names, st.booleans()),
)
requests = st.builds(
    request_of, st.sampled_from(["m1", "m2"]), st.booleans(), st.booleans(), updates
)


@hypothesis_given(st.lists(requests, max_size=40))
def test_state_and_effects_never_part(sequence: list[ConferenceModify]) -> None:
    handler = given.colibri()
    alive: set[int] = set()
    for request in sequence:
        for effect in handler.handle(request, 0).effects:
            match effect:
                case fx.CreateTransport(transport=number):
                    assert number not in alive
                    alive.add(number)
                case fx.RemoveTransport(number):
                    alive.remove(number)
                case (
                    fx.Subscribe(receiver, sender, _)
                    | fx.Unsubscribe(receiver, sender, _)
                    | fx.SetTarget(receiver, sender, _)
                ):
                    assert receiver != sender
                    assert {receiver, sender} <= alive
                case _:
                    assert effect.transport in alive
    assert alive == {e.transport for _, e in handler.registry.endpoints()}
    assert handler.registry.occupancy().local_endpoints == len(alive)
