"""Every policy on every workload, and whether Octofleet's beats each of the others.

A peer is beaten where Octofleet's fleet overloads people no longer at 0.7 of its bridge-hours or
fewer, or overloads them for 1/2.5 of its time or less at no more bridge-hours. A static fleet of
peak size is beaten by hours alone. All of it over the whole suite; nothing is weighed.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from octofleet.simulate import running
from octofleet.simulate.description import Workload
from octofleet.simulate.running import PEERS, Figures, Load, Run

__all__ = ["OURS", "Comparison", "Verdict", "compare", "verdicts"]

OURS: Final = "octofleet"
ORACLE: Final = "oracle"
FEWER_HOURS: Final = 0.7
LESS_OVERLOAD: Final = 2.5
FLEETING: Final = 0.0005
"""Of the time people spend in meetings: an oracle may overload so much, or as much as we do."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Octofleet against one peer, over all workloads."""

    peer: str
    hours_ratio: float
    """Ours over theirs."""
    our_minutes: float
    their_minutes: float
    beaten: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs of a suite."""

    runs: tuple[Run, ...]

    @property
    def figures(self) -> list[Figures]:
        """Return the figures of all runs."""
        return [each.figures for each in self.runs]

    def total(self, policy: str) -> Figures:
        """Return a policy's figures over all workloads: sums, and the worst of what has none."""
        found = [each for each in self.figures if each.policy == policy]
        return Figures(
            "all",
            policy,
            sum(each.joins for each in found),
            sum(each.overloaded_minutes for each in found),
            sum(each.refused for each in found),
            sum(each.moved for each in found),
            sum(each.dropped for each in found),
            sum(each.killed for each in found),
            sum(each.bridge_hours for each in found),
            sum(each.cost for each in found),
            max((each.recovery_seconds for each in found), default=0.0),
            max((each.peak_stress for each in found), default=0.0),
            max((each.most_bridges for each in found), default=0),
        )

    @property
    def oracle_ratio(self) -> float:
        """Return Octofleet's bridge-hours over the oracle's."""
        hours = self.total(ORACLE).bridge_hours
        return self.total(OURS).bridge_hours / hours if hours else 0.0

    def peak_of(self, workload: str) -> float:
        """Return the highest stress of any of Octofleet's bridges in a workload."""
        return max(
            (
                each.peak_stress
                for each in self.figures
                if each.workload == workload and each.policy == OURS
            ),
            default=0.0,
        )


def compare(workloads: Sequence[Workload], processes: int | None = None) -> Comparison:
    """Run every workload under every policy, several at a time."""
    tasks = [(each, name) for each in workloads for name in (OURS, *PEERS)]
    with ProcessPoolExecutor(processes or os.cpu_count() or 1) as pool:
        runs = list(pool.map(_task, tasks))
        ours = {each.figures.workload: each for each in runs if each.figures.policy == OURS}
        oracles = pool.map(
            _oracle, [(each, ours[each.name].figures.overloaded_minutes) for each in workloads]
        )
        return Comparison((*runs, *oracles))


def verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Return how Octofleet does against each peer."""
    ours = comparison.total(OURS)
    return tuple(verdict(ours, comparison.total(peer)) for peer in PEERS)


def verdict(ours: Figures, theirs: Figures) -> Verdict:
    """Return how one policy does against another."""
    ratio = ours.bridge_hours / theirs.bridge_hours if theirs.bridge_hours else float("inf")
    mine, other = ours.overloaded_minutes, theirs.overloaded_minutes
    cheaper = ratio <= FEWER_HOURS and (mine <= other or theirs.policy == "static-peak")
    calmer = ratio <= 1.0 and mine * LESS_OVERLOAD <= other
    return Verdict(theirs.policy, ratio, mine, other, cheaper or calmer)


_loads: dict[str, Load] = {}


def _load(workload: Workload) -> Load:
    """Return a workload made real, kept while the process works on it."""
    found = _loads.get(workload.name)
    if found is None or found.workload != workload:
        _loads.clear()
        found = running.load_of(workload)
        _loads[workload.name] = found
    return found


def _task(task: tuple[Workload, str]) -> Run:
    workload, name = task
    return running.run(_load(workload), name)


def _oracle(task: tuple[Workload, float]) -> Run:
    workload, ours = task
    load = _load(workload)
    people = sum(float(each.sum()) for each in load.future.people) / 2
    found = running.oracle_run(load, max(ours, FLEETING * people))
    return replace(found, figures=replace(found.figures, policy=ORACLE))
