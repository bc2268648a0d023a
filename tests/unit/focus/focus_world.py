"""A focus with bridges and people around it, all in memory, on a clock moved by hand."""

import itertools
from dataclasses import dataclass, field

from jitsiwire.colibri2 import (
    Candidate,
    Colibri2Error,
    Condition,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    Fingerprint,
    IceTransport,
    Reason,
    Relay,
    Transport,
)
from jitsiwire.colibri2_xml import build_request
from jitsiwire.stats import BridgeStats
from octoload import signalling
from octoload.focus.doctor import HealthAnswer
from octoload.focus.effects import CheckHealth, CloseConnection, Effect, SendRequest, Tell
from octoload.focus.focus import Focus
from octoload.focus.replies import Nothing, Reply
from octoload.focus.settings import FocusSettings

ROOM = "jvbbrewery@internal-muc.meet.jitsi"
PRINT = ":".join(["AB"] * 32)
OFFERED = Transport(
    ice=IceTransport(
        "ufrag",
        "p" * 24,
        candidates=(Candidate(1, "1", 0, "c1", 0, "10.0.0.1", 10000, 1, "udp", "host"),),
        rtcp_mux=True,
        fingerprints=(Fingerprint("sha-256", PRINT, "actpass"),),
    )
)
CLIENT = signalling.TransportDescription(
    ufrag="abcd", pwd="q" * 24, fingerprint=PRINT, setup="active"
)


def jid(name: str) -> str:
    return f"{ROOM}/{name}"


@dataclass
class FakeRelay:
    """One end of a link."""

    made: Relay
    """As it was asked for."""
    setup: str = ""
    """The DTLS side that the far end's transport named; "" until it came."""
    endpoints: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The names of what the far side's endpoints send."""

    def take(self, endpoints: tuple[Endpoint, ...]) -> None:
        for one in endpoints:
            if one.expire:
                del self.endpoints[one.id]
                continue
            assert one.create == (one.id not in self.endpoints), "told of each once"
            self.endpoints[one.id] = tuple(source.id for source in one.sources or ())


@dataclass
class FakeBridge:
    """Conferences, endpoints and relays as Colibri2 makes them, without media."""

    conferences: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    relays: dict[str, dict[str, FakeRelay]] = field(default_factory=dict[str, dict[str, FakeRelay]])
    refusal: Reply | None = None
    relay_refusal: Colibri2Error | Nothing | None = None

    def handle(self, request: ConferenceModify) -> Reply:
        build_request(request)  # whatever the focus asks can be written
        known = self.conferences.get(request.meeting_id)
        if self.refusal is not None and any(e.create for e in request.endpoints):
            return self.refusal
        if request.create:
            if known is not None:
                return Colibri2Error(Condition.CONFLICT, reason=Reason.CONFERENCE_ALREADY_EXISTS)
            known = self.conferences[request.meeting_id] = set()
        if known is None:
            return Colibri2Error(Condition.ITEM_NOT_FOUND, reason=Reason.CONFERENCE_NOT_FOUND)
        made: list[Endpoint] = []
        for one in request.endpoints:
            if one.expire:
                known.discard(one.id)
            elif one.create and one.id in known:
                return Colibri2Error(Condition.CONFLICT)
            elif one.create:
                known.add(one.id)
                made.append(Endpoint(one.id, transport=OFFERED))
            elif one.id not in known:
                return Colibri2Error(
                    Condition.ITEM_NOT_FOUND, reason=Reason.UNKNOWN_ENDPOINT, endpoints=(one.id,)
                )
        relays = self._relay(request)
        if isinstance(relays, Colibri2Error | Nothing):
            return relays
        if request.expire or not (known or self.relays.get(request.meeting_id) or request.create):
            del self.conferences[request.meeting_id]
            self.relays.pop(request.meeting_id, None)
        return ConferenceModified(tuple(made), relays)

    def _relay(self, request: ConferenceModify) -> tuple[Relay, ...] | Colibri2Error | Nothing:
        relays = self.relays.setdefault(request.meeting_id, {})
        if not request.relays:
            return ()
        (asked,) = request.relays
        if asked.expire:
            relays.pop(asked.id, None)
            return (asked,)
        if asked.create:
            if self.relay_refusal is not None:
                return self.relay_refusal
            if asked.id in relays:
                return Colibri2Error(Condition.CONFLICT)
            relays[asked.id] = FakeRelay(asked)
        relay = relays.get(asked.id)
        if relay is None:
            return Colibri2Error(Condition.BAD_REQUEST)
        relay.take(asked.endpoints or ())
        if asked.transport and asked.transport.ice:
            relay.setup = str(asked.transport.ice.fingerprints[0].setup)
        return (Relay(asked.id, transport=OFFERED if asked.create else None),)


