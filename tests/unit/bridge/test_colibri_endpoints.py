"""What Colibri2 requests do when they work: replies, effects, and what is left of a conference."""

from dataclasses import replace

import pytest
from tests.unit.bridge import given

from jitsiwire.colibri2 import (
    Candidate,
    Capability,
    ConferenceModified,
    ConferenceModify,
    Connect,
    Endpoint,
    Fingerprint,
    ForceMute,
    HeaderExtension,
    IceTransport,
    Media,
    PayloadType,
    Sctp,
    Transport,
)
from octobridge.core import effects as fx
from octobridge.core.endpoint import IceState
from octobridge.core.policy import Policy


def test_creation_offers_one_transport_with_everything_a_client_needs() -> None:
    handler = given.colibri()
    outcome = handler.handle(given.create(given.new_endpoint("a", sctp=Sctp())), 0)
    (endpoint,) = given.reply_of(outcome).endpoints
    assert endpoint.id == "a"
    assert not endpoint.create
    transport = endpoint.transport
    assert transport is not None
    assert transport.sctp == Sctp(5000, "server")
    ice = transport.ice
    assert ice is not None
    assert ice.candidates == (given.HOST, given.PUBLIC)
    assert ice.rtcp_mux
    assert ice.fingerprints == (replace(given.FINGERPRINT, setup="actpass"),)
    created = outcome.effects[0]
    assert isinstance(created, fx.CreateTransport)
    assert (created.ufrag, created.pwd, created.sctp) == (ice.ufrag, ice.pwd, True)
    assert len(created.pwd) >= 22
    assert created.pwd not in repr(created)


def test_sctp_is_offered_only_when_asked_for() -> None:
    outcome = given.colibri().handle(given.create(given.new_endpoint("a")), 0)
    transport = given.reply_of(outcome).endpoints[0].transport
    assert transport is not None
    assert transport.sctp is None


def test_every_endpoint_has_its_own_credentials_and_transport() -> None:
    made = [
        effect
        for effect in given.joined(given.colibri(), "a", "b", "c")
        if isinstance(effect, fx.CreateTransport)
    ]
    assert len({effect.ufrag for effect in made}) == 3
    assert len({effect.pwd for effect in made}) == 3
    assert len({effect.transport for effect in made}) == 3
    assert len({effect.group for effect in made}) == 1


def test_feedback_sources_come_with_every_creation_and_stay_the_same() -> None:
    handler = given.colibri()
    first = given.reply_of(handler.handle(given.create(given.new_endpoint("a")), 0))
    second = given.reply_of(handler.handle(given.modify(given.new_endpoint("b")), 0))
    update = given.reply_of(handler.handle(given.modify(Endpoint("a", sources=())), 0))
    assert first.sources is not None
    assert [(s.type, s.id, s.sources[0].name) for s in first.sources] == [
        ("audio", "jvb-a0", "jvb-a0"),
        ("video", "jvb-v0", "jvb-v0"),
    ]
    assert second.sources == first.sources
    assert update.sources is None


def test_conference_can_be_created_without_endpoints() -> None:
    handler = given.colibri()
    reply = given.reply_of(handler.handle(given.create(), 0))
    assert reply.endpoints == ()
    assert reply.sources is not None
    assert len(handler.registry.conferences) == 1


def test_update_is_answered_with_the_bare_endpoint() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    ice = IceTransport("theirs", "p" * 22, fingerprints=(Fingerprint("sha-256", "A", "active"),))
    outcome = handler.handle(given.modify(Endpoint("a", transport=Transport(ice=ice))), 0)
    assert given.reply_of(outcome).endpoints == (Endpoint("a"),)


@pytest.mark.parametrize(
    ("setup", "server"), [("active", True), ("passive", False), ("actpass", None), (None, None)]
)
def test_first_fingerprints_setup_decides_the_dtls_role(
    setup: str | None, server: bool | None
) -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    prints = (Fingerprint("SHA-256", "A", setup), Fingerprint("sha-512", "B", "passive"))
    ice = IceTransport("theirs", "p" * 22, fingerprints=prints)
    outcome = handler.handle(given.modify(Endpoint("a", transport=Transport(ice=ice))), 0)
    (remote,) = outcome.effects
    assert isinstance(remote, fx.SetRemote)
    assert remote.dtls_server is server
    assert remote.fingerprints == prints
    assert "p" * 22 not in repr(remote)


def test_credentials_that_come_once_ice_is_established_change_nothing() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    endpoint = handler.registry.conferences[0].find("a")
    assert endpoint is not None
    ice = IceTransport("anew", "q" * 22, candidates=(given.HOST,))
    told: list[tuple[str | None, str | None]] = []
    for state in (IceState.NEW, IceState.CONNECTED, IceState.SECURED, IceState.FAILED):
        endpoint.ice = state
        outcome = handler.handle(given.modify(Endpoint("a", transport=Transport(ice=ice))), 0)
        (remote,) = outcome.effects
        assert isinstance(remote, fx.SetRemote)
        assert remote.candidates == (given.HOST,)
        told.append((remote.ufrag, remote.pwd))
    assert told == [("anew", "q" * 22), (None, None), (None, None), ("anew", "q" * 22)]


