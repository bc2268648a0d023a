"""How a conference's bridges are linked: whatever comes and goes, each hears of all others once."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitsiwire.errors import LocalProtocolError
from jitsiwire.selection_topology import (
    CORE_MESH,
    Cascade,
    Link,
    Node,
    Topology,
    connect,
    remove,
)


def meshed(topology: Topology, *nodes: Node) -> Cascade:
    cascade = Cascade()
    for node in nodes:
        cascade, _ = connect(topology, cascade, node)
    return cascade


def pairs(cascade: Cascade) -> set[tuple[str, str, str]]:
    return {(link.first, link.second, link.mesh) for link in cascade.links}


def test_a_first_bridge_has_no_links() -> None:
    cascade, links = connect(Topology.SINGLE_MESH, Cascade(), Node("a"))
    assert links == ()
    assert cascade.nodes == (Node("a"),)


def test_a_new_bridge_is_linked_with_every_one_that_was_there() -> None:
    three = meshed(Topology.SINGLE_MESH, Node("a"), Node("b"), Node("c"))
    assert pairs(three) == {("a", "b", "0"), ("a", "c", "0"), ("b", "c", "0")}
    four, links = connect(Topology.SINGLE_MESH, three, Node("d"))
    assert links == (Link("a", "d", "0"), Link("b", "d", "0"), Link("c", "d", "0"))
    assert len(four.links) == 6


def test_a_relay_id_that_two_bridges_have_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="relay id 'a'"):
        connect(Topology.SINGLE_MESH, meshed(Topology.SINGLE_MESH, Node("a")), Node("a"))


def test_a_bridge_that_goes_takes_its_links_along() -> None:
    three = meshed(Topology.SINGLE_MESH, Node("a"), Node("b"), Node("c"))
    rest, added = remove(Topology.SINGLE_MESH, three, "a")
    assert added == ()
    assert pairs(rest) == {("b", "c", "0")}
    alone, _ = remove(Topology.SINGLE_MESH, rest, "b")
    assert alone == Cascade((Node("c"),))
    again, links = connect(Topology.SINGLE_MESH, alone, Node("a"))
    assert links == (Link("c", "a", "0"),)
    assert remove(Topology.SINGLE_MESH, again, "unknown") == (again, ())


def test_people_are_announced_only_over_the_link_they_come_by() -> None:
    three = meshed(Topology.SINGLE_MESH, Node("a"), Node("b"), Node("c"))
    assert three.behind(CORE_MESH, "a") == ("a",)
    assert sorted(three.paths("a")) == [("b", "a"), ("c", "a")]


def visitors(*nodes: Node) -> Cascade:
    return meshed(Topology.VISITORS, *nodes)


CORE = (Node("a", region="eu", stress=0.1), Node("b", region="us", stress=0.2))


def test_visitors_bridges_hang_on_one_bridge_by_a_mesh_of_their_own() -> None:
    cascade = visitors(*CORE, Node("v", visitor=True, region="us"), Node("w", True, "eu"))
    assert pairs(cascade) == {("a", "b", "0"), ("b", "v", "1"), ("a", "w", "2")}
    assert cascade.distance("a") == 0
    assert cascade.distance("v") == 1


def test_what_is_on_visitors_bridges_passes_through_the_core() -> None:
    cascade = visitors(*CORE, Node("v", visitor=True, region="us"))
    assert sorted(cascade.paths("v")) == [("a", "b"), ("b", "v")]
    assert sorted(cascade.paths("a")) == [("b", "a"), ("v", "b")]
    assert set(cascade.behind(CORE_MESH, "b")) == {"b", "v"}
    assert set(cascade.behind("1", "b")) == {"b", "a"}


def contact(region: str, *among: Node) -> str:
    """Whom a new visitors' bridge of a region is linked with."""
    cascade = Cascade(among, (Link("a", "b", CORE_MESH),))
    _, (link,) = connect(Topology.VISITORS, cascade, Node("v", visitor=True, region=region))
    return link.first


def test_a_contact_is_free_and_near_then_free_then_near() -> None:
    hot_us = Node("b", region="us", stress=0.9, overloaded=True)
    hot_eu = Node("a", region="eu", stress=0.8, overloaded=True)
    assert contact("us", *CORE) == "b"
    assert contact("us", CORE[0], hot_us) == "a"
    assert contact("us", hot_eu, hot_us) == "b"
    assert contact("asia", hot_eu, hot_us) == "a"
    assert contact("asia", *CORE) == "a"


