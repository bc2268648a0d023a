"""Moving people in the simulator: nobody is lost or counted twice, whole meetings or parts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jitsiwire.selection import SelectionSettings, Strategy
from octofleet.simulate.bridges import Call, Fleet, Share, SimBridge
from octofleet.simulate.media import MEDIA, costs
from octofleet.simulate.moving import Mover
from octofleet.simulate.placement import Placement

Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("join", "leave", "part", "whole", "die")),
        st.integers(0, 100),
        st.integers(1, 12),
    ),
    max_size=60,
)


class World:
    """A few bridges and meetings, with who sits where."""

    def __init__(self) -> None:
        self.refused = 0
        self.fleet = Fleet(5.0)
        for number in range(4):
            name = f"b{number}"
            bridge = SimBridge(name, name, 0, 0, name, -1, 0.0, 0.0, 5_000.0, 0.01, 0.1 * number)
            bridge.registered = True
            self.fleet.add(bridge, 0.01)
            self.fleet.changes_of_membership += 1
        settings = SelectionSettings(multi_bridge=True, max_bridge_participants=20)
        self.placement = Placement(self.fleet, ("eu",), Strategy.REGION_BASED, settings)
        self.mover = Mover(self.fleet, self.placement, self.refuse)
        self.calls = [Call(n, costs(MEDIA["meeting"])) for n in range(3)]
        self.seats: list[Share] = []

    def refuse(self, number: int) -> None:
        self.refused += number

    def step(self, what: str, which: int, number: int, now: float) -> None:
        bridges = list(self.fleet.bridges.values())
        bridge = bridges[which % len(bridges)]
        if what == "join":
            call = self.calls[which % len(self.calls)]
            for _ in range(number):
                chosen = self.placement.choose(call, 0, now)
                assert chosen is not None
                self.seats.append(self.mover.seat(call, chosen, now))
        elif what == "leave":
            for _ in range(min(number, len(self.seats))):
                self.mover.unseat(self.seats.pop(which % len(self.seats)), now)
        elif what == "die" and len(bridges) > 1:
            bridge.registered = False
            waiting = self.mover.strand(bridge, now)
            self.fleet.remove(bridge)
            self.mover.rescue(waiting, now + 8.0)
        elif what in ("part", "whole") and bridge.calls:
            share = list(bridge.calls.values())[which % len(bridge.calls)]
            self.mover.replace_share(share, now, number if what == "part" else None)


@settings(deadline=None)
@given(STEPS)
def test_everybody_who_sat_down_is_somewhere_until_they_leave(steps: list[Step]) -> None:
    world = World()
    for n, (what, which, number) in enumerate(steps):
        world.step(what, which, number, 10.0 * n)
        assert world.refused == 0
        bridges = world.fleet.bridges.values()
        assert sum(each.people for each in bridges) == len(world.seats)
        assert sum(each.people for each in world.calls) == len(world.seats)
        for each in bridges:
            assert each.people == sum(share.people for share in each.calls.values())
    for seat in world.seats:
        world.mover.unseat(seat, 10_000.0)
    assert all(not each.people and not each.calls for each in world.fleet.bridges.values())


def test_a_part_of_a_meeting_leaves_the_rest_where_it_is() -> None:
    world = World()
    world.step("join", 0, 12, 0.0)
    (share,) = world.calls[0].shares
    first = share.bridge
    assert first is not None
    assert world.mover.replace_share(share, 30.0, 5) == 5
    assert sum(each.people for each in world.calls[0].shares) == 12
    assert share.people >= 7
    assert first.people == share.people
