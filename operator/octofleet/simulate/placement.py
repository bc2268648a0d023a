"""Jicofo's placement, fast: the rules of `jitsiwire.selection` over arrays instead of lists.

Most joins go to a bridge on which the meeting is already and that isn't overloaded; only the
first of a meeting, or one that spills over, looks at the fleet. The two strategies that fleets
run are indexed; any other goes through `jitsiwire.selection` itself. A property test holds both
to the same answers.
"""

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from jitsiwire import selection
from jitsiwire.bridge_view import Candidate
from jitsiwire.selection import ConferenceBridge, Participant, SelectionSettings, Strategy
from octofleet.simulate.bridges import OVERLOAD, RAMPUP_BUCKETS, Call, Fleet, SimBridge

__all__ = ["Placement"]

Indices = npt.NDArray[np.int64]
BUCKETS_PER_SECOND: Final = 10


class _Candidates:
    """The bridges left by the pre-filter for one version, and their slots by region."""

    def __init__(self, bridges: list[SimBridge], groups: list[frozenset[int]]) -> None:
        self.bridges = bridges
        self.slots = {bridge.slot for bridge in bridges}
        self.all = _indices(bridges)
        self.region = [_indices([b for b in bridges if b.region == n]) for n in range(len(groups))]
        self.group = [_indices([b for b in bridges if b.region in group]) for group in groups]


def _indices(bridges: list[SimBridge]) -> Indices:
    return np.array([bridge.slot for bridge in bridges], dtype=np.int64)


