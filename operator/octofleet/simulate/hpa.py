"""The HorizontalPodAutoscaler on a Deployment or StatefulSet of bridges, from its documentation.

Every 15 s: the mean of CPU over ready pods with metrics, over the target; within 10 % nothing
changes; pods that aren't ready count as idle when growing. Then a window (shrinking takes its
highest recommendation), policies, and the bounds. Without metrics nothing changes. Pods that
terminate leave the mean at once, though their people stay.

Two set-ups: the stock Helm chart's (values.yaml of jitsi-contrib/jitsi-helm at 6b37a49), and 75 %
of the request with `pod-deletion-cost` by participants (openfun/jitsi-k8s).
"""

import math
from dataclasses import dataclass, field

from octofleet.simulate.bridges import SimBridge
from octofleet.simulate.description import Workload
from octofleet.simulate.engine import Simulation

__all__ = ["Hpa", "Limit", "chart", "deletion_cost"]

TOLERANCE = 0.1
USABLE_CPU = 0.9
"""Stress is 1 at this share of the machine's CPU (the videobridge's cpu-usage measurement)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A policy: so many pods, or percent, within so many seconds."""

    period: float
    pods: int = 0
    percent: int = 0

    def change(self, size: int) -> int:
        """Return by how much a size may change within the period."""
        return max(self.pods, math.ceil(size * self.percent / 100))


@dataclass(frozen=True, slots=True)
class Rules:
    """One HPA's settings, and how its pods end."""

    target_cores: float
    down_window: float
    up: tuple[Limit, ...]
    down: tuple[Limit, ...]
    grace: float | None
    """Seconds after which a terminating pod is killed; None = never."""
    fewest_first: bool
    """The pod with fewest participants goes first; otherwise the newest."""


@dataclass(slots=True)
class _Memory:
    wanted: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    changes: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])


class Hpa:
    """A HorizontalPodAutoscaler."""

    def __init__(self, name: str, workload: Workload, rules: Rules) -> None:
        self.name, self.period = name, 15.0
        self._workload, self._rules = workload, rules
        self._memory = [_Memory() for _ in workload.regions]

    def start(self, simulation: Simulation, region: int) -> int:
        """Return with how many bridges a region begins."""
        return self._workload.min_bridges

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Recommend, stabilise, limit, and scale."""
        alive = [
            each
            for each in simulation.fleet.bridges.values()
            if each.region == region and not each.graceful
        ]
        current = len(alive)
        recommended = self._recommended(simulation, alive, now)
        if recommended is None:
            return
        memory, rules = self._memory[region], self._rules
        memory.wanted.append((now, recommended))
        memory.wanted = [each for each in memory.wanted if each[0] > now - rules.down_window - 1]
        size = recommended
        if size < current:
            size = min(current, max(wanted for _, wanted in memory.wanted))
        size = self._limited(memory, current, size, now)
        size = min(max(size, self._workload.min_bridges), self._workload.max_bridges)
        if size != current:
            memory.changes.append((now, size - current))
        for _ in range(size - current):
            simulation.create(region)
        for bridge in self._victims(alive, current - size):
            simulation.shut_down(bridge)
            if rules.grace is not None:
                simulation.expire(bridge, rules.grace, drop=True)

    def _recommended(
        self, simulation: Simulation, alive: list[SimBridge], now: float
    ) -> int | None:
        ready = [each for each in alive if each.registered]
        if not ready or simulation.outages[ready[0].region].metrics:
            return None
        machine = self._workload.bridge.cores * USABLE_CPU
        used = sum(simulation.heard(each, now)[1] * machine for each in ready)
        ratio = used / len(ready) / self._rules.target_cores
        if abs(1 - ratio) <= TOLERANCE:
            return len(alive)
        if ratio > 1:
            with_idle = used / len(alive) / self._rules.target_cores
            if with_idle <= 1 + TOLERANCE:
                return len(alive)
            return max(len(alive), math.ceil(with_idle * len(alive)))
        return min(len(alive), math.ceil(ratio * len(ready)))

    def _limited(self, memory: _Memory, current: int, size: int, now: float) -> int:
        limits = self._rules.up if size > current else self._rules.down
        longest = max(each.period for each in (*self._rules.up, *self._rules.down))
        memory.changes = [each for each in memory.changes if each[0] > now - longest]
        allowed: list[int] = []
        for limit in limits:
            recent = [change for at, change in memory.changes if at > now - limit.period]
            if size > current:
                grown = sum(change for change in recent if change > 0)
                allowed.append(current - grown + limit.change(current - grown))
            else:
                shrunk = -sum(change for change in recent if change < 0)
                allowed.append(current + shrunk - limit.change(current + shrunk))
        if size > current:
            return max(current, min(size, max(allowed)))
        return min(current, max(size, min(allowed)))

    def _victims(self, alive: list[SimBridge], number: int) -> list[SimBridge]:
        if number <= 0:
            return []
        if self._rules.fewest_first:
            order = sorted(alive, key=lambda each: (each.registered, each.told_people))
        else:
            order = sorted(alive, key=lambda each: (each.registered, -each.created))
        return order[:number]


FAST_UP = (Limit(15, percent=100), Limit(15, pods=4))


def chart(workload: Workload) -> Hpa:
    """Return the HPA as the common Helm chart ships it: 1500m, down one pod in ten minutes.

    Its grace period is the administrator's; two hours cover nearly every meeting.
    """
    rules = Rules(1.5, 1800, FAST_UP, (Limit(600, pods=1),), 7200, fewest_first=False)
    return Hpa("hpa-chart", workload, rules)


def deletion_cost(workload: Workload) -> Hpa:
    """Return an HPA at 75 % of the machine, whose pods with fewest participants go first."""
    target = 0.75 * workload.bridge.cores
    up, down = (Limit(120, pods=2),), (Limit(30, percent=20),)
    return Hpa("hpa-75", workload, Rules(target, 60, up, down, None, fewest_first=True))
