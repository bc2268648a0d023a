"""The Python parsers that see the network, with the state that acts on what they read.

Seeds are recorded traffic of the real servers (tests/contract/transcripts) and real messages of
our own. A refusal that a parser documents is an answer; anything else it raises is a crash.
"""

import json
import os
from collections.abc import Sequence
from random import Random
from xml.etree.ElementTree import ParseError, fromstring, tostring

from tests.bench.fuzz.mutation import spoil_bytes, spoil_json, spoil_xml
from tests.contract.recordings import STREAMS, TRANSCRIPTS, exchanges
from tests.unit.bridge import given
from tests.unit.bridge.talking import Call

from jitsiwire import bridge_channel, colibri2_json, colibri2_xml
from jitsiwire.colibri2 import ConferenceModified, ConferenceModify
from jitsiwire.errors import RemoteProtocolError
from octobridge.core.colibri import Colibri
from octoengine import dtls_records, ice, stun
from octoload import signalling

CHANNEL_SEEDS = (
    {"colibriClass": "ClientHello"},
    {"colibriClass": "EndpointMessage", "to": "", "msgPayload": {"x": [1]}},
    {"colibriClass": "EndpointStats", "bitrate": {"upload": 3}},
    {"colibriClass": "LastNChangedEvent", "lastN": 3},
    {
        "colibriClass": "ReceiverVideoConstraints",
        "lastN": 2,
        "selectedSources": ["b-v0"],
        "onStageSources": ["c-v0"],
        "defaultConstraints": {"maxHeight": 180},
        "constraints": {"b-v0": {"maxHeight": 360, "maxFrameRate": 15.0}},
    },
    {"colibriClass": "SourceVideoTypeMessage", "sourceName": "a-v0", "videoType": "desktop"},
    {"colibriClass": "VideoTypeMessage", "videoType": "none"},
    {"colibriClass": "ReceiverAudioSubscription", "mode": "Include", "list": ["b-a0"]},
)
SIGNALLING_SEEDS = (
    {"type": "join", "version": 1, "conference": "c", "sources": {"audioSsrc": 7}},
    {"type": "connected", "version": 1, "sessionId": "s"},
    {"type": "restart", "version": 1, "sessionId": "s", "reason": "x"},
    {"type": "ping", "version": 1, "id": 4},
    {"type": "leave", "version": 1},
)


class Stateless:
    """A target whose `feed` keeps nothing."""

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""


class Channel(Stateless):
    """Texts of data channels, and the conference that acts on them."""

    name = "channel"

    def seeds(self) -> Sequence[bytes]:
        recorded = [
            line.split("\t")[4].encode()
            for path in TRANSCRIPTS.glob("*.tsv")
            for line in path.read_text().splitlines()
            if line.count("\t") >= 4 and "colibriClass" in line
        ]
        return [*recorded, *(json.dumps(seed).encode() for seed in CHANNEL_SEEDS)]

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_json(data, other, random)

    async def start(self) -> None:
        self.call = Call("a", "b", "c", "v", visitors=["v"])

    async def feed(self, data: bytes) -> str:
        text = data.decode(errors="replace")
        self.call.now += 1.0
        self.call.say("a", text)
        try:
            message = bridge_channel.parse(text)
        except RemoteProtocolError as error:
            return str(error)
        assert bridge_channel.parse(bridge_channel.build(message), 1 << 20) == message
        return type(message).__name__


class ColibriXml(Stateless):
    """Colibri2 requests in XML, and the bridge that handles them."""

    name = "colibri2-xml"

    def seeds(self) -> Sequence[bytes]:
        found = {tostring(e.request) for path in STREAMS for e in exchanges(path)}
        return sorted(found)

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        if random.random() < 0.1:
            return spoil_bytes(data, other, random)
        try:
            return tostring(spoil_xml(fromstring(data), fromstring(other), random), "utf-8")
        except (ParseError, ValueError):
            return spoil_bytes(data, other, random)

    async def start(self) -> None:
        self.handler = given.colibri()
        self.now = 0.0

    async def feed(self, data: bytes) -> str:
        try:
            element = fromstring(data)
        except (ParseError, ValueError):
            return "no XML"
        try:
            request = colibri2_xml.parse_request(element)
        except RemoteProtocolError as error:
            return str(error)
        assert colibri2_xml.parse_request(colibri2_xml.build_request(request)) == request
        self.now += 0.1
        return handled(self.handler, request, self.now)