@dataclass
class World:
    """A focus, bridges and clients, and all that is under way between them."""

    settings: FocusSettings = field(default_factory=lambda: FocusSettings("secret"))
    now: float = 1000.0
    bridges: dict[str, FakeBridge] = field(default_factory=dict[str, FakeBridge])
    told: dict[int, list[signalling.FocusMessage]] = field(
        default_factory=dict[int, list[signalling.FocusMessage]]
    )
    requests: list[SendRequest] = field(default_factory=list[SendRequest])
    closed: set[int] = field(default_factory=set[int])
    people: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.focus = Focus(self.settings, lambda: f"{next(numbers):08x}")
        self.connections = itertools.count(1)
        self.ssrcs = itertools.count(1)

    def do(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Tell(connection, message):
                    assert connection not in self.closed
                    self.told.setdefault(connection, []).append(message)
                case CloseConnection(connection):
                    self.closed.add(connection)
                case SendRequest():
                    self.requests.append(effect)
                case CheckHealth(bridge):
                    self.do(self.focus.health(bridge, HealthAnswer.WELL, self.now))

    def settle(self) -> None:
        """Let bridges answer and clients follow their offers, until nobody has anything to say."""
        for _ in range(2000):
            if not self.requests:
                return
            sent = self.requests.pop(0)
            bridge = self.bridges.get(sent.bridge)
            reply = bridge.handle(sent.request) if bridge else Nothing.TIMEOUT
            before = {connection: len(said) for connection, said in self.told.items()}
            self.do(self.focus.replied(sent.token, reply, self.now))
            for connection, said in list(self.told.items()):
                for message in said[before.get(connection, 0) :]:
                    self.follow(connection, message)
        raise AssertionError("they never come to an end")

    def follow(self, connection: int, message: signalling.FocusMessage) -> None:
        who = self.people.get(connection)
        if isinstance(message, signalling.Offer) and who is not None:
            answer = signalling.Answer(session_id=message.session_id, transport=CLIENT)
            self.do(self.focus.answered(*who, answer))
            self.do(self.focus.connected(*who, message.session_id))

    def add(self, name: str, **stats_: object) -> None:
        self.bridges.setdefault(jid(name), FakeBridge())
        self.present(name, **stats_)

    def present(self, name: str, **stats_: object) -> None:
        values: dict[str, object] = {"drain": False, "stress_level": 0.1, "version": "1", **stats_}
        published = BridgeStats(**values)  # pyright: ignore[reportArgumentType] - by name
        self.do(self.focus.bridge_seen(jid(name), published, self.now))

    def remove(self, name: str) -> None:
        self.bridges.pop(jid(name), None)
        self.do(self.focus.bridge_gone(jid(name), self.now))

    def join(self, conference: str, **more: object) -> int:
        connection = next(self.connections)
        number = next(self.ssrcs)
        sources = signalling.SourcesOffered(audio_ssrc=2 * number, video_ssrc=2 * number + 1)
        message = signalling.Join.model_validate(
            {"conference": conference, "sources": sources, **more}
        )
        who, effects = self.focus.joined(connection, message, self.now)
        if who is not None:
            self.people[connection] = who
        self.do(effects)
        self.settle()
        return connection

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.5
            self.do(self.focus.tick(self.now))
            self.settle()

    def bridge_of(self, connection: int) -> str | None:
        conference, endpoint = self.people[connection]
        one = self.focus.conferences[conference].participants[endpoint]
        return one.bridge.partition("/")[2] if one.bridge else None

    def last(self, connection: int, kind: type) -> signalling.FocusMessage | None:
        found = [m for m in self.told.get(connection, []) if isinstance(m, kind)]
        return found[-1] if found else None

    def on(self, name: str) -> int:
        return sum(len(people) for people in self.bridges[jid(name)].conferences.values())
