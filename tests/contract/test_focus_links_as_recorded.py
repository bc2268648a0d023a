"""The focus' requests about relays are the real Jicofo's, in content and in order.

The recorded Jicofo gave its relays WebSockets instead of SCTP: that is the only difference.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.recordings import TRANSCRIPTS, exchanges, stanzas

from jitsiwire.brewery import nickname
from jitsiwire.colibri2 import ConferenceModified, ConferenceModify, MediaSource, Relay
from jitsiwire.colibri2_xml import parse_reply, parse_request
from jitsiwire.selection_topology import Cascade, Node, Topology, connect
from octoload import signalling
from octoload.focus import relay_requests
from octoload.focus.conference import Participant, Stage
from octoload.focus.links import forwarded

S2, S3 = TRANSCRIPTS / "s2-octo-jicofo-jvb.xml", TRANSCRIPTS / "s3-region-jicofo-jvb.xml"
WISHES = signalling.Wishes(ssrc_rewriting=True, mid_demux=False)
"""What the recorded clients could do."""


def recorded(line: int) -> tuple[str, Relay]:
    (found,) = (e for e in exchanges(S2) if e.line == line)
    request = parse_request(found.request)
    (relay,) = request.relays
    return request.meeting_id, relay


def person(endpoint_id: str, stats_id: str) -> Participant:
    return Participant(endpoint_id, stats_id, None, (), None, wishes=WISHES)


def only(request: ConferenceModify) -> Relay:
    (relay,) = request.relays
    assert request == ConferenceModify(request.meeting_id, relays=(relay,))
    return relay


@pytest.mark.parametrize(("line", "initiator"), [(24, True), (25, False)])
def test_a_relay_is_created_as_recorded(line: int, initiator: bool) -> None:
    meeting, theirs = recorded(line)
    assert theirs.endpoints is not None
    people = [person(one.id, str(one.stats_id)) for one in theirs.endpoints]
    ours = only(relay_requests.creation(meeting, theirs.id, "0", people, initiator=initiator))
    assert ours.transport is not None
    assert ours.transport.sctp is not None
    assert ours.transport.sctp.role == ("client" if initiator else "server")
    assert replace(ours, transport=replace(ours.transport, sctp=None)) == theirs


def test_a_new_endpoint_is_announced_as_recorded() -> None:
    meeting, theirs = recorded(29)
    announced = relay_requests.new_endpoint(person("5a4a2685", "Test-2"))
    assert only(relay_requests.endpoints(meeting, theirs.id, [announced])) == theirs


def descriptions(found: tuple[MediaSource, ...]) -> tuple[signalling.SourceDescription, ...]:
    """Recorded sources as a browser publishes them."""
    return tuple(
        signalling.SourceDescription.model_validate(
            {
                "kind": media.type,
                "ssrcs": [source.ssrc for source in media.sources],
                "video_type": media.sources[0].video_type,
                "index": int(media.id[-1]),
                "groups": [
                    {"semantics": group.semantics, "ssrcs": group.ssrcs} for group in media.groups
                ],
            }
        )
        for media in found
    )


@pytest.mark.parametrize("line", [37, 47, 54, 62, 72])
def test_what_an_endpoint_sends_is_told_as_recorded(line: int) -> None:
    meeting, theirs = recorded(line)
    assert theirs.endpoints is not None
    (endpoint,) = theirs.endpoints
    one = person(endpoint.id, "")
    one.stage, one.published = Stage.ANSWERED, descriptions(endpoint.sources or ())
    said = relay_requests.sending(one)
    assert only(relay_requests.endpoints(meeting, theirs.id, [said])) == theirs


@pytest.mark.parametrize(
    ("answer", "line", "initiator"),
    [(25, 33, True), (24, 42, False)],
)
def test_an_answers_transport_is_passed_on_as_recorded(
    answer: int, line: int, initiator: bool
) -> None:
    (created,) = (e for e in exchanges(S2) if e.line == answer)
    assert created.reply is not None
    reply = parse_reply(created.reply)
    assert isinstance(reply, ConferenceModified)
    assert reply.relays[0].transport is not None
    said = reply.relays[0].transport.ice
    assert said is not None
    meeting, theirs = recorded(line)
    ours = forwarded(said, initiator=initiator)
    assert ours is not None
    if initiator:  # only without SCTP is it told where the other's WebSocket is
        ours = replace(ours, web_sockets=said.web_sockets)
    assert only(relay_requests.transport(meeting, theirs.id, ours)) == theirs


def test_a_relay_expires_as_recorded() -> None:
    meeting, theirs = recorded(97)
    assert only(relay_requests.expiry(meeting, theirs.id)) == theirs


def test_a_bridge_that_has_its_dtls_side_already_is_not_passed_on() -> None:
    (created,) = (e for e in exchanges(S2) if e.line == 25)
    assert created.reply is not None
    transport = parse_reply(created.reply).relays[0].transport
    assert transport is not None
    assert transport.ice is not None
    decided = replace(transport.ice.fingerprints[0], setup="active")
    assert forwarded(replace(transport.ice, fingerprints=(decided,)), initiator=True) is None
    assert forwarded(replace(transport.ice, fingerprints=()), initiator=True) is None


@pytest.mark.parametrize("path", [S2, S3], ids=["s2", "s3"])
def test_bridges_are_linked_as_recorded(path: Path) -> None:
    """Played to our topology, the recorded conferences get the recorded relays."""
    to = {s.line: nickname(str(s.element.get("to"))) for s in stanzas(path)}
    relay_ids = {"jvb1": "relay-1", "jvb2": "relay-2"}
    cascade, expected, seen = Cascade(), set[tuple[str, str, bool]](), set[tuple[str, str, bool]]()
    for exchange in exchanges(path):
        request = parse_request(exchange.request)
        here = relay_ids[to[exchange.line]]
        if request.create and not seen:
            cascade, links = connect(Topology.SINGLE_MESH, cascade, Node(here))
            expected |= {(one.first, one.second, True) for one in links}
            expected |= {(one.second, one.first, False) for one in links}
        for relay in request.relays:
            if relay.create:
                assert relay.transport is not None
                assert relay.mesh_id == cascade.links[0].mesh
                seen.add((here, relay.id, relay.transport.ice_controlling))
    assert seen
    assert seen == expected
