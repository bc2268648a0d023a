"""Every error of Colibri2: its condition, its reason, and what stays behind."""

import pytest
from tests.unit.bridge import given

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    ConferenceModify,
    Endpoint,
    ForceMute,
    Reason,
    Relay,
    Sctp,
    Transport,
)
from octobridge.core.colibri import Colibri
from octobridge.core.policy import Policy

SOURCES = (given.audio("a", 1),)


def refusal(handler: Colibri, request: ConferenceModify, now: float = 0.0) -> Colibri2Error:
    reply = handler.handle(request, now).reply
    assert isinstance(reply, Colibri2Error), reply
    return reply


def test_unknown_conference_is_not_found() -> None:
    error = refusal(given.colibri(), given.modify())
    assert error.condition is Condition.ITEM_NOT_FOUND
    assert error.reason is Reason.CONFERENCE_NOT_FOUND


def test_expiring_an_unknown_conference_is_not_found() -> None:
    error = refusal(given.colibri(), ConferenceModify(given.MEETING, expire=True))
    assert error.reason is Reason.CONFERENCE_NOT_FOUND


def test_second_creation_conflicts() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    error = refusal(handler, given.create(given.new_endpoint("b")))
    assert error.condition is Condition.CONFLICT
    assert error.reason is Reason.CONFERENCE_ALREADY_EXISTS


@pytest.mark.parametrize("graceful", [True, False])
def test_bridge_that_goes_takes_no_new_conference(graceful: bool) -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    shutdown = handler.registry.shutdown
    assert shutdown.ask_graceful(0) if graceful else shutdown.ask_immediate(0)
    error = refusal(handler, given.create(given.new_endpoint("a"), meeting="other"))
    assert error.condition is Condition.SERVICE_UNAVAILABLE
    assert error.reason is Reason.GRACEFUL_SHUTDOWN
    given.reply_of(handler.handle(given.modify(given.new_endpoint("b")), 0))


def test_existing_conference_conflicts_even_while_the_bridge_goes() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    handler.registry.shutdown.ask_graceful(0)
    assert refusal(handler, given.create()).reason is Reason.CONFERENCE_ALREADY_EXISTS


@pytest.mark.parametrize("name", ["demo", "demo@muc/nick", "@muc", "demo@", "a b@muc", "a@b@c"])
def test_name_that_is_no_bare_jid_is_refused(name: str) -> None:
    handler = given.colibri()
    error = refusal(handler, ConferenceModify(given.MEETING, name=name, create=True))
    assert (error.condition, error.reason) == (Condition.BAD_REQUEST, None)
    assert handler.registry.conferences == ()


BATCHES = [
    given.modify(Endpoint("a", sources=()), Endpoint("b")),
    given.modify(Endpoint("a"), Endpoint("b", transport=Transport())),
    given.modify(Endpoint("a", media=given.MEDIA), Endpoint("b")),
    given.modify(given.new_endpoint("a"), given.new_endpoint("b")),
    ConferenceModify(given.MEETING, endpoints=(Endpoint("a"),), relays=(Relay("r"),)),
    ConferenceModify(given.MEETING, relays=(Relay("r"), Relay("s"))),
]


@pytest.mark.parametrize("request_", BATCHES)
def test_heavy_batches_are_not_implemented(request_: ConferenceModify) -> None:
    handler = given.colibri()
    given.joined(handler, "x")
    error = refusal(handler, request_)
    assert error.condition is Condition.FEATURE_NOT_IMPLEMENTED
    assert error.reason is Reason.FEATURE_NOT_IMPLEMENTED
    assert [e.id for e in handler.registry.conferences[0].endpoints] == ["x"]


def test_relays_are_refused_without_a_reason() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    error = refusal(
        handler, ConferenceModify(given.MEETING, relays=(Relay("r", create=True, mesh_id="0"),))
    )
    assert error == Colibri2Error(
        Condition.FEATURE_NOT_IMPLEMENTED, "Octo is disabled in configuration."
    )


def test_endpoint_that_exists_conflicts_without_a_reason() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    error = refusal(handler, given.modify(given.new_endpoint("a")))
    assert (error.condition, error.reason) == (Condition.CONFLICT, None)


def test_existing_endpoint_is_noticed_before_its_missing_parts() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    error = refusal(handler, given.modify(Endpoint("a", create=True)))
    assert error.condition is Condition.CONFLICT


def test_new_endpoint_needs_a_transport() -> None:
    handler = given.colibri()
    request = given.create(Endpoint("a", create=True, capabilities=given.CAPABILITIES))
    error = refusal(handler, request)
    assert (error.condition, error.reason) == (Condition.BAD_REQUEST, None)
    assert "a" in error.text


def test_new_endpoint_needs_source_names() -> None:
    error = refusal(given.colibri(), given.create(given.new_endpoint("a", capabilities=())))
    assert (error.condition, error.reason) == (Condition.BAD_REQUEST, None)


