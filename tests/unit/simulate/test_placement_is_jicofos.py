"""The fast index places people exactly as Jicofo's own rules do."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from jitsiwire import selection
from jitsiwire.bridge_view import BridgeConfig, BridgeView
from jitsiwire.selection import ConferenceBridge, Participant, SelectionSettings, Strategy
from jitsiwire.stats import BridgeStats
from octofleet.simulate.bridges import Call, Fleet, SimBridge
from octofleet.simulate.media import MEDIA, costs
from octofleet.simulate.moving import Mover
from octofleet.simulate.placement import Placement

REGIONS = ("eu", "us", "ap")
GROUPS = (("eu", "us"),)
PERIOD = 5.0
CAPACITY = 4000.0


@dataclass
class Twin:
    """A fleet twice: as arrays, and as the views that Jicofo would have."""

    fleet: Fleet
    views: dict[str, BridgeView]
    bridges: list[SimBridge]
    told: dict[str, float]

    def presence(self, until: float) -> None:
        """Have the views hear what bridges tell up to a moment."""
        for bridge in self.bridges:
            tick = until - (until - bridge.phase) % PERIOD
            if tick <= self.told[bridge.name]:
                continue
            # Nothing has changed since the last event, so what it tells is what it has now.
            self.told[bridge.name] = tick
            stats = BridgeStats(
                stress_level=bridge.stress,
                average_participant_stress=0.013,
                drain=bridge.told_draining,
                version=bridge.version,
                region=REGIONS[bridge.region],
                relay_id=bridge.name,
                graceful_shutdown=bridge.graceful,
            )
            self.views[bridge.name] = self.views[bridge.name].seen(stats, tick)


def twin(kinds: list[tuple[int, float, bool, bool, bool]]) -> Twin:
    fleet = Fleet(PERIOD)
    bridges: list[SimBridge] = []
    for number, (region, phase, old, drains, graceful) in enumerate(kinds):
        bridge = SimBridge(
            f"b{number}", f"u{number}", region, 0, "n", -1, 0.0, 0.0, CAPACITY, 0.01, phase
        )
        bridge.version = "1" if old else "2"
        bridge.told_draining, bridge.graceful, bridge.registered = drains, graceful, True
        fleet.add(bridge, 0.013)
        bridges.append(bridge)
    fleet.changes_of_membership += 1
    views = {each.name: BridgeView.create(each.name, BridgeConfig()) for each in bridges}
    return Twin(fleet, views, bridges, {each.name: -1.0 for each in bridges})


kinds = st.tuples(
    st.integers(0, 2),
    st.sampled_from([0.0, 0.5, 1.25, 3.75]),
    st.booleans(),
    st.sampled_from([False, False, True]),
    st.sampled_from([False, False, False, True]),
)
joins = st.tuples(st.integers(0, 4), st.integers(0, 2), st.sampled_from([0.0, 0.25, 2.5, 7.0]))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(kinds, min_size=1, max_size=7),
    st.lists(joins, min_size=1, max_size=120),
    st.sampled_from([Strategy.REGION_BASED, Strategy.SINGLE, Strategy.INTRA_REGION]),
    st.booleans(),
    st.sampled_from([3, 80]),
)
def test_every_join_goes_where_jicofo_puts_it(
    bridges: list[tuple[int, float, bool, bool, bool]],
    people: list[tuple[int, int, float]],
    strategy: Strategy,
    relays: bool,
    most: int,
) -> None:
    # With one strategy a meeting can't have two bridges; Jicofo refuses the second.
    relays = relays and strategy is not Strategy.SINGLE
    world = twin(bridges)
    rules = SelectionSettings(
        multi_bridge=relays, max_bridge_participants=most, region_groups=GROUPS
    )
    placement = Placement(world.fleet, REGIONS, strategy, rules)
    mover = Mover(world.fleet, placement, lambda _: None)
    calls = [Call(n, costs(MEDIA["meeting"])) for n in range(5)]
    now = 10.0
    for index, region, wait in people:
        now += wait
        world.presence(now)
        call = calls[index]
        candidates = [world.views[each.name].candidate(now) for each in world.bridges]
        known = {each.jid: each for each in candidates}
        using = [
            ConferenceBridge(known[each.bridge.name], each.people)
            for each in call.shares
            if each.bridge is not None
        ]
        expected = selection.select(
            strategy, candidates, using, Participant(REGIONS[region]), rules
        )
        found = placement.choose(call, region, now)
        assert (found and found.name) == (expected and expected.jid)
        if found is not None:
            mover.seat(call, found, now)
            world.views[found.name] = world.views[found.name].endpoint_added(now)
