"""ICE restarts as a focus asks for them: generations, credentials, what is kept and refused."""

from tests.unit.bridge import given

from jitsiwire.colibri2 import Candidate, Endpoint, IceTransport, Transport
from octobridge.core import effects as fx
from octobridge.core.colibri import Colibri, Outcome
from octobridge.core.endpoint import Endpoint as Known
from octobridge.core.endpoint import IceState
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

CANDIDATE = Candidate(1, "1", 1, "c", 0, "192.0.2.1", 4000, 1, "udp", "host")


def handler_in(state: IceState) -> tuple[Colibri, Known]:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    known = handler.registry.conferences[0].find("a")
    assert known is not None
    known.ice = state
    return handler, known


def restart(handler: Colibri) -> tuple[IceTransport | None, list[fx.RestartIce]]:
    """Ask for a restart; return what is offered and what is to be done."""
    outcome = handler.handle(given.modify(Endpoint("a", transport=Transport(ice_restart=True))), 0)
    (endpoint,) = given.reply_of(outcome).endpoints
    offered = endpoint.transport
    return offered and offered.ice, [e for e in outcome.effects if isinstance(e, fx.RestartIce)]


def tell(handler: Colibri, generation: int | None) -> fx.SetRemote:
    """Give the peer's side of a generation."""
    ice = IceTransport("peerufrag", "p" * 22, generation, (CANDIDATE,))
    outcome: Outcome = handler.handle(given.modify(Endpoint("a", transport=Transport(ice=ice))), 0)
    given.reply_of(outcome)
    (remote,) = (e for e in outcome.effects if isinstance(e, fx.SetRemote))
    return remote


def test_before_ice_is_up_the_agent_is_kept() -> None:
    handler, known = handler_in(IceState.NEW)
    ice, effects = restart(handler)
    assert ice is not None
    assert (ice.ufrag, ice.pwd, ice.ice_generation) == (known.ufrag, known.pwd, None)
    assert effects == []


def test_an_established_transport_gets_an_agent_beside_it() -> None:
    for state in (IceState.CONNECTED, IceState.SECURED):
        handler, known = handler_in(state)
        ice, (effect,) = restart(handler)
        assert ice is not None
        assert ice.ice_generation == effect.generation == 1
        assert (ice.ufrag, ice.pwd) == (effect.ufrag, effect.pwd)
        assert ice.ufrag != known.ufrag
        assert ice.pwd != known.pwd
        assert {c.generation for c in ice.candidates} == {1}
        assert len(ice.fingerprints) == 1
        assert effect.pwd not in repr(effect)


def test_what_has_failed_is_refused_by_leaving_the_transport_out() -> None:
    handler, _ = handler_in(IceState.FAILED)
    assert restart(handler) == (None, [])


def test_generations_count_up_whatever_becomes_of_them() -> None:
    handler, known = handler_in(IceState.SECURED)
    reports = Reports(handler.registry, Traffic())
    restart(handler)
    reports.ice_restart_failed(known.transport, 1)
    assert known.restart is None
    _, (second,) = restart(handler)
    _, (third,) = restart(handler)
    reports.ice_restart_failed(known.transport, 2)
    assert (second.generation, third.generation) == (2, 3)
    assert known.restart is not None
    reports.ice_restarted(known.transport, 3)
    assert known.restart is None
    assert known.generation == 3
    counters = handler.registry.counters
    assert (counters.ice_restarts, counters.ice_restarts_succeeded) == (3, 1)
    assert counters.ice_restarts_failed == 2


def test_the_answer_of_a_generation_goes_to_its_agent() -> None:
    handler, _ = handler_in(IceState.SECURED)
    restart(handler)
    remote = tell(handler, 1)
    assert remote.generation == 1
    assert (remote.ufrag, remote.pwd) == ("peerufrag", "p" * 22)
    assert remote.candidates == (CANDIDATE,)


def test_words_about_the_established_agent_never_change_its_credentials() -> None:
    handler, known = handler_in(IceState.SECURED)
    restart(handler)
    for generation in (None, 0):
        remote = tell(handler, generation)
        assert remote.generation is None
        assert (remote.ufrag, remote.pwd) == (None, None)
        assert remote.candidates == (CANDIDATE,)
    Reports(handler.registry, Traffic()).ice_restarted(known.transport, 1)
    assert tell(handler, 1).ufrag is None


def test_other_generations_are_ignored_and_counted() -> None:
    handler, known = handler_in(IceState.SECURED)
    restart(handler)
    Reports(handler.registry, Traffic()).ice_restarted(known.transport, 1)
    for generation in (0, 2, -5):
        remote = tell(handler, generation)
        assert (remote.ufrag, remote.candidates) == (None, ())
    assert handler.registry.counters.ice_generations_stale == 3


def test_a_restart_has_room_for_candidates_again() -> None:
    handler, known = handler_in(IceState.SECURED)
    known.candidates_taken = handler.registry.policy.max_candidates
    assert tell(handler, None).candidates == ()
    restart(handler)
    assert tell(handler, 1).candidates == (CANDIDATE,)


def test_reports_about_the_departed_are_ignored() -> None:
    reports = Reports(given.registry(), Traffic())
    reports.ice_restarted(99, 1)
    reports.ice_restart_failed(99, 1)
    assert reports.registry.counters.ice_restarts_succeeded == 0
