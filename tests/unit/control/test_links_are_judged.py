"""Links between bridges: what should be, what is, and what is said of it."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from octofleet.api.clusters import JitsiCluster, SelectionStrategy
from octofleet.api.effective import effective_cluster
from octofleet.api.status import ConditionStatus, LinkStatus
from octofleet.core import links, nearness, reporting
from octofleet.core.clusterwide import Whole
from octofleet.core.conditions import Reason
from octofleet.core.links import End, Linking, Person, Wanted
from octofleet.core.meshing import Mesh, Place, mesh_of
from octofleet.core.observation import Conference, Timestamp
from octofleet.shell import jicofo, linkwatch

NOW = Timestamp(1_700_000_000.0)
CLUSTER = effective_cluster(
    JitsiCluster.model_validate({"metadata": {"name": "meet"}, "spec": {"domain": "m.example"}})
)
WORLD = mesh_of(CLUSTER, [Place("eu", "west"), Place("us", "west"), Place("asia")])
REGIONS = {"eu-0-x": "eu", "us-0-x": "us", "asia-0-x": "asia"}
WANTED = (Wanted("m1", ("eu-0-x", "us-0-x")),)
UP = (
    End("m1", "eu-0-x", "us-0-x", True, 0.081, 0.01),
    End("m1", "us-0-x", "eu-0-x", True, 0.083, 0.03),
)


def seen(**fields: Any) -> Linking:
    return replace(Linking(at=NOW, regions=REGIONS, wanted=WANTED, ends=UP), **fields)


def reason(linking: Linking | None, mesh: Mesh = WORLD) -> Reason:
    verdict = links.meshed(mesh, linking)
    assert verdict is not None
    return verdict.reason


def test_without_relays_nothing_is_said_of_links() -> None:
    assert links.meshed(mesh_of(CLUSTER, [Place("eu")]), seen()) is None
    assert links.meshed(None, seen()) is None


def test_a_link_is_there_when_both_ends_say_so() -> None:
    assert links.broken_pairs(WANTED, UP, frozenset()) == frozenset()
    assert reason(seen()) is Reason.ALL_LINKED


@pytest.mark.parametrize("ends", [(), UP[:1], (UP[0], replace(UP[1], connected=False))])
def test_one_end_that_denies_it_is_enough_for_a_link_to_be_broken(ends: Any) -> None:
    assert links.broken_pairs(WANTED, ends, frozenset()) == {("eu-0-x", "us-0-x")}


def test_an_end_that_cant_be_asked_is_unknown_and_not_broken() -> None:
    assert links.broken_pairs(WANTED, UP[:1], frozenset({"us-0-x"})) == frozenset()
    both = frozenset({"us-0-x", "eu-0-x"})
    assert links.broken_pairs(WANTED, (), both) == frozenset()
    assert reason(seen(ends=(), silent=both)) is Reason.BRIDGES_SILENT


def test_a_link_gets_a_moment_to_come_up_and_then_the_pair_is_named() -> None:
    pair = ("eu-0-x", "us-0-x")
    assert reason(seen(since={pair: NOW - 14})) is Reason.LINKING
    verdict = links.meshed(WORLD, seen(since={pair: NOW - 15}))
    assert verdict is not None
    assert (verdict.status, verdict.reason) == (ConditionStatus.FALSE, Reason.LINK_BROKEN)
    assert "eu-0-x (eu) and us-0-x (us)" in verdict.message


def test_bridges_without_a_relay_id_are_named() -> None:
    verdict = links.meshed(WORLD, seen(without_id=("eu-0-x",)))
    assert verdict is not None
    assert verdict.reason is Reason.RELAY_ID_MISSING
    assert "eu-0-x have no relay id" in verdict.message


def test_without_jicofo_links_are_unknown() -> None:
    assert reason(None) is Reason.JICOFO_UNREACHABLE


def test_nothing_to_link_is_fine() -> None:
    assert reason(seen(wanted=(), ends=())) is Reason.NOTHING_TO_LINK


def test_round_trip_and_loss_are_told_by_pair_of_regions() -> None:
    inside = End("m2", "eu-0-x", "eu-0-x", False)
    told = tuple(links.link_status(one) for one in links.between(seen(ends=(*UP, inside))))
    assert told == (
        LinkStatus(first="eu", second="eu", links=1, connected=0),
        LinkStatus(first="eu", second="us", links=1, connected=1, rtt="82ms", loss="2.00%"),
    )


def test_a_cluster_tells_links_and_conditions_and_keeps_them_while_they_stand() -> None:
    first = reporting.cluster_status(CLUSTER, Whole(True, "", WORLD, (), seen()), None, NOW)
    later = reporting.cluster_status(
        CLUSTER, Whole(True, "", WORLD, (), seen()), first, Timestamp(NOW + 60)
    )
    assert later == first
    told = {each.type for each in first.conditions}
    assert told == {"Ready", "Progressing", "Meshed", "Near", "Regional", "Apart"}
    assert [(each.first, each.second) for each in first.links] == [("eu", "us")]


def near(*people: Person, mesh: Mesh = WORLD) -> Reason | None:
    verdict = nearness.near(mesh, seen(people=people))
    return None if verdict is None else verdict.reason


def test_where_people_are_is_judged_only_where_there_are_regions() -> None:
    people = [Person("eu", "eu")] * 3
    alone = seen(people=people, regions={"eu-0-x": "eu", "eu-1-x": "eu"})
    assert nearness.near(mesh_of(CLUSTER, [Place("eu")]), alone) is None
    assert near() is Reason.NOBODY_THERE
    assert near(*people) is Reason.PEOPLE_NEAR


def test_a_region_elsewhere_is_judged_once_jicofo_sees_its_bridges() -> None:
    home = mesh_of(CLUSTER, [Place("eu")])
    people = [Person("us", "eu")] * 3
    verdict = nearness.near(home, seen(people=people, regions={"eu-0-x": "eu", "us-0-x": "us"}))
    assert verdict is not None
    assert verdict.reason is Reason.PEOPLE_FAR_AWAY
    assert nearness.near(home, seen(people=people, regions={"eu-0-x": "eu"})) is None


def test_people_are_counted_by_the_region_of_their_bridges() -> None:
    one, two = Conference("a", 3), Conference("b", 4)
    bridge = jicofo.JicofoBridge(True, False, False, False, 0.1, "1", region="us")
    view = jicofo.JicofoView(
        NOW,
        {
            "x": bridge,
            "y": bridge,
            "z": replace(bridge, region="asia"),
            "old": replace(bridge, region=None),
        },
        {"x": (one, two), "y": (one,), "old": (two,)},
    )
    assert view.people_by_region() == {"us": 10, "asia": 0}


def test_a_region_of_the_same_group_is_near_and_one_without_bridges_has_nobody_far() -> None:
    assert near(*[Person("eu", "us")] * 3) is Reason.PEOPLE_NEAR
    assert near(*[Person("africa", "us")] * 3) is Reason.PEOPLE_NEAR


def test_some_may_be_far_away_but_not_many() -> None:
    home, far = Person("asia", "asia"), Person("asia", "eu")
    assert near(*[home] * 8, far, far) is Reason.PEOPLE_NEAR
    assert near(*[home] * 7, far, far, far) is Reason.PEOPLE_FAR_AWAY


@pytest.mark.parametrize(
    ("mesh", "fix"),
    [
        (replace(WORLD, relays=False), "octo.relays is Disabled"),
        (replace(WORLD, strategy=SelectionStrategy.INTRA_REGION), "controller.jicofo.strategy"),
        (WORLD, "autoscaling.maxBridges"),
    ],
)
def test_the_fix_fits_the_cause(mesh: Mesh, fix: str) -> None:
    verdict = nearness.near(mesh, seen(people=[Person("asia", "eu")] * 3))
    assert verdict is not None
    assert "those of asia on eu" in verdict.message
    assert fix in verdict.message


def test_clients_that_tell_no_region_are_noticed() -> None:
    assert near(*[Person(None, "eu")] * 3) is Reason.REGION_NOT_TOLD


def room(**sessions: Any) -> Any:
    members = {"a": {"region": "eu"}, "b": {"region": "null"}}
    return {
        "meeting_id": "m1",
        "chat_room": {"members": members},
        "colibri_session_manager": {
            "participants": {"a": {"bridge": "eu-0-x"}, "b": {"bridge": "us-0-x"}},
            "sessions": sessions,
        },
    }


async def test_jicofos_debug_says_what_should_be_linked_by_nickname() -> None:
    debug = {
        "bridge_selector": {
            "bridge": {
                "room@muc/eu-0-x": {"operational": True, "region": "eu", "relay-id": "r-eu"},
                "room@muc/us-0-x": {"operational": True, "region": "us", "relay-id": "null"},
            }
        },
        "focus_manager": {
            "call@muc": room(
                **{"eu-0-x": {"relays": {"us-0-x": {}}}, "us-0-x": {"relays": {"r-eu": {}}}}
            )
        },
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=debug))
    async with httpx.AsyncClient(transport=transport) as http:
        view = await jicofo.JicofoClient(http).view("http://jicofo", NOW)
    assert view.links == WANTED
    assert [(each.region, each.bridge) for each in view.people] == [
        ("eu", "eu-0-x"),
        (None, "us-0-x"),
    ]
    assert view.bridges["us-0-x"].relay_id is None


def test_a_bridge_that_doesnt_tell_how_its_links_are_counts_as_silent() -> None:
    ends_in = linkwatch._ends_in  # pyright: ignore[reportPrivateUsage] - a total reader
    relay = {"connected": True, "rtt_ms": 81.0, "incoming_loss": 0.5}
    told = {"conferences": {"c": {"meeting_id": "m1", "relays": {"us-0-x": relay}}}}
    assert ends_in("eu-0-x", told) == (End("m1", "eu-0-x", "us-0-x", True, 0.081, 0.5),)
    stock = {"conferences": {"c": {"meeting_id": "m1", "relays": {"us-0-x": {"id": "r"}}}}}
    assert ends_in("eu-0-x", stock) is None
    odd = {"connected": True, "rtt_ms": -1, "incoming_loss": 7}
    told["conferences"]["c"]["relays"] = {"us-0-x": odd}  # pyright: ignore[reportArgumentType]
    assert ends_in("eu-0-x", told) == (End("m1", "eu-0-x", "us-0-x", True),)
    assert ends_in("eu-0-x", {"conferences": []}) == ()
