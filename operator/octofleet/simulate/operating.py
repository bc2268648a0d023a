"""Octofleet's own policy: the code that runs in the operator, on snapshots of a simulated fleet.

Nothing is decided here. `observe` shows a region as the shell's observer would, with readings as
old as presence makes them; `octofleet.core` decides and plans; `act` obeys as the actuator would.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final, assert_never, overload

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import EffectiveRegion, effective_region
from octofleet.api.regions import OctoRegion
from octofleet.core import learning, planning, sizing
from octofleet.core.actions import (
    Action,
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ProveBridge,
    ShutDownBridge,
    TellAddress,
    UndrainBridge,
)
from octofleet.core.limits import limits_of
from octofleet.core.observation import (
    Bridge,
    Cluster,
    Conference,
    History,
    Node,
    Reading,
    Snapshot,
    Timestamp,
)
from octofleet.core.sizing import Decision
from octofleet.simulate.bridges import Share, SimBridge
from octofleet.simulate.description import Workload
from octofleet.simulate.engine import Simulation

__all__ = ["DEFAULT_AUTOSCALING", "Operating", "autoscaling_of", "region_of"]

POD_SECONDS: Final = 0.6
"""Of the time a bridge takes to start, how much passes before its pod runs."""

DEFAULT_AUTOSCALING: Final[dict[str, Any]] = {
    "metrics": [{"type": "Stress", "target": {"averageValue": "0.7"}}],
    "headroom": {"joins": "P99"},
    "rebalancing": "Auto",
    "behavior": {"scaleDown": {"stabilizationWindow": "60s"}},
    "drain": {"patience": "2m"},
}


def autoscaling_of(workload: Workload) -> dict[str, Any]:
    """Return the settings of a workload's regions, as an OctoRegion's."""
    return {
        "minBridges": workload.min_bridges,
        "maxBridges": workload.max_bridges,
        **DEFAULT_AUTOSCALING,
        **workload.autoscaling,
    }


def region_of(workload: Workload, index: int) -> EffectiveRegion:
    """Return a region of a workload as the operator would see it."""
    name = workload.regions[index].name
    cluster = JitsiCluster.model_validate(
        {"metadata": {"name": "meet", "namespace": "meet"}, "spec": {"domain": "meet.example"}}
    )
    region = OctoRegion.model_validate(
        {
            "metadata": {"name": name, "namespace": "meet", "uid": name},
            "spec": {
                "clusterRef": {"name": "meet"},
                "region": name,
                "autoscaling": autoscaling_of(workload),
            },
        }
    )
    return effective_region(cluster, region)


class _Conferences(Sequence[Conference]):
    """The meetings on a bridge, looked up only if somebody asks, and then once."""

    def __init__(self, shares: dict[int, Share]) -> None:
        self._shares = shares

    @cached_property
    def _found(self) -> tuple[Conference, ...]:
        return tuple(
            Conference(str(index), share.people, Timestamp(share.call.since))
            for index, share in self._shares.items()
        )

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Conference]:
        return iter(self._found)

    @overload
    def __getitem__(self, index: int) -> Conference: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Conference]: ...
    def __getitem__(self, index: int | slice) -> Conference | Sequence[Conference]:
        return self._found[index]


class Operating:
    """The operator's core at work on a simulated deployment."""

    def __init__(self, workload: Workload, period: float | None = None) -> None:
        self.name, self.workload = "octofleet", workload
        self.period = workload.decision_seconds if period is None else period
        self.regions = [region_of(workload, n) for n in range(len(workload.regions))]
        self.decisions: list[Decision | None] = [None for _ in self.regions]
        self._limits = [limits_of(each.autoscaling) for each in self.regions]
        self._histories = [History() for _ in self.regions]
        most = [each.autoscaling.max_bridges for each in self.regions]
        self._nodes = [
            tuple(Node(f"free-{n}", True, True, True) for n in range(number)) for number in most
        ]

    def start(self, simulation: Simulation, region: int) -> int:
        """Return with how many bridges a region begins."""
        return self.regions[region].autoscaling.min_bridges

    def step(self, simulation: Simulation, region: int, now: float) -> None:
        """Look, decide, plan and act, as a reconcile does."""
        seen = self.observe(simulation, region, now)
        decided = sizing.decide(self.regions[region], seen, seen.taken_at)
        planned = planning.plan(self.regions[region], seen, decided, seen.taken_at)
        self._histories[region] = decided.history
        self.decisions[region] = decided
        if decided.history.memory.costs:
            memory, limits = decided.history.memory, self._limits[region]
            simulation.participant_stress = learning.stress_of_one(memory, "", limits).mean
        self.carry_out(simulation, region, planned.actions)

    def carry_out(self, simulation: Simulation, region: int, actions: tuple[Action, ...]) -> None:
        """Do what a plan asks for."""
        for action in actions:
            self._act(simulation, region, action)

    def observe(self, simulation: Simulation, region: int, now: float) -> Snapshot:
        """Return a region as the operator would see it."""
        at, outage = Timestamp(now), simulation.outages[region]
        bridges = [each for each in simulation.fleet.bridges.values() if each.region == region]
        cluster = Cluster(
            namespace="meet",
            name="meet",
            exists=True,
            controller_ready=True,
            jicofo_reachable=not outage.jicofo,
            jicofo_seen_at=at,
            brewery_seen_at=at,
            metrics_seen_at=at,
        )
        return Snapshot(
            "meet",
            self.regions[region].name,
            at,
            cluster,
            tuple(self._seen(simulation, region, each, at) for each in bridges),
            self._nodes[region],
            self._histories[region],
        )

    def _seen(
        self, simulation: Simulation, region: int, bridge: SimBridge, now: Timestamp
    ) -> Bridge:
        runs = bridge.registered or now >= bridge.created + POD_SECONDS * (
            bridge.registers - bridge.created
        )
        outage = simulation.outages[region]
        if not bridge.registered:
            people = stress = placed = None
        else:
            told, level, count = simulation.heard(bridge, now)
            people, stress = Reading(count, Timestamp(told)), Reading(level, Timestamp(told))
            placed = None if outage.jicofo else Reading(bridge.people, now)
        moment = _moment
        return Bridge(
            name=bridge.name,
            uid=bridge.uid,
            node=bridge.node if runs else None,
            node_address=bridge.node if runs else None,
            nickname=bridge.uid,
            pod_phase="Running" if runs else "Pending",
            pod_ready=bridge.registered,
            created_at=Timestamp(bridge.created),
            ready_since=Timestamp(bridge.registers) if bridge.registered else None,
            version=bridge.version,
            drain_reason=bridge.drain_reason,
            draining_since=moment(bridge.draining_since),
            shutdown_sent_at=moment(bridge.shutdown_at),
            moved_at=moment(bridge.moved_at),
            registered=None if outage.jicofo else bridge.registered,
            registered_at=now if bridge.registered else None,
            in_brewery=bridge.registered,
            has_relays=self.workload.placement.relays,
            healthy=bridge.registered or None,
            draining=bridge.told_draining if bridge.registered else None,
            shutting_down=bridge.graceful if bridge.registered else None,
            participants=people,
            stress=stress,
            placed=placed,
            conferences=None if outage.jicofo else _Conferences(bridge.calls),
        )

    def _act(self, simulation: Simulation, region: int, action: Action) -> None:
        bridges = simulation.fleet.bridges
        match action:
            case CreateBridge(name):
                simulation.create(region, name)
            case ProveBridge():
                pass  # Simulated bridges are all of one release.
            case DrainBridge(name, reason):
                bridge = bridges[name]
                bridge.drain_reason = reason
                if bridge.draining_since is None:
                    bridge.draining_since = simulation.now
                simulation.drain(bridge)
            case UndrainBridge(name):
                bridge = bridges[name]
                bridge.drain_reason = bridge.draining_since = None
                simulation.drain(bridge, enable=False)
            case MoveConference(name, conference, people, whole):
                most = None if whole else people
                simulation.move_call(bridges[name], int(conference), most)
            case ShutDownBridge(name):
                # As the actuator: who came since the count is asked first.
                if bridges[name].people == 0:
                    simulation.shut_down(bridges[name])
            case DeleteBridge(name):
                if name in bridges:
                    simulation.delete(bridges[name])
            case TellAddress():
                pass  # Its bridges wait for no address.
            case _:
                assert_never(action)


def _moment(at: float | None) -> Timestamp | None:
    return None if at is None else Timestamp(at)
