"""Relays by Colibri2: created, updated and expired as a focus asks, refused as it expects."""

from dataclasses import replace

import pytest
from tests.unit.bridge import given

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModify,
    Endpoint,
    Fingerprint,
    IceTransport,
    Relay,
    Sctp,
    Transport,
)
from octobridge.core.colibri import Colibri
from octobridge.core.effects import CreateTransport, RemoveTransport, SetRemote
from octobridge.core.policy import Policy

POLICY = Policy(relay_id="here", advertise_private_candidates=False)


def handler(policy: Policy = POLICY) -> Colibri:
    made = given.colibri(policy)
    given.joined(made, "a")
    return made


def ask(colibri: Colibri, *relays: Relay) -> Relay:
    outcome = colibri.handle(ConferenceModify(given.MEETING, relays=relays), 1.0)
    return given.reply_of(outcome).relays[0]


def refusal(colibri: Colibri, *relays: Relay, endpoints: tuple[Endpoint, ...] = ()) -> Condition:
    request = ConferenceModify(given.MEETING, relays=relays, endpoints=endpoints)
    reply = colibri.handle(request, 1.0).reply
    assert isinstance(reply, Colibri2Error)
    return reply.condition


@pytest.mark.parametrize(("opens", "answered"), [(True, "server"), (False, "client")])
def test_a_new_relay_is_offered_everything_and_the_opposite_role(
    opens: bool, answered: str
) -> None:
    reply = ask(handler(), given.new_relay("there", opens=opens))
    assert reply.transport is not None
    assert reply.transport.sctp == Sctp(5000, answered)
    ice = reply.transport.ice
    assert ice is not None
    own = (replace(given.HOST, port=20_003),)
    shared = (given.HOST, given.PUBLIC)
    assert ice.candidates == (own if opens else shared), "private ones, whatever the policy"
    assert [f.setup for f in ice.fingerprints] == ["actpass"]


def test_the_link_plays_the_roles_it_is_told() -> None:
    colibri = handler()
    request = ConferenceModify(given.MEETING, relays=(given.new_relay("there", opens=True),))
    created = [e for e in colibri.handle(request, 1.0).effects if isinstance(e, CreateTransport)]
    assert [(e.controlling, e.opens_channel, e.sctp, e.mesh) for e in created] == [
        (True, True, True, 1)
    ]
    other = ConferenceModify(given.MEETING, relays=(given.new_relay("third", mesh="7"),))
    created = [e for e in colibri.handle(other, 1.0).effects if isinstance(e, CreateTransport)]
    assert [(e.controlling, e.opens_channel, e.mesh) for e in created] == [(False, False, 2)]


def test_the_other_sides_answer_decides_who_is_dtls_server() -> None:
    colibri = handler()
    ask(colibri, given.new_relay("there", opens=True))
    ice = IceTransport("ufrag", "p" * 24, fingerprints=(Fingerprint("sha-256", "CC", "active"),))
    told = Relay("there", transport=Transport(ice=ice))
    outcome = colibri.handle(ConferenceModify(given.MEETING, relays=(told,)), 1.0)
    assert given.reply_of(outcome).relays == (Relay("there"),)
    (learned,) = [e for e in outcome.effects if isinstance(e, SetRemote)]
    assert (learned.ufrag, learned.dtls_server) == ("ufrag", True)


def test_what_a_focus_must_not_ask_is_refused_as_it_expects() -> None:
    colibri = handler()
    assert refusal(colibri, Relay("there")) is Condition.BAD_REQUEST
    assert refusal(colibri, Relay("there", create=True)) is Condition.BAD_REQUEST
    two = (Relay("x", expire=True), Relay("y", expire=True))
    assert refusal(colibri, *two) is Condition.FEATURE_NOT_IMPLEMENTED
    beside = (Endpoint("a"),)
    mixed = refusal(colibri, given.new_relay("there"), endpoints=beside)
    assert mixed is Condition.FEATURE_NOT_IMPLEMENTED
    wrong = replace(given.new_relay("there"), transport=Transport(sctp=Sctp(port=1, role="client")))
    assert refusal(colibri, wrong) is Condition.BAD_REQUEST
    ask(colibri, given.new_relay("there"))
    assert refusal(colibri, given.new_relay("there")) is Condition.CONFLICT


@pytest.mark.parametrize(
    ("policy", "condition"),
    [
        (Policy(), Condition.FEATURE_NOT_IMPLEMENTED),
        (Policy(relay_id="here", sctp_enabled=False), Condition.INTERNAL_SERVER_ERROR),
    ],
)
def test_a_bridge_that_cannot_relay_says_so(policy: Policy, condition: Condition) -> None:
    assert refusal(handler(policy), given.new_relay("there")) is condition


