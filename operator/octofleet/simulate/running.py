"""One workload under one policy: the run and its figures."""

from dataclasses import asdict, dataclass
from typing import Final

from octofleet.simulate import faults, hpa
from octofleet.simulate.arrivals import SECONDS_A_DAY, measured_from, trace_of
from octofleet.simulate.bridges import OVERLOAD
from octofleet.simulate.description import Workload
from octofleet.simulate.engine import Policy, Sample, Simulation
from octofleet.simulate.operating import Operating
from octofleet.simulate.oracle import Future, Oracle, future_of
from octofleet.simulate.peers import AgonesBuffer, JitsiAutoscaler, Static
from octofleet.simulate.traces import Trace

__all__ = ["FILLS", "PEERS", "Figures", "Load", "Run", "load_of", "oracle_run", "run"]

PEERS: Final = ("jitsi-autoscaler", "hpa-chart", "hpa-75", "agones-buffer", "static-peak")
FILLS: Final = (0.78, 0.74, 0.7, 0.66, 0.62, 0.57, 0.5)
"""Fills an oracle may choose from: how stressed its bridges may be on average."""
STATIC_FILL: Final = 0.7


@dataclass(frozen=True, slots=True)
class Figures:
    """What a policy made of a workload."""

    workload: str
    policy: str
    joins: int
    overloaded_minutes: float
    """Participant-minutes on bridges whose stress is above 0.8."""
    refused: int
    moved: int
    dropped: int
    killed: int
    """On bridges that died; the same for every policy but for how they were spread."""
    bridge_hours: float
    cost: float
    recovery_seconds: float
    """The longest time in which some bridge was overloaded."""
    peak_stress: float
    most_bridges: int

    def as_dict(self) -> dict[str, object]:
        """Return the figures for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Load:
    """A workload made real: who comes, and what that will need."""

    workload: Workload
    trace: Trace
    future: Future
    measured: float
    end: float


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of a run and its course."""

    figures: Figures
    samples: tuple[Sample, ...]
    last_message: str = ""


def load_of(workload: Workload, trace: Trace | None = None) -> Load:
    """Return a workload made real; a trace replaces the load that it describes."""
    if trace is None:
        found, measured = trace_of(workload), measured_from(workload)
        end = measured + workload.days * SECONDS_A_DAY
    else:
        found = trace
        first, last = float(trace.joined[0]), float(trace.left.max())
        # A trace that is long enough teaches first, as a warm-up does.
        warm = workload.warmup_days * SECONDS_A_DAY
        measured = first + warm if last - first > 2 * warm else first
        end = last
    return Load(workload, found, future_of(workload, found), measured, end)


def policy_of(load: Load, name: str, fill: float = STATIC_FILL) -> Policy:
    """Return a policy by its name.

    Raises:
        ValueError: There is none of that name.
    """
    workload = load.workload
    match name:
        case "octofleet":
            return Operating(workload)
        case "jitsi-autoscaler":
            return JitsiAutoscaler(workload)
        case "hpa-chart":
            return hpa.chart(workload)
        case "hpa-75":
            return hpa.deletion_cost(workload)
        case "agones-buffer":
            return AgonesBuffer(workload, _capacity(load))
        case "static-peak":
            return Static(_peak_sizes(load))
        case "oracle":
            return Oracle(workload, load.future, fill)
        case _:
            raise ValueError(f"no policy {name!r}")


def run(load: Load, name: str, fill: float = STATIC_FILL) -> Run:
    """Simulate a load under a policy."""
    workload, policy = load.workload, policy_of(load, name, fill)
    simulation = Simulation(workload, load.trace, policy, load.measured)
    faults.schedule(simulation)
    simulation.run(load.end)
    counters, fleet = simulation.counters, simulation.fleet
    longest = fleet.longest_overload
    if fleet.overloaded_now:
        longest = max(longest, load.end - fleet.overloaded_since)
    hours = counters.bridge_seconds / 3600
    figures = Figures(
        workload.name,
        name,
        counters.joins,
        fleet.overloaded_seconds / 60,
        counters.refused,
        counters.moved,
        counters.dropped,
        counters.killed,
        hours,
        hours * workload.bridge.price,
        longest,
        fleet.peak_stress,
        max((each.bridges for each in simulation.samples), default=0),
    )
    decided = policy.decisions[0] if isinstance(policy, Operating) else None
    return Run(figures, tuple(simulation.samples), decided.message if decided else "")


def oracle_run(load: Load, allowed_minutes: float) -> Run:
    """Return the cheapest run of an oracle that overloads nobody for longer than allowed.

    A lower fill costs more and overloads less, so the highest fill that will do is searched for
    by halves; if none will, the lowest is the best there is.
    """
    low, high = 0, len(FILLS) - 1
    best: Run | None = None
    while low <= high:
        middle = (low + high) // 2
        found = run(load, "oracle", FILLS[middle])
        if found.figures.overloaded_minutes <= allowed_minutes:
            best, high = found, middle - 1
        else:
            low = middle + 1
    return best or run(load, "oracle", FILLS[-1])


def _capacity(load: Load) -> float:
    """Return the people a bridge takes at the threshold, by the load's own mean."""
    stress = sum(float(each.sum()) for each in load.future.load)
    people = sum(float(each.sum()) for each in load.future.people)
    return max(1.0, OVERLOAD * people / stress) if stress else 80.0


def _peak_sizes(load: Load) -> list[int]:
    """Return the sizes that an administrator sets for the peak of what is measured."""
    workload = load.workload
    sizes: list[int] = []
    for region in range(len(load.trace.regions)):
        peak = load.future.peak(region, load.measured, load.end)
        wanted = -int(-peak // (STATIC_FILL - workload.bridge.idle_stress))
        sizes.append(min(workload.max_bridges, max(workload.min_bridges, wanted)))
    return sizes