def test_candidates_trickle_and_are_bounded() -> None:
    handler = given.colibri(Policy(max_candidates=3))
    given.joined(handler, "a")
    seen: list[Candidate] = []
    for _ in range(2):
        ice = IceTransport(candidates=(given.HOST, given.PUBLIC))
        outcome = handler.handle(given.modify(Endpoint("a", transport=Transport(ice=ice))), 0)
        (remote,) = outcome.effects
        assert isinstance(remote, fx.SetRemote)
        assert remote.ufrag is None
        seen += remote.candidates
    assert seen == [given.HOST, given.PUBLIC, given.HOST]
    assert handler.registry.counters.candidates_dropped == 1


def test_private_candidates_can_be_hidden_from_all_but_those_who_can_use_them() -> None:
    handler = given.colibri(Policy(advertise_private_candidates=False))
    first = given.reply_of(handler.handle(given.create(given.new_endpoint("a")), 0))
    able = (*given.CAPABILITIES, str(Capability.PRIVATE_ADDRESS_CONNECTIVITY))
    second = given.reply_of(
        handler.handle(given.modify(given.new_endpoint("b", capabilities=able)), 0)
    )
    offers = [e.transport for e in (*first.endpoints, *second.endpoints)]
    shown = [offer.ice.candidates for offer in offers if offer and offer.ice]
    assert shown == [(given.PUBLIC,), (given.HOST, given.PUBLIC)]


def test_media_is_only_ever_added() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    more = Media("audio", (PayloadType(112, "red", 48000),))
    handler.handle(given.modify(Endpoint("a", media=(more, Media("application")))), 0)
    endpoint = handler.registry.conferences[0].find("a")
    assert endpoint is not None
    assert {("audio", 111), ("audio", 112), ("video", 100)} <= set(endpoint.payload_types)
    assert ("application", 0) not in endpoint.payload_types


def test_header_extensions_are_kept_by_kind() -> None:
    handler = given.colibri()
    level = HeaderExtension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level")
    media = (Media("audio", header_extensions=(level,)), Media("video"))
    given.reply_of(handler.handle(given.create(given.new_endpoint("a", media=media)), 0))
    endpoint = handler.registry.conferences[0].find("a")
    assert endpoint is not None
    assert endpoint.header_extensions == {("audio", 1): level}
    assert not endpoint.takes_audio


@pytest.mark.parametrize(
    ("theirs", "ours"), [("active", "passive"), ("passive", "active"), ("actpass", "actpass")]
)
def test_offer_answers_a_role_that_is_known_already(theirs: str, ours: str) -> None:
    ice = IceTransport("theirs", "p" * 22, fingerprints=(Fingerprint("sha-256", "A", theirs),))
    endpoint = replace(given.new_endpoint("a"), transport=Transport(ice=ice))
    (made,) = given.reply_of(given.colibri().handle(given.create(endpoint), 0)).endpoints
    assert made.transport is not None
    assert made.transport.ice is not None
    assert made.transport.ice.fingerprints[0].setup == ours


def test_batch_of_force_mutes_is_one_reply() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    mute = ForceMute(audio=True, video=True)
    reply = given.reply_of(
        handler.handle(
            given.modify(Endpoint("a", force_mute=mute), Endpoint("b", force_mute=mute)), 0
        )
    )
    assert reply.endpoints == (Endpoint("a"), Endpoint("b"))


def test_expiring_endpoints_is_idempotent() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    expire = given.modify(Endpoint("b", expire=True))
    first = handler.handle(expire, 0)
    second = handler.handle(expire, 0)
    assert first.effects == (fx.RemoveTransport(3),)
    assert second.effects == ()
    assert first.reply == second.reply == ConferenceModified((Endpoint("b", expire=True),))


def test_last_one_out_ends_the_conference() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    handler.handle(given.modify(Endpoint("a", expire=True)), 7)
    assert handler.registry.conferences == ()
    counters = handler.registry.counters
    assert (counters.conferences_completed, counters.conference_seconds) == (1, 7)


def test_any_request_that_finds_nobody_ends_the_conference() -> None:
    handler = given.colibri()
    handler.handle(given.create(), 0)
    handler.handle(given.modify(Endpoint("z", force_mute=ForceMute())), 0)
    assert handler.registry.conferences == ()


def test_expired_conference_takes_everyone_along() -> None:
    handler = given.colibri()
    given.joined(handler, "a", "b")
    outcome = handler.handle(ConferenceModify(given.MEETING, expire=True), 0)
    assert outcome.reply == ConferenceModified()
    assert set(outcome.effects) == {fx.RemoveTransport(2), fx.RemoveTransport(3)}
    assert handler.registry.occupancy().is_empty


def test_same_meeting_can_be_held_again() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    first = handler.registry.conferences[0].id
    handler.handle(ConferenceModify(given.MEETING, expire=True), 0)
    given.joined(handler, "a")
    assert handler.registry.conferences[0].id != first


def test_exporters_are_ignored_and_counted() -> None:
    handler = given.colibri()
    given.joined(handler, "a")
    connect = Connect("wss://x", "mediajson", "recorder")
    given.reply_of(handler.handle(ConferenceModify(given.MEETING, connects=(connect,)), 0))
    assert handler.registry.counters.connects_ignored == 1
