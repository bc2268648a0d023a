"""Malformed Colibri2 raises RemoteProtocolError that says what is wrong, and nothing else."""

from contextlib import suppress
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.colibri2 import Capability, Colibri2Error, Condition, Reason
from jitsiwire.colibri2_xml import parse_error, parse_reply, parse_request
from jitsiwire.errors import RemoteProtocolError


def modify(inner: str = "", attributes: str = "meeting-id='m'") -> Element:
    return fromstring(
        f"<conference-modify xmlns='jitsi:colibri2' {attributes}>{inner}</conference-modify>"
    )


def endpoint(inner: str) -> Element:
    return modify(f"<endpoint id='a1'>{inner}</endpoint>")


ICE = (
    "<transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>{}</transport></transport>"
)
CANDIDATE = (
    "<candidate component='1' foundation='1' generation='0' id='c' network='0' ip='10.0.0.1'"
    " port='{}' priority='{}' protocol='udp' type='host'/>"
)
SSMA = "urn:xmpp:jingle:apps:rtp:ssma:0"


@pytest.mark.parametrize(
    ("element", "complaint"),
    [
        (
            modify(attributes="create='true'"),
            "<conference-modify>: attribute meeting-id is missing",
        ),
        (modify(attributes="meeting-id=' '"), "meeting-id is missing or blank"),
        (modify(attributes="meeting-id='m' create='yes'"), "create='yes' is not true or false"),
        (modify("<endpoint/>"), "<endpoint>: attribute id"),
        (modify("<relay create='true'/>"), "<relay>: attribute id"),
        (endpoint("<media/>"), "<media>: attribute type"),
        (endpoint("<sources/><sources/>"), "<endpoint>: more than one <sources>"),
        (endpoint("<initial-last-n/>"), "<initial-last-n>: attribute value is missing"),
        (endpoint("<initial-last-n value='9e9'/>"), "value='9e9'"),
        (endpoint("<initial-last-n value='\u0663'/>"), "is not a number"),
        (endpoint("<transport><sctp role='Server'/></transport>"), "role='Server'"),
        (endpoint("<transport><sctp port='70000'/></transport>"), "port='70000'"),
        (
            endpoint(
                "<sources><media-source type='audio' id='s'>"
                f"<source xmlns='{SSMA}' ssrc='0x7'/></media-source></sources>"
            ),
            "<source>: ssrc='0x7'",
        ),
        (modify("<connects><connect url='ftp://x'/></connects>"), "<connect>: url=…"),
        (
            modify("<connects><connect url='ws://x' protocol='mediajson' type='spy'/></connects>"),
            "type='spy' is not one of recorder",
        ),
        (
            fromstring("<conference-modify xmlns='other' meeting-id='m'/>"),
            "expected .*jitsi:colibri2",
        ),
        (endpoint("<capability/>" * 1025), "<endpoint>: more than 1024 children"),
        (modify(("<endpoint id='a'>" + "<x/>" * 1000 + "</endpoint>") * 21), "more than 20000"),
    ],
)
def test_what_is_wrong_is_named(element: Element, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        parse_request(element)


GOOD = CANDIDATE.format(10000, 2**31 - 1)


@pytest.mark.parametrize(
    "broken",
    [
        CANDIDATE.format(65536, 1),
        CANDIDATE.format(1, 2**32),
        CANDIDATE.format("http", 1),
        "<candidate/>",
        "<candidate>" + "<x/>" * 1025 + "</candidate>",
        "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256'/>",
        "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'>AA:BB</fingerprint>",
        "<web-socket xmlns='http://jitsi.org/protocol/colibri'/>",
    ],
)
def test_what_a_client_got_wrong_is_left_out_of_its_transport_and_counted(broken: str) -> None:
    parsed = parse_request(endpoint(ICE.format(broken + GOOD + broken)))
    transport = parsed.endpoints[0].transport
    assert transport is not None
    assert transport.ice is not None
    assert [candidate.port for candidate in transport.ice.candidates] == [10000]
    assert transport.ice.fingerprints == transport.ice.web_sockets == ()
    assert transport.ice.unreadable == 2


@pytest.mark.parametrize(
    ("inner", "lost"),
    [
        ("<transport xmlns='{}' ufrag='{}' pwd='secret'/>".format("{0}", "x" * 2000), 1),
        ("<transport xmlns='{0}' ufrag='u' pwd='two&#10;lines'/>", 1),
        ("<transport xmlns='{0}' ufrag='u' ice-generation='next'/>", 1),
        ("<transport xmlns='{0}'><rtcp-mux/><rtcp-mux/></transport>", 0),
        ("<transport xmlns='{0}'/><transport xmlns='{0}' ufrag='u'/>", 1),
        ("<transport xmlns='{0}'>" + "<x/>" * 1025 + "</transport>", 1),
    ],
)
def test_transport_that_is_all_wrong_says_nothing(inner: str, lost: int) -> None:
    inner = inner.replace("{0}", "urn:xmpp:jingle:transports:ice-udp:1")
    transport = parse_request(endpoint(f"<transport>{inner}</transport>")).endpoints[0].transport
    assert transport is not None
    assert transport.ice is not None
    assert (transport.ice.ufrag, transport.ice.pwd, transport.ice.candidates) == (None, None, ())
    assert transport.ice.unreadable == lost


def test_unknown_children_and_attributes_are_ignored() -> None:
    request = parse_request(
        modify(
            "<traceparent xmlns='jitsi:opentelemetry' trace_id='7'/>"
            "<endpoint id='a1' hat='red'><capability name='source-names'/><news/></endpoint>",
            "meeting-id='m' since='2027'",
        )
    )
    assert request.endpoints[0].capabilities == (Capability.SOURCE_NAMES,)
    assert request.rtcstats_enabled


def test_absent_sources_are_not_empty_sources() -> None:
    assert parse_request(endpoint("")).endpoints[0].sources is None
    assert parse_request(endpoint("<sources/>")).endpoints[0].sources == ()


def stanza_error(inner: str) -> Element:
    return fromstring(f"<error xmlns='jabber:client' type='cancel'>{inner}</error>")


CONDITION = "<{} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"


def test_a_reason_is_read_in_any_case() -> None:
    error = parse_error(
        stanza_error(
            CONDITION.format("item-not-found")
            + "<error xmlns='jitsi:colibri2' reason='UNKNOWN_ENDPOINT'/>"
            + "<endpoint xmlns='jitsi:colibri2' id='a1'/>"
        )
    )
    assert error == Colibri2Error(
        Condition.ITEM_NOT_FOUND, reason=Reason.UNKNOWN_ENDPOINT, endpoints=("a1",)
    )


def test_an_error_child_without_reason_is_unspecified() -> None:
    error = parse_error(
        stanza_error(CONDITION.format("conflict") + "<error xmlns='jitsi:colibri2'/>")
    )
    assert error.reason is Reason.UNSPECIFIED


def test_a_condition_we_do_not_list_counts_like_any_other_failure() -> None:
    error = parse_error(stanza_error(CONDITION.format("resource-constraint")))
    assert error.condition is Condition.INTERNAL_SERVER_ERROR


@pytest.mark.parametrize(
    "inner",
    ["", CONDITION.format("conflict") + "<error xmlns='jitsi:colibri2' reason='bored'/>"],
    ids=["no condition", "unknown reason"],
)
def test_a_malformed_error_is_refused(inner: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_error(stanza_error(inner))


names = st.sampled_from(
    [
        "endpoint",
        "relay",
        "endpoints",
        "media",
        "transport",
        "sctp",
        "sources",
        "media-source",
        "source",
        "ssrc-group",
        "connects",
        "connect",
        "candidate",
        "fingerprint",
        "rtcp-mux",
        "web-socket",
        "payload-type",
        "parameter",
        "rtcp-fb",
        "rtp-hdrext",
        "extmap-allow-mixed",
        "capability",
        "force-mute",
        "initial-last-n",
        "error",
        "conflict",
        "text",
    ]
)
spaces = st.sampled_from(
    [
        "jitsi:colibri2",
        "urn:xmpp:jingle:apps:rtp:1",
        "urn:xmpp:jingle:apps:rtp:rtcp-fb:0",
        "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0",
        "urn:xmpp:jingle:apps:rtp:ssma:0",
        "urn:xmpp:jingle:apps:dtls:0",
        "urn:xmpp:jingle:transports:ice-udp:1",
        "urn:ietf:params:xml:ns:xmpp-stanzas",
    ]
)
keys = st.sampled_from(
    ["id", "type", "create", "expire", "ssrc", "name", "value", "port", "role", "url", "hash", "ip"]
)
values = st.text(max_size=8) | st.sampled_from(
    ["true", "1", "-1", "99999999999", "server", "ws://x"]
)


@st.composite
def trees(draw: st.DrawFn, name: str, space: str = "jitsi:colibri2") -> Element:
    root = Element(f"{{{space}}}{name}")
    nodes = [root]
    for _ in range(draw(st.integers(0, 12))):
        parent = draw(st.sampled_from(nodes))
        child = SubElement(parent, f"{{{draw(spaces)}}}{draw(names)}")
        child.attrib.update(draw(st.dictionaries(keys, values, max_size=3)))
        child.text = draw(st.none() | values)
        nodes.append(child)
    root.attrib.update(draw(st.dictionaries(keys, values, max_size=2)))
    if draw(st.booleans()):
        root.set("meeting-id", "m")
    return root


@given(trees("conference-modify"), trees("conference-modified"), trees("error", "jabber:client"))
def test_parsing_is_total(request: Element, reply: Element, error: Element) -> None:
    for parse, element in ((parse_request, request), (parse_reply, reply), (parse_error, error)):
        before = tostring(element)
        with suppress(RemoteProtocolError):
            parse(element)
        assert tostring(element) == before