def test_conference_of_a_refused_endpoint_stays_until_it_is_abandoned() -> None:
    handler = given.colibri()
    refusal(handler, given.create(given.new_endpoint("a", capabilities=())))
    assert len(handler.registry.conferences) == 1
    assert refusal(handler, given.create()).reason is Reason.CONFERENCE_ALREADY_EXISTS


@pytest.mark.parametrize(
    ("sctp", "condition"),
    [
        (Sctp(role="client"), Condition.FEATURE_NOT_IMPLEMENTED),
        (Sctp(port=5001), Condition.BAD_REQUEST),
    ],
)
def test_unusual_sctp_is_refused_but_the_endpoint_is_there(
    sctp: Sctp, condition: Condition
) -> None:
    handler = given.colibri()
    outcome = handler.handle(given.create(given.new_endpoint("a", sctp=sctp)), 0)
    assert isinstance(outcome.reply, Colibri2Error)
    assert (outcome.reply.condition, outcome.reply.reason) == (condition, None)
    assert [e.id for e in handler.registry.conferences[0].endpoints] == ["a"]
    assert outcome.effects, "the engine must know of the endpoint that stays"


def test_sctp_can_be_disabled() -> None:
    handler = given.colibri(Policy(sctp_enabled=False))
    error = refusal(handler, given.create(given.new_endpoint("a", sctp=Sctp())))
    assert (error.condition, error.reason) == (Condition.FEATURE_NOT_IMPLEMENTED, None)


@pytest.mark.parametrize(
    "update",
    [
        Endpoint("z", sources=()),
        Endpoint("z", transport=Transport()),
        Endpoint("z", media=given.MEDIA),
    ],
)
def test_heavy_update_of_an_unknown_endpoint_names_it(update: Endpoint) -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    error = refusal(handler, given.modify(update))
    assert error.condition is Condition.ITEM_NOT_FOUND
    assert error.reason is Reason.UNKNOWN_ENDPOINT
    assert error.endpoints == ("z",)


def test_light_update_of_an_unknown_endpoint_is_echoed() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    outcome = handler.handle(
        given.modify(
            Endpoint("z", force_mute=ForceMute(audio=True)), Endpoint("y", initial_last_n=2)
        ),
        0,
    )
    assert given.reply_of(outcome).endpoints == (Endpoint("z"), Endpoint("y"))
    assert outcome.effects == ()


@pytest.mark.parametrize("role", ["visitor", "VISITOR"])
def test_visitors_may_not_send(role: str) -> None:
    handler = given.colibri()
    given.reply_of(handler.handle(given.create(given.new_endpoint("v", muc_role=role)), 0))
    error = refusal(handler, given.modify(Endpoint("v", sources=SOURCES)))
    assert (error.condition, error.reason) == (Condition.BAD_REQUEST, None)
    given.reply_of(handler.handle(given.modify(Endpoint("v", sources=())), 0))


def test_visitor_who_was_let_in_may_send_and_the_other_way() -> None:
    handler = given.colibri()
    given.reply_of(handler.handle(given.create(given.new_endpoint("v", muc_role="visitor")), 0))
    promoted = Endpoint("v", muc_role="participant", sources=SOURCES)
    given.reply_of(handler.handle(given.modify(promoted), 0))
    given.reply_of(handler.handle(given.modify(Endpoint("v", sources=SOURCES)), 0))
    refusal(handler, given.modify(Endpoint("v", muc_role="visitor", sources=SOURCES)))


def test_sizes_are_bounded() -> None:
    policy = Policy(max_conferences=1, max_endpoints=2, max_id_length=8, max_sources=1)
    handler = given.colibri(policy)
    given.joined(handler, "a", "b")
    full = refusal(handler, given.modify(given.new_endpoint("c")))
    assert full.condition is Condition.BAD_REQUEST
    assert refusal(handler, given.create(meeting="other")).reason is None
    long = refusal(given.colibri(policy), given.create(meeting="x" * 9))
    assert long.condition is Condition.BAD_REQUEST
    named = refusal(given.colibri(policy), given.create(given.new_endpoint("y" * 9)))
    assert named.condition is Condition.BAD_REQUEST
    many = Endpoint("a", sources=(given.audio("a", 1), given.audio("a", 2)))
    assert refusal(handler, given.modify(many)).condition is Condition.BAD_REQUEST


def test_refused_sources_leave_the_old_ones() -> None:
    handler = given.colibri(Policy(max_sources=1))
    given.joined(handler, "a", "b")
    given.reply_of(handler.handle(given.modify(Endpoint("a", sources=SOURCES)), 0))
    many = Endpoint("a", sources=(given.audio("a", 5), given.audio("a", 6)))
    outcome = handler.handle(given.modify(many), 0)
    assert isinstance(outcome.reply, Colibri2Error)
    assert outcome.effects == ()
