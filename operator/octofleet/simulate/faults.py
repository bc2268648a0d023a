"""What goes wrong in a simulation, at its time."""

from octofleet.simulate.arrivals import SECONDS_A_DAY
from octofleet.simulate.description import Fault
from octofleet.simulate.engine import Outage, Simulation

__all__ = ["schedule"]


def schedule(simulation: Simulation) -> None:
    """Have the faults of a workload happen."""
    for fault in simulation.workload.faults:
        when = simulation.measured + fault.day * SECONDS_A_DAY + fault.hour * 3600.0
        name = simulation.regions[0] if fault.region is None else fault.region
        region = simulation.regions.index(name)
        simulation.at(when, lambda now, f=fault, r=region: _happen(simulation, f, r, now))


def _happen(simulation: Simulation, fault: Fault, region: int, now: float) -> None:
    bridges = [
        each
        for each in simulation.fleet.bridges.values()
        if each.region == region and each.registered
    ]
    outage = simulation.outages[region]
    if fault.kind == "bridge" and bridges:
        simulation.kill(max(bridges, key=lambda each: (each.people, each.name)))
    elif fault.kind == "zone":
        for bridge in [each for each in bridges if each.zone == 0]:
            simulation.kill(bridge)
    elif fault.kind == "metrics":
        outage.readings = {each.uid: simulation.fleet.told_by(each, now) for each in bridges}
        outage.metrics = True
    elif fault.kind == "jicofo":
        outage.jicofo = True
    if fault.kind in {"metrics", "jicofo"}:
        simulation.at(now + fault.minutes * 60, lambda _: _over(outage, fault))


def _over(outage: Outage, fault: Fault) -> None:
    if fault.kind == "metrics":
        outage.metrics = False
    else:
        outage.jicofo = False
