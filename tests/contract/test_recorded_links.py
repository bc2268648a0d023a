"""What the bridge makes of the relays that the real Jicofo asked for, and says over them."""

import json
import secrets
from collections.abc import Iterable, Iterator

import pytest
from tests.contract.recordings import LINE, TRANSCRIPTS, exchanges
from tests.contract.replay_bridge import OwnPorts

from jitsiwire.colibri2 import ConferenceModified, ConferenceModify, Endpoint, Transport
from jitsiwire.colibri2_xml import parse_request
from octobridge.core import effects as fx
from octobridge.core.colibri import Colibri
from octobridge.core.connectivity import watch
from octobridge.core.messages import Messages
from octobridge.core.negotiated import ABS_SEND_TIME, TRANSPORT_CC
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

S2 = TRANSCRIPTS / "s2-octo-jicofo-jvb.xml"
SAID = TRANSCRIPTS / "s2-relay-ws.tsv"
RELAY_IDS = {"jvb1": "relay-1", "jvb2": "relay-2"}
BRIEF = "89579737-v1"
"""A source that was there for 3 s: the recorded bridge, which allocates for sources of others every
5 s, never came to say what it wants of it; ours says so at once."""
DIALLED = "42872"
"""The port of the WebSocket's client, which was jvb1."""


def recorded(line: int) -> ConferenceModify:
    (found,) = (e for e in exchanges(S2) if e.line == line)
    return parse_request(found.request)


def bridge(relay_id: str) -> Colibri:
    policy = Policy(relay_id=relay_id)
    return Colibri(Registry(entropy=secrets.token_bytes, policy=policy, ports=OwnPorts()))


@pytest.mark.parametrize("line", [24, 25])
def test_between_bridges_nothing_is_negotiated_that_estimates_the_line(line: int) -> None:
    """The same default media as for clients is asked for; the stock bridge takes out these."""
    request, colibri = recorded(line), bridge("here")
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


class Speaking:
    """A bridge on the recorded clock, and what it says over its one relay."""

    def __init__(self, relay_id: str) -> None:
        self.colibri = bridge(relay_id)
        self.registry = self.colibri.registry
        self.said: list[str] = []

    def asked(self, request: ConferenceModify, now: float) -> None:
        outcome = self.colibri.handle(request, now)
        assert isinstance(outcome.reply, ConferenceModified)
        self._do(outcome.effects)

    def channel_opens(self) -> None:
        ((_, relay),) = self.registry.relays()
        Reports(self.registry, Traffic()).channel_opened(relay.transport)
        self._do(Messages(self.registry).opened(relay.transport))

    def passes(self, now: float) -> None:
        self._do(self.registry.step(now))
        self._do(watch(self.registry, now))

    def _do(self, effects: Iterable[fx.Effect]) -> None:
        relays = {relay.transport for _, relay in self.registry.relays()}
        said = (e for e in effects if isinstance(e, fx.SendMessage) and e.transport in relays)
        self.said += (message.text for message in said)


def messages() -> Iterator[tuple[float, str, str]]:
    """What the recorded bridges said: when, which of them, and the text."""
    began = LINE.match(S2.read_text().splitlines()[0])
    assert began is not None
    for line in SAID.read_text().splitlines()[1:]:
        time, source, _, opcode, text = line.split("\t")
        if opcode == "1":
            yield float(time) - float(began[1]), "jvb1" if source == DIALLED else "jvb2", text


def test_bridges_say_to_one_another_what_the_recorded_ones_said() -> None:
    """All but the hello, with which a WebSocket begins and a data channel doesn't."""
    theirs = list(messages())
    opened, ended = theirs[0][0], theirs[-1][0] + 2.0
    ours = {nickname: Speaking(relay_id) for nickname, relay_id in RELAY_IDS.items()}
    asked = [e for e in exchanges(S2) if e.at < ended]
    now = 0.0
    while now < ended:
        before, now = now, now + 0.5
        for each in asked:
            if before <= each.at < now:
                ours[each.bridge].asked(parse_request(each.request), each.at)
        for one in ours.values():
            if before <= opened < now:
                one.channel_opens()
            one.passes(now)
    for nickname, one in ours.items():
        wanted = [json.loads(text) for _, who, text in theirs if who == nickname]
        wanted = [each for each in wanted if each["colibriClass"] != "ServerHello"]
        found = [each for each in map(json.loads, one.said) if each.get("sourceName") != BRIEF]
        assert wanted
        assert sorted(found, key=str) == sorted(wanted, key=str), nickname
