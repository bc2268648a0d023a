"""What the bridge makes of the relays that the real Jicofo asked for."""

import secrets

import pytest
from tests.contract.recordings import TRANSCRIPTS, exchanges
from tests.contract.replay_bridge import OwnPorts

from jitsiwire.colibri2 import ConferenceModify, Endpoint, Transport
from jitsiwire.colibri2_xml import parse_request
from octobridge.core import effects as fx
from octobridge.core.colibri import Colibri
from octobridge.core.negotiated import ABS_SEND_TIME, TRANSPORT_CC
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry

S2 = TRANSCRIPTS / "s2-octo-jicofo-jvb.xml"


def recorded(line: int) -> ConferenceModify:
    (found,) = (e for e in exchanges(S2) if e.line == line)
    return parse_request(found.request)


@pytest.mark.parametrize("line", [24, 25])
def test_between_bridges_nothing_is_negotiated_that_estimates_the_line(line: int) -> None:
    """The same default media as for clients is asked for; the stock bridge takes out these."""
    request = recorded(line)
    policy = Policy(relay_id="here")
    colibri = Colibri(Registry(entropy=secrets.token_bytes, policy=policy, ports=OwnPorts()))
    person = Endpoint(
        "me", create=True, transport=Transport(), capabilities=("source-names",), media=MEDIA
    )
    first = ConferenceModify(request.meeting_id, create=True, endpoints=(person,))
    (client,) = (e for e in colibri.handle(first, 0.0).effects if isinstance(e, fx.SetFeedback))
    done = colibri.handle(request, 0.0).effects
    (feedback,) = (e for e in done if isinstance(e, fx.SetFeedback))
    (extensions,) = (e for e in done if isinstance(e, fx.SetExtensions))
    asked = {e.uri for media in request.relays[0].media for e in media.header_extensions}
    assert {uri for _, uri in extensions.extensions} == asked - {TRANSPORT_CC, ABS_SEND_TIME}
    assert (feedback.transport_cc, feedback.remb, feedback.nack) == (False, False, True)
    assert client.transport_cc, "which a client with the same media has"


MEDIA = recorded(24).relays[0].media