def test_a_contact_in_the_core_is_preferred_to_one_around_it() -> None:
    first = visitors(*CORE, Node("v", visitor=True, region="us", stress=0.0))
    more, links = connect(Topology.VISITORS, first, Node("w", visitor=True, region="us"))
    assert links == (Link("b", "w", "2"),)
    assert more.meshes == 2


def test_parts_that_lost_the_bridge_between_them_are_joined_anew() -> None:
    cascade = visitors(*CORE, Node("v", visitor=True, region="us"), Node("w", True, "us"))
    rest, added = remove(Topology.VISITORS, cascade, "b")
    assert added == (Link("v", "a", "3"), Link("w", "a", "4"))
    assert pairs(rest) == {("v", "a", "3"), ("w", "a", "4")}


def test_without_a_core_the_rest_still_hangs_together() -> None:
    cascade = visitors(CORE[0], Node("v", True, "eu"), Node("w", True, "eu"))
    rest, added = remove(Topology.VISITORS, cascade, "a")
    assert [(link.first, link.second) for link in added] == [("w", "v")]
    assert rest.distance("v") is None


# -- what always holds ----------------------------------------------------------------------------


def reached_once(cascade: Cascade) -> None:
    """From every bridge, everything reaches every other exactly once."""
    everyone = {node.relay_id for node in cascade.nodes}
    for one in everyone:
        there = [here for here, _ in cascade.paths(one)]
        assert sorted(there) == sorted(everyone - {one})


def meshes_are_whole(cascade: Cascade) -> None:
    """Within a mesh each is linked with each, once."""
    for mesh in {link.mesh for link in cascade.links}:
        links = [link for link in cascade.links if link.mesh == mesh]
        members = {end for link in links for end in (link.first, link.second)}
        linked = [frozenset((link.first, link.second)) for link in links]
        assert len(linked) == len(set(linked))
        assert set(linked) == {frozenset(pair) for pair in combinations(members, 2)}


steps = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.booleans(),
        st.sampled_from(["eu", "us", None]),
        st.floats(0, 1),
        st.booleans(),
    ),
    max_size=24,
)


@settings(deadline=None)
@given(st.sampled_from(Topology), steps)
def test_whatever_comes_and_goes_each_bridge_hears_all_others_once(
    topology: Topology, moves: list[tuple[str, bool, str | None, float, bool]]
) -> None:
    """Each move brings a bridge that isn't there, or takes away one that is."""
    cascade = Cascade()
    for relay_id, visitor, region, stress, overloaded in moves:
        before = cascade
        if cascade.node(relay_id) is None:
            node = Node(relay_id, visitor, region, stress, overloaded)
            cascade, added = connect(topology, cascade, node)
            assert set(before.links) <= set(cascade.links)
        else:
            cascade, added = remove(topology, cascade, relay_id)
            assert cascade.node(relay_id) is None
        assert set(added) <= set(cascade.links)
        reached_once(cascade)
        meshes_are_whole(cascade)


@settings(deadline=None)
@given(st.integers(1, 8))
def test_a_single_mesh_links_every_pair_in_mesh_0(count: int) -> None:
    cascade = meshed(Topology.SINGLE_MESH, *(Node(str(n)) for n in range(count)))
    assert len(cascade.links) == count * (count - 1) // 2
    assert {link.mesh for link in cascade.links} <= {CORE_MESH}


@settings(deadline=None)
@given(steps)
def test_both_ends_of_a_link_announce_everybody_between_them(
    moves: list[tuple[str, bool, str | None, float, bool]],
) -> None:
    cascade = Cascade()
    for relay_id, visitor, region, stress, overloaded in moves:
        if cascade.node(relay_id) is None:
            node = Node(relay_id, visitor, region, stress, overloaded)
            cascade, _ = connect(Topology.VISITORS, cascade, node)
    for link in cascade.links:
        near = cascade.behind(link.mesh, link.first)
        far = cascade.behind(link.mesh, link.second)
        assert not set(near) & set(far)
        if sum(one.mesh == link.mesh for one in cascade.links) == 1:
            assert len(near) + len(far) == len(cascade.nodes)
