"""Jicofo's selection, rule by rule, and what holds for every strategy."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_view import Candidate
from jitsiwire.errors import LocalProtocolError
from jitsiwire.selection import (
    ConferenceBridge,
    Participant,
    SelectionSettings,
    Strategy,
    prefilter,
    select,
)

OCTO = SelectionSettings(multi_bridge=True)


def bridge(name: str, stress: float = 0.1, region: str | None = "eu", **changes: Any) -> Candidate:
    one = Candidate(
        jid=f"b@m/{name}",
        version="1",
        region=region,
        relay_id=name,
        stress=stress,
        overloaded=stress >= 0.8,
    )
    return replace(one, **changes)  # fields by name


def used(
    one: Candidate, participants: int = 2, recent: int = 0, visitor: bool = False
) -> ConferenceBridge:
    return ConferenceBridge(one, participants, visitor, recent)


def name(chosen: Candidate | None) -> str | None:
    return None if chosen is None else chosen.jid.removeprefix("b@m/")


def region_based(
    bridges: list[Candidate],
    conference: list[ConferenceBridge] | None = None,
    region: str | None = "eu",
    settings: SelectionSettings = OCTO,
) -> str | None:
    person = Participant(region)
    return name(select(Strategy.REGION_BASED, bridges, conference or [], person, settings))


# -- the pre-filter -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"operational": False}, ["b"]),
        ({"shutting_down": True}, ["b"]),
        ({"drain": True}, ["b"]),
        ({"graceful_shutdown": True}, ["b"]),
        ({}, ["a", "b"]),
    ],
)
def test_what_ends_or_drains_is_left_out_while_another_is_there(
    changes: dict[str, Any], kept: list[str]
) -> None:
    found = prefilter([bridge("a", **changes), bridge("b", 0.2)], [], OCTO)
    assert [name(one) for one in found] == kept


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"operational": False}, []),
        ({"shutting_down": True}, []),
        ({"drain": True}, ["a"]),
        ({"graceful_shutdown": True}, ["a"]),
        ({"drain": True, "graceful_shutdown": True}, ["a"]),
    ],
)
def test_the_last_bridge_is_used_though_it_drains(changes: dict[str, Any], kept: list[str]) -> None:
    assert [name(one) for one in prefilter([bridge("a", **changes)], [], OCTO)] == kept


def test_drain_counts_before_graceful_shutdown() -> None:
    """A gracefully ending bridge that doesn't drain goes before a draining one: Jicofo's order."""
    found = prefilter([bridge("a", drain=True), bridge("b", graceful_shutdown=True)], [], OCTO)
    assert [name(one) for one in found] == ["b"]


def test_candidates_are_sorted_by_class_then_load() -> None:
    found = prefilter(
        [bridge("c", 0.5), bridge("a", 0.9), bridge("b", 0.2)],
        [],
        OCTO,
    )
    assert [name(one) for one in found] == ["b", "c", "a"]
    assert bridge("x", 0.0, operational=False).rank > bridge("y", 9.0, graceful_shutdown=True).rank


def test_versions_are_never_mixed_in_a_conference() -> None:
    old, new = bridge("old", 0.7, version="1"), bridge("new", 0.1, version="2")
    assert (
        name(select(Strategy.REGION_BASED, [old, new], [used(old)], Participant("eu"), OCTO))
        == "old"
    )
    mixed = replace(OCTO, allow_mixed_versions=True, max_bridge_participants=1)
    assert (
        name(select(Strategy.REGION_BASED, [old, new], [used(old)], Participant("eu"), mixed))
        == "new"
    )


def test_a_pin_rules_a_new_conference_and_contradicts_an_old_one() -> None:
    old, new = bridge("old", 0.7, version="1"), bridge("new", 0.1, version="2")
    pinned = replace(OCTO, pinned_version="1")
    assert region_based([old, new], settings=pinned) == "old"
    assert region_based([old, new], [used(new)], settings=pinned) is None


# -- one bridge a conference ----------------------------------------------------------------------


def test_without_relays_a_conference_stays_where_it_is() -> None:
    hot = bridge("hot", 0.95, drain=True)
    cool = bridge("cool", 0.0)
    for strategy in (Strategy.SINGLE, Strategy.REGION_BASED, Strategy.INTRA_REGION):
        chosen = select(strategy, [hot, cool], [used(hot)], Participant("eu"), SelectionSettings())
        assert name(chosen) == "hot"


def test_a_conference_whose_bridge_failed_is_placed_afresh() -> None:
    failed = bridge("failed", operational=False)
    chosen = select(
        Strategy.SINGLE, [failed, bridge("b")], [used(failed)], Participant(), SelectionSettings()
    )
    assert name(chosen) == "b"


def test_single_looks_in_the_participants_region_first() -> None:
    bridges = [bridge("us", 0.1, "us"), bridge("eu", 0.9, "eu")]
    settings = SelectionSettings()
    for region, expected in (("eu", "eu"), ("us", "us"), ("asia", "us"), (None, "us")):
        chosen = select(Strategy.SINGLE, bridges, [], Participant(region), settings)
        assert name(chosen) == expected


def test_single_fails_when_a_conference_is_on_two() -> None:
    a, b = bridge("a"), bridge("b")
    assert select(Strategy.SINGLE, [a, b], [used(a), used(b)], Participant(), OCTO) is None


def test_a_second_bridge_needs_relays_on_both() -> None:
    a, b = bridge("a", 0.9), bridge("b", relay_id=None)
    assert region_based([a, b], [used(a)]) is None
    # The first bridge has none: the conference can't leave it.
    alone = bridge("alone", 0.9, relay_id=None)
    assert region_based([alone, bridge("b")], [used(alone)]) == "alone"


# -- split, region, intra-region, visitors --------------------------------------------------------


def test_split_spreads_and_then_evens_out() -> None:
    a, b = bridge("a", 0.1), bridge("b", 0.2)
    assert name(select(Strategy.SPLIT, [a, b], [used(a)], Participant(), OCTO)) == "b"
    both = [used(a, 3), used(b, 2)]
    assert name(select(Strategy.SPLIT, [a, b], both, Participant(), OCTO)) == "b"


def test_split_alone_does_not_switch_relays_on() -> None:
    a, b = bridge("a", 0.1), bridge("b", 0.2)
    assert select(Strategy.SPLIT, [a, b], [used(a)], Participant(), SelectionSettings()) is None


GROUPS = replace(OCTO, region_groups=(("eu", "uk"), ("us", "ca")))


@pytest.mark.parametrize(
    ("bridges", "on", "expected"),
    [
        # 1: in the conference, same region
        ([bridge("a", 0.7), bridge("b", 0.1)], ["a"], "a"),
        # 2: in the conference, same group
        ([bridge("a", 0.7, "uk"), bridge("b", 0.1, "us")], ["a"], "a"),
        # 3: anywhere in the region
        ([bridge("a", 0.9), bridge("b", 0.2), bridge("c", 0.1, "uk")], ["a"], "b"),
        # 4: anywhere in the group
        ([bridge("a", 0.9), bridge("b", 0.2, "uk"), bridge("c", 0.1, "us")], ["a"], "b"),
        # 5: in the conference, anywhere
        ([bridge("a", 0.3, "us"), bridge("b", 0.1, "ca")], ["a"], "a"),
        # 6: not overloaded, anywhere
        ([bridge("a", 0.9), bridge("b", 0.1, "us")], ["a"], "b"),
        # 7: all overloaded: least loaded of the conference
        ([bridge("a", 0.9), bridge("b", 0.85, "us")], ["a"], "a"),
        # 8: nothing else
        ([bridge("b", 0.9), bridge("c", 0.85)], [], "c"),
    ],
)
def test_the_rules_of_region_based_selection_in_order(
    bridges: list[Candidate], on: list[str], expected: str
) -> None:
    conference = [used(one) for one in bridges if name(one) in on]
    assert region_based(bridges, conference, settings=GROUPS) == expected


def test_a_full_bridge_is_left_for_another() -> None:
    a, b = bridge("a"), bridge("b", 0.2)
    assert region_based([a, b], [used(a, 79)]) == "a"
    assert region_based([a, b], [used(a, 80)]) == "b"
    assert (
        region_based([a, b], [used(a, 80)], settings=replace(OCTO, max_bridge_participants=-1))
        == "a"
    )


def test_a_burst_is_spread_by_the_limiter() -> None:
    a, b = bridge("a"), bridge("b", 0.2)
    limited = replace(OCTO, max_bridge_participants_per_interval=30)
    assert region_based([a, b], [used(a, 40, recent=29)], settings=limited) == "a"
    assert region_based([a, b], [used(a, 40, recent=30)], settings=limited) == "b"


def test_when_all_are_full_stress_alone_decides() -> None:
    a, b = bridge("a", 0.5), bridge("b", 0.3)
    assert region_based([a, b], [used(a, 80), used(b, 80)]) == "b"


def test_the_focus_own_region_draws_neighbours() -> None:
    local = replace(GROUPS, local_region="uk")
    bridges = [bridge("eu", 0.1, "eu"), bridge("uk", 0.2, "uk"), bridge("us", 0.05, "us")]
    assert region_based(bridges, region="eu", settings=local) == "uk"
    assert region_based(bridges, region="us", settings=local) == "us"
    assert region_based(bridges, region=None, settings=local) == "uk"
    assert region_based(bridges, region="asia", settings=local) == "uk"


def test_intra_region_stays_in_the_conferences_region() -> None:
    a, b, c = bridge("a", 0.9), bridge("b", 0.5), bridge("c", 0.1, "us")

    def intra(conference: list[ConferenceBridge], *bridges: Candidate) -> str | None:
        return name(select(Strategy.INTRA_REGION, bridges, conference, Participant("us"), OCTO))

    assert intra([], a, b, c) == "c"
    assert intra([used(a)], a, b, c) == "b"
    assert intra([used(a)], a, c) == "a"
    assert intra([used(b)], b, c) == "b"


def test_intra_region_begins_where_there_is_room() -> None:
    hot, far = bridge("hot", 0.9, "us"), bridge("far", 0.3, "eu")
    assert name(select(Strategy.INTRA_REGION, [hot, far], [], Participant("us"), OCTO)) == "far"


VISITORS = replace(
    OCTO, participant_strategy=Strategy.REGION_BASED, visitor_strategy=Strategy.REGION_BASED
)


def test_visitors_and_participants_keep_apart() -> None:
    a, b = bridge("a", 0.1), bridge("b", 0.3)
    guest, host = Participant("eu", visitor=True), Participant("eu")
    on_a = [used(a, 2)]
    assert name(select(Strategy.VISITOR, [a, b], on_a, guest, VISITORS)) == "b"
    assert name(select(Strategy.VISITOR, [a, b], on_a, host, VISITORS)) == "a"
    assert name(select(Strategy.VISITOR, [a], on_a, guest, VISITORS)) == "a"


def test_the_visitors_strategy_needs_one_for_each_class() -> None:
    with pytest.raises(LocalProtocolError, match="each class"):
        select(Strategy.VISITOR, [bridge("a")], [], Participant(), OCTO)


# -- what always holds ----------------------------------------------------------------------------

bridges_strategy = st.lists(
    st.builds(
        bridge,
        st.sampled_from("abcdef"),
        st.floats(0, 1.2),
        st.sampled_from(["eu", "us", None]),
        operational=st.booleans(),
        shutting_down=st.booleans(),
        graceful_shutdown=st.booleans(),
        drain=st.booleans(),
        version=st.sampled_from(["1", "2", None]),
        relay_id=st.sampled_from(["r", None]),
    ),
    max_size=6,
    unique_by=lambda one: one.jid,
)
settings_strategy = st.builds(
    SelectionSettings,
    multi_bridge=st.booleans(),
    allow_mixed_versions=st.booleans(),
    max_bridge_participants=st.sampled_from([-1, 1, 80]),
    max_bridge_participants_per_interval=st.sampled_from([-1, 1]),
    region_groups=st.sampled_from([(), (("eu", "us"),)]),
    local_region=st.sampled_from([None, "eu"]),
    participant_strategy=st.sampled_from([s for s in Strategy if s is not Strategy.VISITOR]),
    visitor_strategy=st.sampled_from([s for s in Strategy if s is not Strategy.VISITOR]),
)


@given(
    st.sampled_from(Strategy),
    bridges_strategy,
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 90), st.booleans()), max_size=3),
    st.builds(Participant, st.sampled_from(["eu", "asia", None]), st.booleans()),
    settings_strategy,
)
def test_only_usable_bridges_are_selected(
    strategy: Strategy,
    bridges: list[Candidate],
    joined: list[tuple[int, int, bool]],
    participant: Participant,
    settings: SelectionSettings,
) -> None:
    picks = {index: (count, visitor) for index, count, visitor in joined if index < len(bridges)}
    conference = [used(bridges[i], count, visitor=v) for i, (count, v) in picks.items()]
    chosen = select(strategy, bridges, conference, participant, settings)
    using = {entry.bridge.jid for entry in conference if entry.bridge.operational}
    if chosen is not None:
        assert chosen.operational
        assert chosen.jid in using or not chosen.shutting_down
        if using and chosen.jid not in using:
            assert settings.multi_bridge
    elif not conference:
        usable = [b for b in bridges if b.operational and not b.shutting_down]
        assert not usable, "a new conference finds a place wherever there is one"
