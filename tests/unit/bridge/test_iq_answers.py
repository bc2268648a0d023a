"""IQs as XML: what is answered to whom."""

from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from tests.unit.bridge import given

from jitsiwire import colibri2_xml
from jitsiwire.brewery import build_health_check, parse_version
from jitsiwire.colibri2 import Colibri2Error, Condition, ConferenceModified, ConferenceModify
from octobridge.core.health import Health
from octobridge.shell.iq import Answer, answer

ROOM = "jvbbrewery@internal-muc.meet.jitsi"


class FakeBridge:
    """Answers with what it was told to, and remembers what it was asked."""

    def __init__(self, health: Health | None = None) -> None:
        self.colibri = given.colibri()
        self.verdict = health or Health(success=True)
        self.asked: list[ConferenceModify] = []

    def handle(self, request: ConferenceModify) -> ConferenceModified | Colibri2Error:
        self.asked.append(request)
        return self.colibri.handle(request, 0.0).reply

    def health(self) -> Health:
        return self.verdict


def ask(payload: Element | None, origin: str = ROOM, bridge: FakeBridge | None = None) -> Answer:
    return answer(bridge or FakeBridge(), payload, origin, frozenset({ROOM}), "v1")


def condition(given_: Answer) -> Condition:
    assert given_.error is not None
    return colibri2_xml.parse_error(given_.error).condition


def test_conference_is_created_over_xml() -> None:
    request = colibri2_xml.build_request(given.create(given.new_endpoint("a")))
    given_ = ask(request)
    assert given_.result is not None
    reply = colibri2_xml.parse_reply(given_.result)
    assert reply.endpoints[0].transport is not None
    assert reply.sources is not None


def test_refusal_is_an_error() -> None:
    request = colibri2_xml.build_request(given.modify())
    assert condition(ask(request)) is Condition.ITEM_NOT_FOUND


def test_health_is_an_empty_result() -> None:
    assert ask(build_health_check()) == Answer()


def test_bad_health_is_an_internal_error() -> None:
    bridge = FakeBridge(Health(success=False, message="No port."))
    assert condition(ask(build_health_check(), bridge=bridge)) is Condition.INTERNAL_SERVER_ERROR


def test_version_is_told() -> None:
    given_ = ask(fromstring("<query xmlns='jabber:iq:version'/>"))
    assert given_.result is not None
    about = parse_version(given_.result)
    assert (about.name, about.version) == ("JVB", "v1")


@pytest.mark.parametrize(
    "origin", ["", "evil@meet.jitsi", "jvbbrewery@other", "internal-muc.meet.jitsi"]
)
def test_strangers_are_forbidden_whatever_they_ask(origin: str) -> None:
    bridge = FakeBridge()
    request = colibri2_xml.build_request(given.create(given.new_endpoint("a")))
    assert condition(ask(request, origin, bridge)) is Condition.FORBIDDEN
    assert condition(ask(None, origin, bridge)) is Condition.FORBIDDEN
    assert bridge.asked == []


def test_the_rooms_name_is_compared_without_case() -> None:
    assert ask(build_health_check(), ROOM.upper()) == Answer()


@pytest.mark.parametrize(
    "xml",
    [
        "<graceful-shutdown xmlns='http://jitsi.org/protocol/colibri'/>",
        "<force-shutdown xmlns='http://jitsi.org/protocol/colibri'/>",
        "<conference xmlns='http://jitsi.org/protocol/colibri'/>",
        "<conference-modify xmlns='http://jitsi.org/protocol/colibri2' meeting-id='x'/>",
    ],
)
def test_what_is_not_supported_is_service_unavailable(xml: str) -> None:
    assert condition(ask(fromstring(xml))) is Condition.SERVICE_UNAVAILABLE


def test_iq_without_a_payload_is_service_unavailable() -> None:
    assert condition(ask(None)) is Condition.SERVICE_UNAVAILABLE


MALFORMED = [
    "<conference-modify xmlns='jitsi:colibri2' create='true'/>",
    "<conference-modify xmlns='jitsi:colibri2' meeting-id=' '/>",
    "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' create='perhaps'/>",
    "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint/></conference-modify>",
    "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'><endpoint id='a'>"
    "<initial-last-n value='many'/></endpoint></conference-modify>",
]


@pytest.mark.parametrize("xml", MALFORMED)
def test_malformed_requests_are_bad_requests(xml: str) -> None:
    bridge = FakeBridge()
    assert condition(ask(fromstring(xml), bridge=bridge)) is Condition.BAD_REQUEST
    assert bridge.asked == []


def test_broken_candidate_of_one_client_spoils_nobodys_conference() -> None:
    """Jicofo passes candidates on as they come, and takes everyone off a bridge that refuses."""
    bridge = FakeBridge()
    given.joined(bridge.colibri, "a")
    ice = "urn:xmpp:jingle:transports:ice-udp:1"
    update = fromstring(
        f"<conference-modify xmlns='jitsi:colibri2' meeting-id='{given.MEETING}'>"
        f"<endpoint id='a'><transport><transport xmlns='{ice}' ufrag='u' pwd='p'>"
        "<candidate port='99999999'/></transport></transport></endpoint></conference-modify>"
    )
    assert ask(update, bridge=bridge).error is None
    assert bridge.colibri.registry.counters.transport_parts_unreadable == 1


tags = st.sampled_from(
    ["endpoint", "transport", "sources", "media-source", "media", "relay", "force-mute", "sctp"]
)
attributes = st.dictionaries(
    st.sampled_from(["id", "create", "expire", "type", "value", "port", "role", "ice-restart"]),
    st.sampled_from(["", "true", "false", "a", "5000", "-1", "server", "é" * 40]),
    max_size=4,
)


def element(tag: str, values: dict[str, str], children: list[Element]) -> Element:
    made = Element(f"{{jitsi:colibri2}}{tag}", values)
    made.extend(children)
    return made


trees = st.recursive(
    st.builds(element, tags, attributes, st.just(list[Element]())),
    lambda inner: st.builds(element, tags, attributes, st.lists(inner, max_size=3)),
    max_leaves=12,
)


@hypothesis_given(st.lists(trees, max_size=4), st.booleans())
def test_any_request_gets_exactly_one_answer(children: list[Element], create: bool) -> None:
    request = element(
        "conference-modify", {"meeting-id": "m", "create": str(create).lower()}, children
    )
    given_ = ask(request)
    assert (given_.result is None) != (given_.error is None)
