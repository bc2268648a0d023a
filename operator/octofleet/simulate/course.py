"""How a workload goes by under Octofleet's own decisions, moment by moment, for comparing.

What a real fleet did under the same joins can be laid beside it: the sizes in their order, and the
stress of each bridge over time. Times are seconds since the beginning of what is measured.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from octofleet.simulate import faults
from octofleet.simulate.engine import Simulation
from octofleet.simulate.operating import Operating, autoscaling_of
from octofleet.simulate.running import Load

__all__ = ["Course", "course_of"]

EVERY: Final = 5.0


@dataclass(frozen=True, slots=True)
class Course:
    """One region's course."""

    seconds: float
    """How long it lasts."""
    autoscaling: dict[str, Any]
    """The region's settings, as an OctoRegion's."""
    joins: tuple[tuple[float, float, str], ...]
    """When each person joined and left, and which meeting."""
    sizes: tuple[tuple[float, int], ...]
    """The first size, and when it changed to which."""
    stress: tuple[tuple[float, tuple[float, ...]], ...]
    """What the bridges told last, the busiest first."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Notes:
    sizes: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    stress: list[tuple[float, tuple[float, ...]]] = field(
        default_factory=list[tuple[float, tuple[float, ...]]]
    )


class _Noting(Operating):
    """The operator's core, with its sizes noted."""

    def __init__(self, load: Load, notes: _Notes) -> None:
        super().__init__(load.workload)
        self._since, self._notes = load.measured, notes

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Step, and note a size that is new."""
        super().step(simulation, region, now)
        decided = self.decisions[region]
        if region or decided is None:
            return
        sizes = self._notes.sizes
        at = max(0.0, now - self._since)
        if sizes and at == 0.0:
            sizes.clear()
        if not sizes or sizes[-1][1] != decided.wanted:
            sizes.append((at, decided.wanted))


def course_of(load: Load, every: float = EVERY) -> Course:
    """Return the course of a load in its first region."""
    notes = _Notes()
    simulation = Simulation(load.workload, load.trace, _Noting(load, notes), load.measured)
    faults.schedule(simulation)

    def look(now: float) -> None:
        bridges = [each for each in simulation.fleet.bridges.values() if each.registered]
        told = [simulation.heard(each, now)[1] for each in bridges if each.region == 0]
        notes.stress.append((now - load.measured, tuple(sorted(told, reverse=True))))
        simulation.at(now + every, look)

    simulation.at(load.measured, look)
    simulation.run(load.end)
    return Course(
        load.end - load.measured,
        autoscaling_of(load.workload),
        _joins(load),
        tuple(notes.sizes),
        tuple(notes.stress),
    )


def _joins(load: Load) -> tuple[tuple[float, float, str], ...]:
    trace, since = load.trace, load.measured
    columns = (trace.joined.tolist(), trace.left.tolist(), trace.conference.tolist())
    return tuple(
        (joined - since, left - since, str(conference))
        for joined, left, conference in zip(*columns, strict=True)
    )