class Placement:
    """Jicofo's choice of bridges."""

    def __init__(
        self,
        fleet: Fleet,
        regions: tuple[str, ...],
        strategy: Strategy,
        settings: SelectionSettings,
    ) -> None:
        self._fleet = fleet
        self._regions = regions
        self._strategy = strategy
        self._settings = settings
        self._groups = [
            frozenset(n for n, each in enumerate(regions) if each in settings.group(region))
            for region in regions
        ]
        self._recent: deque[tuple[int, SimBridge]] = deque()
        self._by_version: dict[str | None, _Candidates] = {}
        self._seen = -1

    def choose(self, call: Call, region: int, now: float) -> SimBridge | None:
        """Return the bridge for one more participant of a meeting, None if there is none."""
        self._forget(now)
        used = [each.bridge for each in call.shares if each.bridge is not None]
        found = self._candidates(used[0].version if used else None)
        if not found.bridges:
            return None
        settings = self._settings
        if used and not settings.multi_bridge:
            return used[0]
        if self._strategy is Strategy.REGION_BASED:
            return self._region_based(call, region, found, now)
        if self._strategy is Strategy.SINGLE:
            near = self._least(found.region[region], now)
            return near or self._least(found.all, now)
        return self._by_the_book(call, region, now)

    def placed(self, bridge: SimBridge, now: float) -> None:
        """Count a participant placed on a bridge."""
        self._fleet.recent[bridge.slot] += 1
        self._recent.append((int(now * BUCKETS_PER_SECOND) + RAMPUP_BUCKETS, bridge))

    def corrected(self, bridge: SimBridge, now: float) -> float:
        """Return a bridge's stress as Jicofo corrects it."""
        fleet, slot = self._fleet, bridge.slot
        told = fleet.told_by(bridge, now)[1]
        return float(told + fleet.recent[slot] * fleet.average[slot])

    def _forget(self, now: float) -> None:
        bucket = int(now * BUCKETS_PER_SECOND)
        while self._recent and self._recent[0][0] <= bucket:
            bridge = self._recent.popleft()[1]
            if not bridge.gone:
                self._fleet.recent[bridge.slot] -= 1

    def _candidates(self, version: str | None) -> _Candidates:
        if self._seen != self._fleet.changes_of_membership:
            self._seen = self._fleet.changes_of_membership
            self._by_version.clear()
        found = self._by_version.get(version)
        if found is None:
            found = _Candidates(self._filtered(version), self._groups)
            self._by_version[version] = found
        return found

    def _filtered(self, version: str | None) -> list[SimBridge]:
        slots = [each for each in self._fleet.slots if each is not None and each.registered]
        if version is not None and not self._settings.allow_mixed_versions:
            slots = [each for each in slots if each.version == version]
        slots = [each for each in slots if not each.told_draining] or slots
        return [each for each in slots if not each.graceful] or slots

    def _region_based(
        self, call: Call, region: int, found: _Candidates, now: float
    ) -> SimBridge | None:
        most, group = self._settings.max_bridge_participants, self._groups[region]
        free: list[tuple[float, int, SimBridge]] = []
        open_joined: list[tuple[float, int, SimBridge]] = []
        blocked: list[int] = []
        for share in call.shares:
            bridge = share.bridge
            if bridge is None or bridge.slot not in found.slots:
                continue
            entry = (self.corrected(bridge, now), bridge.slot, bridge)
            full = 0 < most <= share.people
            if full:
                blocked.append(bridge.slot)
            else:
                open_joined.append(entry)
                if entry[0] < OVERLOAD:
                    free.append(entry)
        free.sort()
        for entry in free:
            if entry[2].region == region:
                return entry[2]
        for entry in free:
            if entry[2].region in group:
                return entry[2]
        chosen = self._free(found.region[region], blocked, now)
        if chosen is None and len(group) > 1:
            chosen = self._free(found.group[region], blocked, now)
        if chosen is None and free:
            chosen = free[0][2]
        if chosen is None and (blocked or len(found.region[region]) < len(found.all)):
            chosen = self._free(found.all, [], now)
        if chosen is None and open_joined:
            chosen = min(open_joined)[2]
        return chosen or self._least(found.all, now)

    def _corrected(self, slots: Indices, now: float) -> npt.NDArray[np.float64]:
        fleet = self._fleet
        # It told its load since the last change if a multiple of the period lies between: floors
        # say that at a sixth of what remainders cost.
        phase, period = fleet.phase[slots], fleet.period
        told_since = np.floor((now - phase) / period) > np.floor(
            (fleet.changed[slots] - phase) / period
        )
        told = np.where(told_since, fleet.stress[slots], fleet.told[slots])
        return told + fleet.recent[slots] * fleet.average[slots]

    def _free(self, slots: Indices, blocked: list[int], now: float) -> SimBridge | None:
        """Return the least loaded of some bridges that isn't overloaded."""
        if not len(slots):
            return None
        stress = self._corrected(slots, now)
        if blocked:
            stress[np.isin(slots, blocked)] = np.inf
        least = int(stress.argmin())
        return self._fleet.slots[int(slots[least])] if stress[least] < OVERLOAD else None

    def _least(self, slots: Indices, now: float) -> SimBridge | None:
        if not len(slots):
            return None
        return self._fleet.slots[int(slots[int(self._corrected(slots, now).argmin())])]

    def _by_the_book(self, call: Call, region: int, now: float) -> SimBridge | None:
        known = {
            each.name: self._candidate(each, now)
            for each in self._fleet.slots
            if each is not None and each.registered
        }
        using = [
            ConferenceBridge(known[share.bridge.name], share.people)
            for share in call.shares
            if share.bridge is not None and share.bridge.name in known
        ]
        person = Participant(self._regions[region])
        found = selection.select(self._strategy, known.values(), using, person, self._settings)
        return None if found is None else self._fleet.bridges[found.jid]

    def _candidate(self, bridge: SimBridge, now: float) -> Candidate:
        stress = self.corrected(bridge, now)
        return Candidate(
            jid=bridge.name,
            graceful_shutdown=bridge.graceful,
            drain=bridge.told_draining,
            version=bridge.version,
            region=self._regions[bridge.region],
            relay_id=bridge.name,
            stress=stress,
            overloaded=stress >= OVERLOAD,
        )
