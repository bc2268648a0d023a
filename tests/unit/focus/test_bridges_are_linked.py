"""A conference on several bridges: links made, told of everybody, and taken away again."""

import json

import pytest
from tests.unit.focus.focus_world import FakeRelay, World, jid

from jitsiwire.colibri2 import Colibri2Error, Condition
from jitsiwire.selection import SelectionSettings, Strategy
from octoload import signalling
from octoload.focus import browsers, reports
from octoload.focus.moves import move
from octoload.focus.replies import Nothing
from octoload.focus.settings import FocusSettings


def octo(strategy: Strategy = Strategy.SPLIT, **more: int) -> World:
    selection = SelectionSettings(
        multi_bridge=True, max_bridge_participants=more.get("max_bridge_participants", 80)
    )
    return World(FocusSettings("secret", strategy=strategy, selection=selection))


def three_bridges(world: World) -> None:
    for name in "abc":
        world.add(name, relay_id=f"relay-{name}", region=name)


def relays(world: World, name: str) -> dict[str, FakeRelay]:
    """A bridge's relays of the only conference."""
    (conference,) = world.focus.conferences.values()
    return world.bridges[jid(name)].relays.get(conference.meeting_id, {})


def test_a_conference_on_three_bridges_is_a_full_mesh() -> None:
    world = octo()
    three_bridges(world)
    people = [world.join("call") for _ in range(6)]
    assert sorted(str(world.bridge_of(one)) for one in people) == ["a", "a", "b", "b", "c", "c"]
    for name in "abc":
        found = relays(world, name)
        assert set(found) == {f"relay-{other}" for other in "abc" if other != name}
        assert all(len(relay.endpoints) == 2 for relay in found.values())


def test_who_was_there_first_connects() -> None:
    world = octo()
    three_bridges(world)
    world.join("call")
    world.join("call")
    (first,), (second,) = relays(world, "a").values(), relays(world, "b").values()
    assert first.made.mesh_id == second.made.mesh_id == "0"
    assert first.made.transport is not None
    assert second.made.transport is not None
    assert first.made.transport.ice_controlling
    assert first.made.transport.use_unique_port
    assert not second.made.transport.ice_controlling
    assert not second.made.transport.use_unique_port
    assert str(first.made.transport.sctp and first.made.transport.sctp.role) == "client"
    assert str(second.made.transport.sctp and second.made.transport.sctp.role) == "server"
    assert (first.setup, second.setup) == ("active", "passive")


def test_what_people_send_is_told_to_the_other_bridges() -> None:
    world = octo()
    three_bridges(world)
    one = world.people[world.join("call")][1]
    world.join("call")
    (seen,) = relays(world, "b").values()
    assert seen.endpoints == {one: (f"{one}-a0", f"{one}-v0")}
    third = world.people[world.join("call")][1]
    assert relays(world, "a")["relay-c"].endpoints == {third: (f"{third}-a0", f"{third}-v0")}


def test_a_browser_that_publishes_more_is_told_of() -> None:
    world = octo()
    three_bridges(world)
    world.join("call")
    one = world.join("call", wishes=signalling.Wishes())
    name, endpoint = world.people[one]
    session = world.focus.conferences[name].participants[endpoint].session_id
    screen = signalling.SourceDescription(kind="video", video_type="desktop", ssrcs=(77,))
    publish = signalling.Publish(session_id=session, sources=(screen,))
    world.do(browsers.take(world.focus, (name, endpoint), publish))
    world.settle()
    assert relays(world, "a")["relay-b"].endpoints == {endpoint: (f"{endpoint}-v0",)}


def test_who_leaves_is_gone_from_the_other_bridges() -> None:
    world = octo()
    three_bridges(world)
    people = [world.join("call") for _ in range(4)]
    world.do(world.focus.left(*world.people[people[3]]))
    world.settle()
    assert list(relays(world, "b")["relay-a"].endpoints) == [world.people[people[0]][1]]


def test_the_last_one_on_a_bridge_takes_its_links_along() -> None:
    world = octo()
    three_bridges(world)
    people = [world.join("call") for _ in range(3)]
    world.do(world.focus.left(*world.people[people[1]]))
    world.settle()
    assert set(relays(world, "a")) == {"relay-c"}
    assert set(relays(world, "c")) == {"relay-a"}
    assert not world.bridges[jid("b")].conferences
    (conference,) = world.focus.conferences.values()
    assert [link.other("relay-a") for link in conference.cascade.links] == ["relay-c"]


def test_people_of_a_bridge_that_died_go_on_elsewhere() -> None:
    world = octo(Strategy.REGION_BASED)
    three_bridges(world)
    people = {region: world.join("call", region=region) for region in "abc"}
    assert {region: world.bridge_of(one) for region, one in people.items()} == {
        "a": "a",
        "b": "b",
        "c": "c",
    }
    world.remove("b")
    world.settle()
    assert world.bridge_of(people["b"]) in ("a", "c")
    assert world.bridge_of(people["a"]) == "a"
    assert len([m for m in world.told[people["a"]] if isinstance(m, signalling.Offer)]) == 1
    assert set(relays(world, "a")) == {"relay-c"}
    there = {e for n in "ac" for r in relays(world, n).values() for e in r.endpoints}
    assert there == {world.people[one][1] for one in people.values()}


