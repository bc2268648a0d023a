"""Knowing the future: the load of every minute beforehand, and a policy that uses it.

The oracle is no fantasy: its bridges take as long to start, its people stay on their bridges, it
drains and moves by the operator's own plan. It only knows what will be needed when.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from octofleet.core import planning
from octofleet.core.observation import History
from octofleet.core.sizing import Decision
from octofleet.simulate.description import Workload
from octofleet.simulate.engine import Simulation
from octofleet.simulate.media import MEDIA, costs
from octofleet.simulate.operating import Operating
from octofleet.simulate.traces import Trace

__all__ = ["Future", "Oracle", "future_of"]

STEP = 30.0


@dataclass(frozen=True, slots=True)
class Future:
    """The whole load of each region, as stress on one imaginary bridge, every 30 seconds."""

    begins: float
    load: tuple[npt.NDArray[np.float64], ...]
    people: tuple[npt.NDArray[np.float64], ...]

    def peak(self, region: int, since: float, until: float) -> float:
        """Return the highest load between two moments."""
        first = max(0, int((since - self.begins) // STEP))
        last = max(first, int((until - self.begins) // STEP))
        part = self.load[region][first : last + 1]
        return float(part.max()) if len(part) else 0.0


def future_of(workload: Workload, trace: Trace) -> Future:
    """Return the load of a trace, were every meeting on one bridge of its people's region."""
    begins = float(trace.joined[0])
    steps = int((float(trace.left.max()) - begins) // STEP) + 2
    load = [np.zeros(steps) for _ in trace.regions]
    people = [np.zeros(steps) for _ in trace.regions]
    tables = [np.array(costs(MEDIA[name]).person) for name in trace.medias]
    order = np.argsort(trace.conference, kind="stable")
    bounds = np.searchsorted(trace.conference[order], np.arange(trace.meetings + 1))
    for meeting in range(trace.meetings):
        rows = order[bounds[meeting] : bounds[meeting + 1]]
        if not len(rows):
            continue
        came = ((trace.joined[rows] - begins) // STEP).astype(np.int64)
        went = ((trace.left[rows] - begins) // STEP).astype(np.int64)
        first, last = int(came.min()), int(went.max()) + 1
        counts = np.zeros((len(trace.regions), last - first + 1))
        np.add.at(counts, (trace.region[rows], came - first), 1)
        np.add.at(counts, (trace.region[rows], went - first), -1)
        here = counts.cumsum(axis=1)
        size = np.minimum(here.sum(axis=0), len(tables[0]) - 1).astype(np.int64)
        one = tables[int(trace.media[meeting])][size]
        for region in range(len(trace.regions)):
            load[region][first : last + 1] += here[region] * one
            people[region][first : last + 1] += here[region]
    kind = workload.bridge
    stress = tuple(
        packets / kind.packet_rate + here * kind.person_stress
        for packets, here in zip(load, people, strict=True)
    )
    return Future(begins, stress, tuple(people))


class Oracle(Operating):
    """The operator's plan under decisions made with knowledge of the future."""

    def __init__(self, workload: Workload, future: Future, fill: float) -> None:
        super().__init__(workload)
        self.name = "oracle"
        self._future, self._fill = future, fill
        kind = workload.bridge
        self._ahead = kind.start_seconds * (1 + 2.5 * kind.start_spread) + 2 * self.period

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Ask for what the next minutes will need."""
        scaling = self.regions[region].autoscaling
        peak = self._future.peak(region, now, now + self._ahead)
        wanted = math.ceil(peak / (self._fill - self._idle) - 1e-9)
        wanted = min(max(wanted, scaling.min_bridges), scaling.max_bridges)
        seen = self.observe(simulation, region, now)
        decision = Decision(seen.taken_at, scaling.mode, wanted, wanted, history=History())
        planned = planning.plan(self.regions[region], seen, decision, seen.taken_at)
        self.carry_out(simulation, region, planned.actions)

    @property
    def _idle(self) -> float:
        return self.workload.bridge.idle_stress
