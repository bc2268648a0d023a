"""A bridge's machine in figures, and a workload fitted to it.

Pure. What calls of known sizes cost tells what a person and what a packet cost; with these the
simulator reckons for this machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from octodemo.courses import EACH

__all__ = ["GAUGES", "Machine", "costs", "fitted"]

GAUGES: Final = (5, 10, 15)
"""People of the calls that the machine is measured with."""
LEAST: Final = 0.1
"""Stress of the largest of them: with less, noise is measured."""
TYPICAL: Final = 12
"""People of a call by which two machines are compared."""
FREE: Final = 1e9
"""Packets a second at stress 1 where packets cost nothing that can be measured."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Machine:
    """A bridge of the lab, as measured."""

    idle: float
    person: float
    packet_rate: float
    start_seconds: float

    def call(self, people: int) -> float:
        """Return the stress of a bridge with one call of so many people."""
        return self.idle + people * self.person + EACH * people * people / self.packet_rate

    @staticmethod
    def of(bridge: Object) -> "Machine":
        """Return the machine that a workload describes."""
        figures = ("idleStress", 0.01), ("personStress", 0.0), ("packetRate", 45_000.0)
        idle, person, rate = (float(bridge.get(name, usual)) for name, usual in figures)
        return Machine(idle, person, rate, float(bridge.get("startSeconds", 240.0)))

    def description(self) -> Object:
        """Return it as a workload describes it."""
        return {
            "idleStress": round(self.idle, 3),
            "personStress": round(self.person, 4),
            "packetRate": round(self.packet_rate),
            "startSeconds": round(self.start_seconds, 1),
        }


def costs(levels: Sequence[float]) -> tuple[float, float]:
    """Return the stress of a person, and the packets a second at stress 1, of the calls.

    A call's people cost something each, and its packets grow with the square of their number: what
    comes nearest to all calls, with neither less than nothing.

    Raises:
        AssertionError: the calls are no load that tells anything.
    """
    if levels[-1] < LEAST:
        raise AssertionError(f"calls of {GAUGES} cost {levels}: no load to measure by")
    squares = [EACH * n * n for n in GAUGES]
    people = sum(n * n for n in GAUGES)
    packets = sum(x * x for x in squares)
    both = sum(n * x for n, x in zip(GAUGES, squares, strict=True))
    by_people = sum(n * y for n, y in zip(GAUGES, levels, strict=True))
    by_packets = sum(x * y for x, y in zip(squares, levels, strict=True))
    person = (by_people * packets - by_packets * both) / (people * packets - both * both)
    packet = (by_packets - person * both) / packets
    if person < 0:
        return 0.0, packets / by_packets
    if packet <= 0:
        return by_people / people, FREE
    return person, 1 / packet


def fitted(described: Object, machine: Machine) -> Object:
    """Return the workload on a machine: with its figures, and the stress wanted in proportion."""
    scale = machine.call(TYPICAL) / Machine.of(described.get("bridge", {})).call(TYPICAL)
    scaling: Object = described.get("autoscaling", {})
    metrics = [_scaled(each, scale) for each in scaling.get("metrics", ())]
    return {
        **described,
        "bridge": {**described.get("bridge", {}), **machine.description()},
        "autoscaling": {**scaling, **({"metrics": metrics} if metrics else {})},
    }


def _scaled(metric: Object, scale: float) -> Object:
    target = metric["target"]
    if metric["type"] != "Stress" or "averageValue" not in target:
        return metric
    wanted = round(scale * float(target["averageValue"]), 3)
    return {**metric, "target": {**target, "averageValue": str(wanted)}}