def test_a_bridge_that_comes_back_is_linked_again() -> None:
    world = octo(Strategy.REGION_BASED)
    three_bridges(world)
    people = {region: world.join("call", region=region) for region in "ab"}
    world.remove("b")
    world.settle()
    world.add("b", relay_id="relay-b", region="b")
    late = world.join("call", region="b")
    assert world.bridge_of(late) == "b"
    assert set(relays(world, "a")) == {"relay-b"}
    assert set(relays(world, "b")) == {"relay-a"}
    assert set(relays(world, "b")["relay-a"].endpoints) == {
        world.people[one][1] for one in people.values()
    }


def test_a_full_bridge_spills_over_to_another() -> None:
    world = octo(Strategy.REGION_BASED, max_bridge_participants=2)
    world.add("a", relay_id="relay-a", stress_level=0.0, region="eu")
    world.add("b", relay_id="relay-b", stress_level=0.5, region="eu")
    people = [world.join("call", region="eu") for _ in range(4)]
    assert [world.bridge_of(one) for one in people] == ["a", "a", "b", "b"]
    assert len(relays(world, "a")["relay-b"].endpoints) == 2


def test_a_draining_bridges_people_are_moved_off_it_one_by_one() -> None:
    world = octo(Strategy.REGION_BASED)
    world.add("a", relay_id="relay-a", stress_level=0.0)
    people = [world.join("call") for _ in range(4)]
    world.add("b", relay_id="relay-b")
    world.present("a", drain=True, relay_id="relay-a")
    for left in (3, 2, 1, 0):
        call = {"bridge": "a", "numEndpoints": "1"}
        reply, effects = move(world.focus, "move-endpoints", call, world.now)
        assert reply.moved_endpoints == 1
        world.do(effects)
        world.settle()
        assert world.on("a") == left
        assert world.on("b") == 4 - left
    assert {world.bridge_of(one) for one in people} == {"b"}
    assert not world.bridges[jid("a")].conferences
    assert relays(world, "b") == {}


@pytest.mark.parametrize("shared", ["relay-a", None])
def test_bridges_that_cannot_be_linked_take_no_second_part(shared: str | None) -> None:
    """Without a relay id, or with one that two bridges have."""
    world = octo()
    world.add("a", relay_id="relay-a", stress_level=0.0)
    world.add("b", relay_id=shared)
    first, second = world.join("call"), world.join("call")
    assert world.bridge_of(first) == "a"
    assert world.bridge_of(second) is None
    assert isinstance(world.told[second][-1], signalling.Waiting)
    assert world.bridge_of(world.join("another")) is not None


def test_without_octo_a_conference_stays_on_one_bridge() -> None:
    world = World(FocusSettings("secret", strategy=Strategy.REGION_BASED))
    three_bridges(world)
    people = [world.join("call", region=region) for region in "abc"]
    assert len({world.bridge_of(one) for one in people}) == 1


@pytest.mark.parametrize(
    "refusal", [Colibri2Error(Condition.FEATURE_NOT_IMPLEMENTED), Nothing.TIMEOUT]
)
def test_a_bridge_that_makes_no_relays_is_done_without_for_a_minute(
    refusal: Colibri2Error | Nothing,
) -> None:
    world = octo()
    world.add("a", relay_id="relay-a", stress_level=0.0)
    world.add("b", relay_id="relay-b")
    world.bridges[jid("b")].relay_refusal = refusal
    people = [world.join("call") for _ in range(3)]
    assert {world.bridge_of(one) for one in people} == {"a"}
    assert relays(world, "a") == {}
    assert world.focus.bridges[jid("b")].operational(world.now), "other calls go there"
    world.bridges[jid("b")].relay_refusal = None
    world.pass_time(61)
    assert world.bridge_of(world.join("call")) == "b"
    assert set(relays(world, "a")) == {"relay-b"}


def test_when_no_bridge_makes_relays_everyone_ends_up_on_one() -> None:
    world = octo()
    three_bridges(world)
    for bridge in world.bridges.values():
        bridge.relay_refusal = Colibri2Error(Condition.FEATURE_NOT_IMPLEMENTED)
    people = [world.join("call") for _ in range(4)]
    assert len({world.bridge_of(one) for one in people}) == 1
    assert None not in {world.bridge_of(one) for one in people}


def test_debug_shows_every_bridge_and_its_links() -> None:
    world = octo()
    three_bridges(world)
    for _ in range(3):
        world.join("call")
    (conference,) = world.focus.conferences.values()
    said = json.loads(json.dumps(reports.conference_debug(world.focus, conference, world.now)))
    assert said["conference_properties"] == {"bridge-count": "3"}
    sessions = said["colibri_session_manager"]["sessions"]
    assert list(sessions) == ["a", "b", "c"]
    assert list(sessions["b"]["relays"]) == ["relay-a", "relay-c"]
    assert sessions["b"]["relays"]["relay-c"] == {
        "id": "relay-c",
        "use_unique_port": True,
        "ice_controlling": True,
        "dtls_setup": "active",
        "bridge_channel_active": True,
        "sctp_bridge_channel": True,
        "mesh_id": "0",
    }
