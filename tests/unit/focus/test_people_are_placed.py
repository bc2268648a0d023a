"""The focus' core against a world of simple bridges: everyone is placed, or waits, or is moved."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
    Transport,
)
from jitsiwire.colibri2_xml import build_request
from jitsiwire.selection import Strategy
from jitsiwire.stats import BridgeStats
from octoload import signalling
from octoload.focus.conference import Stage
from octoload.focus.doctor import HealthAnswer
from octoload.focus.effects import CheckHealth, CloseConnection, Effect, SendRequest, Tell
from octoload.focus.focus import Focus
from octoload.focus.moves import MoveError, Redistributor, move
from octoload.focus.replies import Nothing, Reply
from octoload.focus.reports import debug, stats
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
class FakeBridge:
    """Conferences and endpoints as Colibri2 makes them, without media."""

    conferences: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    refusal: Reply | None = None

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
        if request.expire or not (known or request.create):
            del self.conferences[request.meeting_id]
        return ConferenceModified(tuple(made))


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


@pytest.fixture
def world() -> World:
    return World()


def test_a_call_is_placed_on_one_bridge(world: World) -> None:
    world.add("a", stress_level=0.5)
    world.add("b", stress_level=0.1)
    people = [world.join("call") for _ in range(3)]
    assert {world.bridge_of(one) for one in people} == {"b"}
    assert world.on("b") == 3
    offer = world.last(people[2], signalling.Offer)
    assert isinstance(offer, signalling.Offer)
    assert len(offer.sources) == 4
    told = [m for m in world.told[people[0]] if isinstance(m, signalling.Sources)]
    assert [len(m.added) for m in told] == [2, 2]


def test_the_first_request_creates_the_conference_and_no_other(world: World) -> None:
    world.add("a")
    connection = next(world.connections)
    for number in (1, 2):
        join = signalling.Join(conference="call")
        who, effects = world.focus.joined(connection + number, join, world.now)
        assert who is not None
        world.do(effects)
    assert [r.request.create for r in world.requests] == [True, False]
    assert world.requests[0].request.name == "call@muc.meet.jitsi"


def test_without_a_bridge_people_wait_and_the_next_bridge_takes_them(world: World) -> None:
    one = world.join("call")
    assert isinstance(world.told[one][-1], signalling.Waiting)
    world.pass_time(10)
    assert len(world.told[one]) == 1, "told once, not every try"
    world.add("a")
    world.settle()
    assert world.bridge_of(one) == "a"


def test_out_of_the_brewery_nobody_is_placed_and_no_bridge_is_blamed(world: World) -> None:
    world.add("a")
    one = world.join("call")
    world.focus.placement.online = False
    two = world.join("call")
    world.pass_time(60)
    assert isinstance(world.told[two][-1], signalling.Waiting)
    assert world.bridge_of(one) == "a"
    assert world.focus.bridges[jid("a")].operational(world.now)
    world.focus.placement.online = True
    world.pass_time(3)
    assert world.bridge_of(two) == "a"


def test_after_a_long_absence_calls_are_taken_up_again(world: World) -> None:
    """The bridge still has the conference: it is expired there and made again."""
    world.add("a")
    people = [world.join("call") for _ in range(3)]
    kept = dict(world.bridges[jid("a")].conferences)
    world.do(world.focus.brewery_lost(world.now))
    world.requests.clear()  # they couldn't be sent
    assert world.bridges[jid("a")].conferences == kept
    assert [world.bridge_of(one) for one in people] == [None] * 3
    world.add("a")
    world.settle()
    assert [world.bridge_of(one) for one in people] == ["a"] * 3
    assert world.on("a") == 3
    assert world.focus.bridges[jid("a")].operational(world.now)


def test_a_bridge_that_shuts_down_is_left_at_once(world: World) -> None:
    world.add("a", stress_level=0.0)
    people = [world.join("call") for _ in range(3)]
    world.add("b")
    world.present("a", shutting_down=True)
    world.settle()
    assert {world.bridge_of(one) for one in people} == {"b"}
    assert world.on("a") == 0
    assert world.focus.counters.participants_moved == 3
    world.remove("a")
    assert world.focus.counters.lost_bridges == 0


def test_a_bridge_that_only_drains_keeps_its_people(world: World) -> None:
    world.add("a")
    one = world.join("call")
    world.add("b")
    world.present("a", drain=True, graceful_shutdown=True)
    world.settle()
    assert world.bridge_of(one) == "a"
    assert world.bridge_of(world.join("other")) == "b"


def test_a_bridge_that_vanishes_is_lost_and_left(world: World) -> None:
    world.add("a", stress_level=0.0)
    one = world.join("call")
    world.add("b")
    world.remove("a")
    world.settle()
    assert world.bridge_of(one) == "b"
    assert world.focus.counters.lost_bridges == 1


def test_an_ill_bridge_is_left_and_not_used_for_a_minute(world: World) -> None:
    world.add("a", stress_level=0.0)
    one = world.join("call")
    world.add("b")
    world.do(world.focus.health(jid("a"), HealthAnswer.ILL, world.now))
    world.settle()
    assert world.bridge_of(one) == "b"
    world.pass_time(50)
    assert world.bridge_of(world.join("early")) == "b"
    world.pass_time(20)
    assert world.bridge_of(world.join("late")) == "a"


def test_a_silent_bridge_is_asked_twice_and_keeps_its_people(world: World) -> None:
    world.add("a", stress_level=0.0)
    one = world.join("call")
    world.add("b")
    world.do(world.focus.health(jid("a"), HealthAnswer.SILENCE, world.now))
    assert world.focus.bridges[jid("a")].operational(world.now)
    world.do(world.focus.health(jid("a"), HealthAnswer.SILENCE, world.now))
    assert not world.focus.bridges[jid("a")].operational(world.now)
    assert world.bridge_of(one) == "a"
    assert world.bridge_of(world.join("other")) == "b"


@pytest.mark.parametrize(
    ("refusal", "usable", "graceful"),
    [
        (Nothing.TIMEOUT, False, False),
        (Nothing.UNEXPECTED, False, False),
        (Colibri2Error(Condition.BAD_REQUEST), True, False),
        (Colibri2Error(Condition.CONFLICT), True, False),
        (Colibri2Error(Condition.INTERNAL_SERVER_ERROR), False, False),
        (Colibri2Error(Condition.SERVICE_UNAVAILABLE), False, False),
        (
            Colibri2Error(Condition.SERVICE_UNAVAILABLE, reason=Reason.GRACEFUL_SHUTDOWN),
            True,
            True,
        ),
        (
            Colibri2Error(Condition.ITEM_NOT_FOUND, reason=Reason.CONFERENCE_NOT_FOUND),
            True,
            False,
        ),
        (Colibri2Error(Condition.ITEM_NOT_FOUND), True, False),
    ],
)
def test_a_refused_allocation_is_judged_by_jicofos_table(
    world: World, refusal: Reply, usable: bool, graceful: bool
) -> None:
    world.add("a")
    world.bridges[jid("a")].refusal = refusal
    one = world.join("call")
    view = world.focus.bridges[jid("a")]
    assert view.operational(world.now) is usable
    assert view.graceful_shutdown is graceful
    assert world.bridge_of(one) is None
    assert isinstance(world.told[one][-1], signalling.Waiting)
    world.bridges[jid("a")].refusal = None
    world.pass_time(75)
    assert world.bridge_of(one) == "a", "the bridge is well again and takes whoever waits"


def test_an_endpoint_the_bridge_forgot_is_invited_again_alone(world: World) -> None:
    world.add("a")
    people = [world.join("call") for _ in range(2)]
    conference, endpoint = world.people[people[0]]
    (known,) = world.bridges[jid("a")].conferences.values()
    known.discard(endpoint)
    state = world.focus.conferences[conference]
    session = state.participants[endpoint].session_id
    answer = signalling.Answer(session_id=session, transport=CLIENT)
    world.do(world.focus.answered(conference, endpoint, answer))
    world.settle()
    assert endpoint in known
    assert len([m for m in world.told[people[0]] if isinstance(m, signalling.Offer)]) == 2
    assert len([m for m in world.told[people[1]] if isinstance(m, signalling.Offer)]) == 1


def test_the_last_to_leave_ends_the_conference(world: World) -> None:
    world.add("a")
    one, two = world.join("call"), world.join("call")
    world.do(world.focus.left(*world.people[one]))
    assert [m.removed for m in world.told[two] if isinstance(m, signalling.Sources)] == [(2, 3)]
    assert [e.id for e in world.requests[-1].request.endpoints]
    world.settle()
    world.do(world.focus.left(*world.people[two]))
    assert world.requests[-1].request.expire
    world.settle()
    assert not world.focus.conferences
    assert world.on("a") == 0
    assert world.focus.bridges[jid("a")].endpoints == 0


def test_whoever_comes_back_in_time_goes_on(world: World) -> None:
    world.add("a")
    one = world.join("call")
    conference, endpoint = world.people[one]
    session = world.focus.conferences[conference].participants[endpoint].session_id
    world.do(world.focus.hung_up(conference, endpoint, one, world.now))
    world.pass_time(10)
    back = world.join("call", endpoint_id=endpoint, session_id=session)
    assert isinstance(world.told[back][-1], signalling.Resumed)
    assert world.people[back] == (conference, endpoint)
    world.pass_time(60)
    assert world.bridge_of(back) == "a"


def test_whoever_stays_away_is_removed(world: World) -> None:
    world.add("a")
    one = world.join("call")
    world.do(world.focus.hung_up(*world.people[one], one, world.now))
    world.pass_time(signalling.RECONNECT_GRACE_SECONDS + 1)
    assert not world.focus.conferences
    assert world.on("a") == 0


def test_a_newer_connection_replaces_the_older(world: World) -> None:
    world.add("a")
    one = world.join("call")
    conference, endpoint = world.people[one]
    session = world.focus.conferences[conference].participants[endpoint].session_id
    world.join("call", endpoint_id=endpoint, session_id=session)
    assert one in world.closed
    world.do(world.focus.hung_up(conference, endpoint, one, world.now))
    world.pass_time(60)
    assert world.focus.conferences


def test_after_a_restart_of_the_focus_people_keep_their_ids(world: World) -> None:
    world.add("a")
    one = world.join("call", endpoint_id="deadbeef", session_id="old")
    assert world.people[one] == ("call", "deadbeef")
    assert world.bridge_of(one) == "a"


def test_restarts_are_granted_at_a_bounded_pace(world: World) -> None:
    world.add("a")
    one = world.join("call")
    who = world.people[one]

    def ask() -> None:
        session = world.focus.conferences[who[0]].participants[who[1]].session_id
        world.do(world.focus.restart(*who, session, world.now))
        world.settle()

    def offers() -> int:
        return len([m for m in world.told[one] if isinstance(m, signalling.Offer)])

    ask()
    assert offers() == 2
    ask()
    assert offers() == 2, "within five seconds it has to wait"
    world.pass_time(6)
    assert offers() == 3, "and then gets it by itself"
    assert world.on("a") == 1
    assert world.focus.bridges[jid("a")].restart_requests == 2


# -- moves ----------------------------------------------------------------------------------------


def do_move(world: World, what: str, **query: str) -> tuple[int, int]:
    reply, effects = move(world.focus, what, query, world.now)
    world.do(effects)
    world.settle()
    return reply.moved_endpoints, reply.conferences


def test_a_whole_conference_moves_and_a_part_lands_where_it_was(world: World) -> None:
    world.add("a", stress_level=0.0)
    people = [world.join("call") for _ in range(4)]
    world.add("b")
    world.present("a", drain=True)
    assert do_move(world, "move-endpoints", bridge="a", numEndpoints="3") == (3, 1)
    assert {world.bridge_of(one) for one in people} == {"a"}
    assert do_move(
        world,
        "move-endpoints",
        bridge=jid("a"),
        conference="call@muc.meet.jitsi",
        numEndpoints="99",
    ) == (4, 1)
    assert {world.bridge_of(one) for one in people} == {"b"}
    assert (world.on("a"), world.on("b")) == (0, 4)
    assert world.focus.counters.endpoints_moved == {"a": 7}
    assert world.focus.counters.participants_moved == 0


def test_a_fraction_comes_from_the_largest_conference(world: World) -> None:
    world.add("a")
    for _ in range(2):
        world.join("small")
    for _ in range(6):
        world.join("large")
    assert do_move(world, "move-fraction", bridge="a", fraction="0.5") == (4, 1)
    assert do_move(world, "move-fraction", bridge="a") == (1, 1)
    assert do_move(world, "move-fraction", bridge="a", fraction="1") == (8, 2)


def test_one_endpoint_moves_and_a_wrong_guard_holds_it(world: World) -> None:
    world.add("a")
    one = world.join("call")
    world.add("b", stress_level=0.9)
    room, endpoint = "call@muc.meet.jitsi", world.people[one][1]
    assert do_move(world, "move-endpoint", conference=room, endpoint=endpoint) == (1, 1)
    query = {"conference": room, "endpoint": endpoint, "bridge": "b"}
    assert do_move(world, "move-endpoint", **query) == (0, 0)
    assert do_move(world, "move-endpoint", conference=room, endpoint="nobody") == (0, 0)


@pytest.mark.parametrize(
    ("what", "query", "status"),
    [
        ("move-endpoints", {}, 400),
        ("move-endpoints", {"bridge": "nowhere"}, 404),
        ("move-endpoints", {"bridge": "a", "numEndpoints": "some"}, 400),
        ("move-endpoints", {"bridge": "a", "numEndpoints": "nan"}, 400),
        ("move-endpoints", {"bridge": "a", "numEndpoints": "0"}, 400),
        ("move-endpoints", {"bridge": "a", "conference": "x@y"}, 404),
        ("move-fraction", {"bridge": "a", "fraction": "2"}, 400),
        ("move-fraction", {"bridge": "a", "fraction": "nan"}, 400),
        ("move-endpoint", {"endpoint": "x"}, 400),
        ("move-endpoint", {"conference": "x@y", "endpoint": "x"}, 404),
        ("move-everything", {}, 404),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(
    world: World, what: str, query: dict[str, str], status: int
) -> None:
    world.add("a")
    with pytest.raises(MoveError) as caught:
        move(world.focus, what, query, world.now)
    assert caught.value.status == status


def test_hot_bridges_are_relieved_a_few_people_at_a_time(world: World) -> None:
    world.add("a", stress_level=0.0)
    calls = [[world.join(f"call{number}") for _ in range(7)] for number in range(2)]
    redistributor = Redistributor()
    world.do(redistributor.tick(world.focus, world.now))
    world.add("b", stress_level=0.95)
    world.present("a", stress_level=0.95)

    def a_minute_later() -> int:
        world.pass_time(60)
        before = redistributor.moved
        world.do(redistributor.tick(world.focus, world.now))
        world.settle()
        return redistributor.moved - before

    assert a_minute_later() == 0, "nowhere is it better"
    world.present("b", stress_level=0.1)
    assert a_minute_later() == 10
    assert [world.bridge_of(one) for one in calls[0]] == ["b"] * 7, "a whole call is placed afresh"
    assert [world.bridge_of(one) for one in calls[1]] == ["a"] * 7, "a part of one comes back"
    assert a_minute_later() == 0, "and then it is left alone for a while"
    assert a_minute_later() == 0
    assert a_minute_later() == 7


# -- reports --------------------------------------------------------------------------------------


def test_debug_and_stats_agree_with_who_is_where(world: World) -> None:
    from jitsiwire.jicofo import parse_debug, parse_stats

    world.add("a", region="eu")
    people = [world.join("call") for _ in range(2)]
    brief = parse_debug(debug(world.focus, world.now, full=False))
    full = parse_debug(debug(world.focus, world.now, full=True))
    assert brief.conferences["call@muc.meet.jitsi"].size == 2
    said = full.conferences["call@muc.meet.jitsi"]
    assert said.placements == {world.people[one][1]: "a" for one in people}
    assert full.bridges[jid("a")].endpoints == 2
    assert full.bridges[jid("a")].corrected_stress == pytest.approx(0.12)
    counted = parse_stats(stats(world.focus, world.now, "1"))
    assert (counted.participants, counted.conferences, counted.bridge_count) == (2, 1, 1)


# -- what always holds ----------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
CALLS = st.sampled_from(["red", "blue"])


class Anything(RuleBasedStateMachine):
    """Whatever happens, nobody is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            FocusSettings("secret", strategy=Strategy.REGION_BASED, health_checks=True)
        )
        self.here: list[int] = []

    @rule(name=NAMES, stress=st.floats(0, 1.2), drain=st.booleans(), graceful=st.booleans())
    def bridge_publishes(self, name: str, stress: float, drain: bool, graceful: bool) -> None:
        self.world.add(name, stress_level=stress, drain=drain, graceful_shutdown=graceful)

    @rule(name=NAMES)
    def bridge_shuts_down(self, name: str) -> None:
        if jid(name) in self.world.bridges:
            self.world.present(name, shutting_down=True)

    @rule(name=NAMES)
    def bridge_vanishes(self, name: str) -> None:
        self.world.remove(name)

    @rule(name=NAMES, answer=st.sampled_from(HealthAnswer))
    def bridge_is_examined(self, name: str, answer: HealthAnswer) -> None:
        self.world.do(self.world.focus.health(jid(name), answer, self.world.now))

    @rule(call=CALLS)
    def somebody_joins(self, call: str) -> None:
        self.here.append(self.world.join(call))

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def somebody_leaves(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.here))
        self.here.remove(one)
        self.world.do(self.world.focus.left(*self.world.people[one]))

    @rule(name=NAMES)
    def bridge_forgets_everything(self, name: str) -> None:
        if jid(name) in self.world.bridges:
            self.world.bridges[jid(name)].conferences.clear()

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def somebody_asks_for_a_restart(self, data: st.DataObject) -> None:
        who = self.world.people[data.draw(st.sampled_from(self.here))]
        session = self.world.focus.conferences[who[0]].participants[who[1]].session_id
        self.world.do(self.world.focus.restart(*who, session, self.world.now))

    @rule(name=NAMES)
    def operator_moves_all(self, name: str) -> None:
        if jid(name) in self.world.focus.bridges:
            _, effects = move(
                self.world.focus, "move-fraction", {"bridge": name, "fraction": "1"}, self.world.now
            )
            self.world.do(effects)

    @rule(seconds=st.floats(0.5, 70))
    def time_passes(self, seconds: float) -> None:
        self.world.settle()
        self.world.pass_time(seconds)

    @rule()
    def everything_settles(self) -> None:
        self.world.settle()
        self.world.pass_time(3)
        focus, now = self.world.focus, self.world.now
        usable = [v for v in focus.bridges.values() if v.operational(now) and not v.shutting_down]
        for conference in focus.conferences.values():
            versions_fit = bool(usable) and not (set(conference.sessions) - {v.jid for v in usable})
            for one in conference.participants.values():
                assert one.bridge is not None or one.stage is Stage.WAITING
                if versions_fit:
                    assert one.bridge is not None, "there is a bridge, so it is placed"

    @invariant()
    def nobody_is_forgotten(self) -> None:
        focus = self.world.focus
        present = {self.world.people[one] for one in self.here}
        known = {(c.name, one) for c in focus.conferences.values() for one in c.participants}
        assert known == present
        for conference in focus.conferences.values():
            assert conference.participants
            assert len(conference.sessions) <= 1, "no relays: one bridge a conference"
            placed = {one.bridge for one in conference.participants.values() if one.bridge}
            assert placed == set(conference.sessions)
            assert placed <= set(focus.bridges)
        for view in focus.bridges.values():
            there = sum(len(c.on(view.jid)) for c in focus.conferences.values())
            assert view.endpoints == there


TestAnything = Anything.TestCase
TestAnything.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)