def test_limits_hold_for_relays_and_those_behind_them() -> None:
    colibri = handler(Policy(relay_id="here", max_relays=1, max_endpoints=2, max_id_length=9))
    assert refusal(colibri, given.new_relay("t" * 10)) is Condition.BAD_REQUEST
    ask(colibri, given.new_relay("there", given.relayed("b")))
    assert refusal(colibri, given.new_relay("third")) is Condition.BAD_REQUEST
    too_many = Relay("there", endpoints=(given.relayed("c"),))
    assert refusal(colibri, too_many) is Condition.BAD_REQUEST
    many = tuple(given.audio(f"b{n}", 100 + n) for n in range(101))
    greedy = Relay("there", endpoints=(Endpoint("b", sources=many),))
    assert refusal(colibri, greedy) is Condition.BAD_REQUEST


def test_a_relay_without_a_port_of_its_own_is_refused_and_leaves_nothing() -> None:
    colibri = Colibri(given.registry(POLICY, ports=given.OwnPorts(0)))
    given.joined(colibri, "a")
    request = ConferenceModify(given.MEETING, relays=(given.new_relay("there", opens=True),))
    outcome = colibri.handle(request, 1.0)
    assert isinstance(outcome.reply, Colibri2Error)
    assert outcome.reply.condition is Condition.INTERNAL_SERVER_ERROR
    assert [type(e) for e in outcome.effects] == [CreateTransport, RemoveTransport]
    assert colibri.registry.conferences[0].relays == ()


def test_people_behind_a_relay_come_change_and_go() -> None:
    colibri = handler()
    ask(colibri, given.new_relay("there", given.relayed("b", given.audio("b", 11))))
    conference = colibri.registry.conferences[0]
    assert len(conference) == 2
    (b,) = conference.relayed
    assert [v.ssrc for v in b.sources.voices] == [11]
    ask(colibri, Relay("there", endpoints=(Endpoint("b", sources=(given.audio("b", 12),)),)))
    assert [v.ssrc for v in b.sources.voices] == [12]
    ask(colibri, Relay("there", endpoints=(Endpoint("b"),)))
    assert [v.ssrc for v in b.sources.voices] == [12], "what isn't mentioned stays"
    ask(colibri, Relay("there", endpoints=(given.relayed("b", given.audio("b", 13)),)))
    assert conference.relayed == (b,), "announced twice is one"
    unknown = (Endpoint("x", sources=()), Endpoint("y", expire=True), Endpoint("b", expire=True))
    assert ask(colibri, Relay("there", endpoints=unknown)) == Relay("there")
    assert conference.relayed == ()


def test_an_expired_relay_takes_everyone_along_and_may_come_again() -> None:
    colibri = handler()
    ask(colibri, given.new_relay("there", given.relayed("b"), given.relayed("c")))
    conference = colibri.registry.conferences[0]
    transport = conference.relays[0].transport
    gone = ConferenceModify(given.MEETING, relays=(Relay("there", expire=True),))
    outcome = colibri.handle(gone, 2.0)
    assert given.reply_of(outcome).relays == (Relay("there", expire=True),)
    assert RemoveTransport(transport) in outcome.effects
    assert (len(conference), conference.relays) == (1, ())
    assert colibri.registry.peer(transport) is None
    assert given.reply_of(colibri.handle(gone, 2.0)).relays == (Relay("there", expire=True),)
    ask(colibri, given.new_relay("there", given.relayed("b")))
    assert len(conference) == 2


def test_a_conference_ends_with_its_last_relay_not_before() -> None:
    colibri = handler()
    ask(colibri, given.new_relay("there"))
    colibri.handle(given.modify(Endpoint("a", expire=True)), 2.0)
    assert len(colibri.registry.conferences) == 1
    ask(colibri, Relay("there", expire=True))
    assert colibri.registry.conferences == ()


def test_who_moves_between_bridges_may_be_in_two_places_for_a_moment() -> None:
    colibri = handler()
    mine = given.camera("b", 21)
    ask(colibri, given.new_relay("there", given.relayed("b", mine)))
    colibri.handle(given.modify(given.new_endpoint("b")), 2.0)
    colibri.handle(given.modify(Endpoint("b", sources=(mine,))), 2.0)
    conference = colibri.registry.conferences[0]
    assert conference.ssrc_conflicts == 2
    ask(colibri, Relay("there", endpoints=(Endpoint("b", expire=True),)))
    assert conference.ssrc_conflicts == 0
    here = conference.find("b")
    assert here is not None
    assert conference.find_person("b") is here
    assert conference.adaptation.video_type("b-v0") is not None, "shown from its new place"
