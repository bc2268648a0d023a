"""The simulator's proofs: `python -m octofleet.simulate.proofs compare|week`.

Each ends in one line of figures measured in that run, and fails where its own bound does.
"""

import gc
import sys
import time
from typing import Final

from octofleet.simulate import suite
from octofleet.simulate.arrivals import measured_from
from octofleet.simulate.compare import OURS, compare, verdicts
from octofleet.simulate.description import Workload, parse
from octofleet.simulate.engine import Simulation
from octofleet.simulate.operating import Operating
from octofleet.simulate.running import Load, load_of

__all__ = ["compare_proof", "main", "week_proof"]

FLASH: Final = "flash-crowd"
FLASH_LIMIT: Final = 0.8
ORACLE_LIMIT: Final = 1.3
WEEK_SECONDS: Final = 60.0
GROWTH: Final = 7 * 5
"""Seven times the joins on five times the bridges may cost so many times as much, on any machine:
each decision looks at every bridge."""


def compare_proof() -> int:
    """Run the standard suite; fail unless Octofleet's policy beats every peer."""
    found = compare(suite.standard())
    for each in sorted(found.figures, key=lambda each: (each.workload, each.bridge_hours)):
        _say(
            f"{each.workload:15} {each.policy:17} overloaded={each.overloaded_minutes:.0f}min"
            f" refused={each.refused} moved={each.moved} dropped={each.dropped}"
            f" hours={each.bridge_hours:.1f} cost={each.cost:.2f}"
            f" recovery={each.recovery_seconds:.0f}s peak={each.peak_stress:.2f}"
        )
    judged = verdicts(found)
    for verdict in judged:
        _say(
            f"against {verdict.peer:17} hours={verdict.hours_ratio:.2f}x"
            f" overload={verdict.our_minutes:.0f}/{verdict.their_minutes:.0f}min"
            f" {'dominated' if verdict.beaten else 'not dominated'}"
        )
    dominated = sum(each.beaten for each in judged)
    dropped, flash = found.total(OURS).dropped, found.peak_of(FLASH)
    _say(
        f"compare: dominated={dominated}/{len(judged)} dropped={dropped}"
        f" flash_max={flash:.2f} oracle={found.oracle_ratio:.2f}"
    )
    good = dominated == len(judged) and not dropped
    return 0 if good and flash <= FLASH_LIMIT and found.oracle_ratio <= ORACLE_LIMIT else 1


def week_proof() -> int:
    """Simulate a week of 1,000,000 joins on up to 200 bridges, and one of seven times that."""
    small = _week(33_500, 200, 1_000_000)
    grown = _week(233_500, 1000, 7_000_000)
    _say(
        f"grows: joins={grown.joins} bridges={grown.bridges} seconds={grown.seconds:.0f}"
        f" (most at once {grown.most})"
    )
    _say(f"week: joins={small.joins} bridges={small.bridges} seconds={small.seconds:.0f}")
    return 0 if small.seconds < WEEK_SECONDS and grown.seconds < GROWTH * small.seconds else 1


class _Week:
    """One timed week."""

    def __init__(self, joins: int, bridges: int, most: int, seconds: float) -> None:
        self.joins, self.bridges, self.most, self.seconds = joins, bridges, most, seconds


def _week(per_day: int, bridges: int, joins: int) -> _Week:
    load = _first(load_of(_office(per_day, bridges)), joins)
    policy = Operating(load.workload)
    # Millions of seats live long and are in no cycle: looking through them often finds nothing.
    gc.set_threshold(200_000, 20, 50)
    begun = time.process_time()
    simulation = Simulation(load.workload, load.trace, policy, load.measured)
    simulation.run(load.end)
    seconds = time.process_time() - begun
    most = max(each.bridges for each in simulation.samples)
    _say(
        f"{simulation.counters.joins} joins in {seconds:.1f}s of one core: at most {most} bridges,"
        f" {simulation.counters.bridge_seconds / 3600:.0f} bridge-hours,"
        f" {simulation.counters.dropped} dropped"
    )
    return _Week(simulation.counters.joins, bridges, most, seconds)


def _office(per_day: int, bridges: int) -> Workload:
    return parse(
        {
            "name": "week",
            "days": 7,
            "warmupDays": 0,
            "maxBridges": bridges,
            "bridge": {"packetRate": 85_000},
            "calls": [{"kind": "meetings", "perDay": per_day, "weekend": 0.1}],
        }
    )


def _first(load: Load, joins: int) -> Load:
    """Return a load with exactly so many joins, spread as before."""
    import numpy as np

    from octofleet.simulate.traces import Trace

    trace = load.trace
    if trace.joins < joins:
        raise ValueError(f"{trace.joins} joins are fewer than {joins}")
    kept = np.sort(np.random.default_rng(1).permutation(trace.joins)[:joins])
    thinned = Trace(
        trace.joined[kept],
        trace.left[kept],
        trace.conference[kept],
        trace.region[kept],
        trace.regions,
        trace.media,
        trace.medias,
    )
    return Load(load.workload, thinned, load.future, measured_from(load.workload), load.end)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run a proof; return its exit status."""
    proofs = {"compare": compare_proof, "week": week_proof}
    if len(arguments) != 1 or arguments[0] not in proofs:
        sys.stderr.write(f"usage: python -m octofleet.simulate.proofs {'|'.join(proofs)}\n")
        return 2
    return proofs[arguments[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
