"""Seating people on bridges and moving them, with the load that follows.

Whoever was seated holds on to a share; when the share's people are moved, it remembers where to,
so that each finds their seat again when they leave.
"""

from collections.abc import Callable

from octofleet.simulate.bridges import Call, Fleet, Share, SimBridge
from octofleet.simulate.placement import Placement

__all__ = ["Mover"]


class Mover:
    """Puts people on bridges and takes them off."""

    def __init__(self, fleet: Fleet, placement: Placement, refused: Callable[[int], None]) -> None:
        self._fleet = fleet
        self._placement = placement
        self._refused = refused

    def seat(self, call: Call, bridge: SimBridge, now: float) -> Share:
        """Seat one participant of a meeting on a bridge."""
        share = bridge.calls.get(call.index)
        if share is None:
            share = Share(call, bridge)
            bridge.calls[call.index] = share
            call.shares.append(share)
        share.people += 1
        call.people += 1
        self._placement.placed(bridge, now)
        self._weigh(call, share, 1, now)
        return share

    def unseat(self, seat: Share, now: float) -> None:
        """Take a participant off, wherever they were moved to since they sat down."""
        while seat.forwarded:
            entry = seat.forwarded[-1]
            following, left = entry
            if not isinstance(following, Share) or not isinstance(left, int):
                raise TypeError("a forward is a share and a number")
            if left <= 1:
                seat.forwarded.pop()
            else:
                entry[1] = left - 1
            seat = following
        if seat.people == 0:
            return  # no bridge was left for them
        seat.people -= 1
        if seat.bridge is None:
            return
        call = seat.call
        call.people -= 1
        self._weigh(call, seat, -1, now)
        if seat.people == 0:
            self._close(seat)

    def replace_share(self, share: Share, now: float, most: int | None = None) -> int:
        """Place people of a share anew, as Jicofo does when it moves them; return how many."""
        people = self._lift(share, now, most)
        self._place(share, share.call, people, share.bridge, now)
        return people

    def strand(self, bridge: SimBridge, now: float) -> list[Share]:
        """Take everybody off a bridge that died; return where they wait."""
        waiting: list[Share] = []
        for share in list(bridge.calls.values()):
            people = self._lift(share, now)
            limbo = share.call.limbo or Share(share.call, None)
            share.call.limbo = limbo
            limbo.people += people
            share.forwarded.append([limbo, people])
            waiting.append(limbo)
        return waiting

    def rescue(self, waiting: list[Share], now: float) -> None:
        """Place those who wait; some have left meanwhile."""
        for limbo in waiting:
            if limbo.call.limbo is limbo:
                limbo.call.limbo = None
            people, limbo.people = limbo.people, 0
            self._place(limbo, limbo.call, people, None, now)

    def _lift(self, share: Share, now: float, most: int | None = None) -> int:
        people = share.people if most is None else min(most, share.people)
        share.people -= people
        share.call.people -= people
        self._weigh(share.call, share, -people, now)
        if share.people == 0:
            self._close(share)
        return people

    def _place(
        self, old: Share, call: Call, people: int, home: SimBridge | None, now: float
    ) -> None:
        region = home.region if home is not None else self._home(call)
        counts: dict[int, list[Share | int]] = {}
        for _ in range(people):
            bridge = self._placement.choose(call, region, now)
            if bridge is None:
                self._refused(1)
                continue
            share = self.seat(call, bridge, now)
            if share is old:
                continue  # back where they were
            entry = counts.setdefault(id(share), [share, 0])
            entry[1] = int(entry[1]) + 1 if isinstance(entry[1], int) else 1
        old.forwarded.extend(counts.values())

    def _home(self, call: Call) -> int:
        for share in call.shares:
            if share.bridge is not None:
                return share.bridge.region
        return 0

    def _close(self, share: Share) -> None:
        share.call.shares.remove(share)
        if share.bridge is not None:
            share.bridge.calls.pop(share.call.index, None)

    def _weigh(self, call: Call, changed: Share, people: int, now: float) -> None:
        """Bring the load of all bridges of a meeting up to date after one share changed."""
        one = call.costs.person[min(call.people, len(call.costs.person) - 1)]
        if len(call.shares) == 1:
            link = 0.0
        else:
            link = call.costs.link[min(call.people, len(call.costs.link) - 1)]
            link *= sum(each.people > 0 for each in call.shares) - 1
        for share in call.shares:
            bridge = share.bridge
            if bridge is None:
                continue
            load = share.people * one + (link if share.people else 0.0)
            stress = load / bridge.capacity + share.people * bridge.upkeep
            self._fleet.change(
                bridge, stress - share.stress, people if share is changed else 0, now
            )
            share.stress = stress
