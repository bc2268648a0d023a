"""The focus' core against a world of simple bridges: everyone is placed, or waits, or is moved."""

import pytest
from tests.unit.focus.focus_world import CLIENT, World, jid

from jitsiwire.colibri2 import (
    Colibri2Error,
    Condition,
    Reason,
)
from octoload import signalling
from octoload.focus.doctor import HealthAnswer
from octoload.focus.placement import RETRY_SECONDS
from octoload.focus.replies import Nothing, Reply


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


@pytest.mark.parametrize("before", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_who_waits_for_a_bridge_that_was_ill_is_placed_as_soon_as_it_may_be_used(
    world: World, before: float
) -> None:
    """However shortly before that they came; published again, the bridge is no new one."""
    world.add("a")
    world.do(world.focus.health(jid("a"), HealthAnswer.ILL, world.now))
    usable = world.now + world.settings.bridge.failure_reset_threshold
    world.pass_time(usable - before - world.now)
    world.add("a")
    one = world.join("call")
    assert world.focus.bridges[jid("a")].operational(world.now) is (before == 0.0)
    world.pass_time(before + RETRY_SECONDS)
    assert world.bridge_of(one) == "a"


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