class ColibriJson(Stateless):
    """The same requests in JSON, as REST takes them."""

    name = "colibri2-json"

    def seeds(self) -> Sequence[bytes]:
        found: set[bytes] = set()
        for path in STREAMS:
            for exchange in exchanges(path):
                try:
                    request = colibri2_xml.parse_request(exchange.request)
                except RemoteProtocolError:
                    continue
                found.add(json.dumps(colibri2_json.build_request(request)).encode())
        return sorted(found)

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_json(data, other, random)

    async def start(self) -> None:
        self.handler = given.colibri()
        self.now = 0.0

    async def feed(self, data: bytes) -> str:
        try:
            decoded = bridge_channel_decode(data.decode(errors="replace"))
            request = colibri2_json.parse_request(decoded)
        except RemoteProtocolError as error:
            return str(error)
        self.now += 0.1
        return handled(self.handler, request, self.now)


def bridge_channel_decode(text: str) -> dict[str, object]:
    """Read JSON as the bridge's REST does."""
    return bridge_channel.strict_json.decode(text, 64 * 1024)


def handled(handler: Colibri, request: ConferenceModify, now: float) -> str:
    """Handle a request; the answer must be one that can be written."""
    reply = handler.handle(request, now).reply
    if isinstance(reply, ConferenceModified):
        colibri2_xml.build_reply(reply)
        colibri2_json.build_reply(reply)
        return "modified"
    colibri2_xml.build_error(reply)
    return f"{reply.condition} {reply.text}"


class Stun(Stateless):
    """STUN, and an ICE agent that it reaches."""

    name = "stun-python"
    local = ice.Credentials("local", "local0password0123456789")
    remote = ice.Credentials("far1", "remote0password0123456789")

    def seeds(self) -> Sequence[bytes]:
        identifier = bytes(range(12))
        request = {"PRIORITY": 1_845_501_695, "ICE-CONTROLLED": 7}
        name = f"{self.local.ufrag}:{self.remote.ufrag}"
        asked = [{}, {"USE-CANDIDATE": None}, {"ICE-CONTROLLING": 1 << 63}]
        return [
            *(
                stun.binding_request(identifier, name, self.local.pwd, request | more)
                for more in asked
            ),
            stun.binding_response(identifier, ("127.0.0.1", 9), self.remote.pwd),
            stun.binding_error(identifier, 487, "Role Conflict", self.remote.pwd),
        ]

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_bytes(data, other, random)

    async def start(self) -> None:
        here = ice.LocalCandidate(1, "127.0.0.1", 5000)
        self.now = 0.0
        role = ice.Role.CONTROLLING
        self.agent = ice.Agent(role, self.local, (here,), 0.0, remote=self.remote)
        kind = ice.CandidateType.HOST
        self.agent.add_remote_candidate(ice.RemoteCandidate("127.0.0.1", 9, 99, kind, 0))

    async def feed(self, data: bytes) -> str:
        self.now += 0.01
        stun.username_fragment(data)
        message = stun.parse(data)
        if message is not None:
            message.is_signed_by(self.local.pwd)
        self.agent.receive(data, 1, ("127.0.0.1", 9), self.now)
        if (due := self.agent.deadline()) is not None and due <= self.now:
            self.agent.expire(self.now)
        sent, events = len(self.agent.transmits()), self.agent.events()
        kind = None if message is None else message.kind
        return f"{kind} {sent} {[type(event).__name__ for event in events]}"


class DtlsRecords(Stateless):
    """Datagrams split into DTLS records, and packed again."""

    name = "dtls-records"

    def seeds(self) -> Sequence[bytes]:
        record = bytes([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4]) + b"abcd"
        return [record, record * 3, record + b"\x17", bytes([21]) + record[1:], os.urandom(40)]

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_bytes(data, other, random)

    async def feed(self, data: bytes) -> str:
        records = dtls_records.split(data)
        joined = b"".join(records)
        assert data.startswith(joined)
        assert b"".join(dtls_records.pack(records)) == joined
        epochs = {dtls_records.epoch(record) > 0 for record in records}
        return f"{dtls_records.is_dtls(data)} {min(len(records), 5)} {sorted(epochs)}"


class Signalling(Stateless):
    """What clients say to the focus of the load generator."""

    name = "signalling"

    def seeds(self) -> Sequence[bytes]:
        return [json.dumps(seed).encode() for seed in SIGNALLING_SEEDS]

    def spoil(self, data: bytes, other: bytes, random: Random) -> bytes:
        return spoil_json(data, other, random)

    async def feed(self, data: bytes) -> str:
        try:
            return type(signalling.parse_client(data)).__name__
        except signalling.SignallingError as error:
            return str(error)
