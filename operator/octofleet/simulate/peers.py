"""Other autoscalers, from their documented rules: Jitsi's own, an Agones buffer, a static size.

Sources: jitsi-autoscaler c302ef1 (src/autoscaler.ts, instance_tracker.ts) with the values that
infra-provisioning's create-jvb-pool.sh sets; Agones b19d5fe (pkg/fleetautoscalers).
"""

import math
from dataclasses import dataclass, field

from octofleet.simulate.bridges import SimBridge
from octofleet.simulate.description import Workload
from octofleet.simulate.engine import Simulation

__all__ = ["AgonesBuffer", "JitsiAutoscaler", "Static"]


def _alive(simulation: Simulation, region: int) -> list[SimBridge]:
    bridges = simulation.fleet.bridges.values()
    return [each for each in bridges if each.region == region and not each.graceful]


@dataclass(slots=True)
class _Group:
    means: list[float] = field(default_factory=list[float])
    """Mean stress of each past minute, oldest first."""
    sampled: float = 0.0
    frozen_until: float = 0.0


class JitsiAutoscaler:
    """Up by one at a mean stress of 0.3 for two minutes, down by one below 0.1 for ten.

    After each change nothing for 600 s; a new bridge is safe for 900 s. The one with fewest
    participants goes: its sidecar hears of it within a minute, shuts it down gracefully, and an
    hour later moves whoever is left. It decides only while as many report as are wanted.
    """

    name, period = "jitsi-autoscaler", 30.0
    up, down, up_minutes, down_minutes = 0.3, 0.1, 2, 10
    grace, protected = 600.0, 900.0

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._groups = [_Group() for _ in workload.regions]

    def start(self, simulation: Simulation, region: int) -> int:
        """Return with how many bridges a region begins."""
        return self._workload.min_bridges

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Sample once a minute, then decide."""
        group, alive = self._groups[region], _alive(simulation, region)
        ready = [each for each in alive if each.registered]
        silent = simulation.outages[region].metrics
        if now - group.sampled >= 60.0 and ready and not silent:
            heard = [simulation.heard(each, now)[1] for each in ready]
            group.means = [*group.means[-self.down_minutes :], sum(heard) / len(heard)]
            group.sampled = now
        if silent or now < group.frozen_until or not ready or len(ready) != len(alive):
            # Silent instances are forgotten after five minutes: none is left to decide on.
            return
        most, least = self._workload.max_bridges, self._workload.min_bridges
        high = group.means[-self.up_minutes :]
        low = group.means[-self.down_minutes :]
        if len(alive) < least or (
            len(alive) < most and len(high) == self.up_minutes and min(high) >= self.up
        ):
            simulation.create(region)
            group.frozen_until = now + self.grace
        elif len(alive) > least and len(low) == self.down_minutes and max(low) < self.down:
            self._retire(simulation, ready, now)
            group.frozen_until = now + self.grace

    def _retire(self, simulation: Simulation, ready: list[SimBridge], now: float) -> None:
        old = [each for each in ready if now - each.created >= self.protected]
        if old:
            victim = min(old, key=lambda each: each.told_people)
            simulation.shut_down(victim)
            simulation.expire(victim, 3600.0, drop=False)


class AgonesBuffer:
    """Keep a fifth of the fleet's capacity for participants free; remove only who is empty.

    A bridge is a game server with a counter of participants; one with people is never removed.
    Its capacity is what a bridge takes at Jicofo's threshold, as if measured beforehand.
    """

    name, period = "agones-buffer", 30.0
    buffer = 0.2

    def __init__(self, workload: Workload, capacity: float) -> None:
        self._workload, self._capacity = workload, capacity

    def start(self, simulation: Simulation, region: int) -> int:
        """Return with how many bridges a region begins."""
        return self._workload.min_bridges

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Bring the fleet to what its counters ask for."""
        if simulation.outages[region].metrics:
            return
        alive = _alive(simulation, region)
        people = sum(each.people for each in alive)
        wanted = math.ceil(people / (1 - self.buffer) / self._capacity)
        wanted = min(max(wanted, self._workload.min_bridges), self._workload.max_bridges)
        for _ in range(wanted - len(alive)):
            simulation.create(region)
        empty = [each for each in alive if each.people == 0]
        for bridge in sorted(empty, key=lambda each: -each.created)[: max(0, len(alive) - wanted)]:
            simulation.shut_down(bridge)


class Static:
    """As many bridges as the peak needs, always."""

    name, period = "static-peak", 3600.0

    def __init__(self, sizes: list[int]) -> None:
        self._sizes = sizes

    def start(self, simulation: Simulation, region: int) -> int:
        """Return with how many bridges a region begins."""
        return self._sizes[region]

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Replace who died."""
        for _ in range(self._sizes[region] - len(_alive(simulation, region))):
            simulation.create(region)
