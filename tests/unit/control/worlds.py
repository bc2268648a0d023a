"""A small world to plan in: nodes, pods, bridges, Jicofo and people, moved on by hand.

It obeys actions the way the real one does, and it is strict: an action that would drop
somebody raises `Dropped`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from tests.unit.control.simulated import SimulatedBridge

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import EffectiveRegion, effective_region
from octofleet.api.regions import OctoRegion
from octofleet.core import flapping, lifecycle, planning, sizing
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
    Proof,
    Reading,
    Snapshot,
    Timestamp,
)
from octofleet.core.planning import Plan
from octofleet.core.sizing import Decision

NOW = Timestamp(1_700_000_000.0)


class DroppedError(AssertionError):
    """Somebody was dropped."""


def region(spec: dict[str, object] | None = None, **autoscaling: object) -> EffectiveRegion:
    """Return a region of a small cluster."""
    cluster = JitsiCluster.model_validate(
        {"metadata": {"name": "meet", "namespace": "meet"}, "spec": {"domain": "meet.example"}}
    )
    own = OctoRegion.model_validate(
        {
            "metadata": {"name": "eu", "namespace": "meet", "uid": "u", "generation": 1},
            "spec": {
                "clusterRef": {"name": "meet"},
                "region": "eu",
                "autoscaling": autoscaling,
                **(spec or {}),
            },
        }
    )
    return effective_region(cluster, own)


def people_only(target: int = 50, **autoscaling: object) -> EffectiveRegion:
    """Return a region that is sized by people alone, without delays."""
    defaults: dict[str, object] = {
        "minBridges": 2,
        "maxBridges": 20,
        "metrics": [{"type": "Participants", "target": {"averageValue": target}}],
        "behavior": {"scaleDown": {"stabilizationWindow": "0s"}},
    }
    return region(None, **{**defaults, **autoscaling})


def ready_bridge(name: str = "eu-0", people: int = 0, now: float = NOW, **fields: object) -> Bridge:
    """Return a bridge that serves, with fresh readings."""
    at = Timestamp(now)
    meetings = (Conference(f"{name}-meeting", people, at),) if people else ()
    bridge = Bridge(
        name=name,
        uid=f"uid-{name}",
        node=f"node-{name}",
        node_address="192.0.2.1",
        nickname=name,
        pod_phase="Running",
        pod_ready=True,
        created_at=Timestamp(now - 1000),
        ready_since=Timestamp(now - 990),
        registered=True,
        registered_at=at,
        in_brewery=True,
        healthy=True,
        draining=False,
        shutting_down=False,
        participants=Reading(people, at),
        stress=Reading(people / 100, at),
        cpu_utilization=Reading(people, at),
        conferences=meetings,
    )
    return replace(bridge, **fields)  # pyright: ignore[reportArgumentType] - any field


def draining_bridge(name: str, people: int = 0, since: float = NOW, **fields: object) -> Bridge:
    """Return a bridge that drains at our word."""
    bridge = replace(
        ready_bridge(name, people),
        draining=True,
        drain_reason=planning.SCALE_IN,
        draining_since=Timestamp(since),
    )
    return replace(bridge, **fields)  # pyright: ignore[reportArgumentType] - any field


def pending_bridge(name: str, **fields: object) -> Bridge:
    """Return a bridge whose pod waits for a node."""
    bridge = Bridge(name, f"uid-{name}", None, None, name, "Pending", False, NOW, registered=False)
    return replace(bridge, **fields)  # pyright: ignore[reportArgumentType] - any field


CLUSTER = Cluster(
    namespace="meet",
    name="meet",
    exists=True,
    controller_ready=True,
    jicofo_reachable=True,
    jicofo_seen_at=NOW,
    brewery_seen_at=NOW,
    metrics_seen_at=NOW,
)


def nodes(number: int) -> tuple[Node, ...]:
    """Return nodes that can take a bridge each."""
    return tuple(Node(f"node-{n}", True, True, True) for n in range(number))


def snapshot(
    *bridges: Bridge,
    free_nodes: int = 10,
    history: History | None = None,
    cluster: Cluster = CLUSTER,
) -> Snapshot:
    """Return a snapshot of bridges and some nodes without any."""
    return Snapshot("meet", "eu", NOW, cluster, bridges, nodes(free_nodes), history or History())


def decision(wanted: int, *, removing: bool = False) -> Decision:
    """Return a decision for a size."""
    mode = region().autoscaling.mode
    return Decision(NOW, mode, wanted, wanted, wanted, removing=removing)


@dataclass
class World:
    """All there is, at one moment."""

    region: EffectiveRegion
    node_names: list[str]
    start_seconds: float = 4
    register_seconds: float = 3
    exit_seconds: float = 3
    presence_seconds: float = 0
    """How often bridges tell their load; what they told last is seen meanwhile."""
    stress_of_one: float = 0.01
    now: float = NOW
    bridges: dict[str, SimulatedBridge] = field(default_factory=dict[str, SimulatedBridge])
    meetings: dict[str, tuple[int, str | None]] = field(
        default_factory=dict[str, tuple[int, str | None]]
    )
    """People and the bridge's uid, by the meeting's name."""
    shy_names: frozenset[str] = frozenset()
    failing_names: frozenset[str] = frozenset()
    broken_nodes: set[str] = field(default_factory=set[str])
    leaving_nodes: set[str] = field(default_factory=set[str])
    jicofo_up: bool = True
    release: str | None = None
    """The release that is wanted."""
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """What is wrong with a release: its bridges are failed, shy or mute (their proof fails)."""
    history: History = field(default_factory=History)
    last_moved: float | None = None
    log: list[Action] = field(default_factory=list[Action])
    moved: int = 0
    _told: dict[str, tuple[float, int, bool]] = field(
        default_factory=dict[str, tuple[float, int, bool]]
    )
    _heard: dict[str, Timestamp] = field(default_factory=dict[str, Timestamp])
    _uids: "count[int]" = field(default_factory=count)

    # People -----------------------------------------------------------------------------

    def call(self, name: str, people: int) -> None:
        """Start a meeting, or change its size; nobody ends it."""
        if people == 0:
            self.meetings.pop(name, None)
        else:
            uid = self.meetings.get(name, (0, None))[1]
            self.meetings[name] = (people, uid)
        self._place()

    def people_on(self, bridge: SimulatedBridge) -> int:
        return sum(people for people, uid in self.meetings.values() if uid == bridge.uid)

    def _place(self) -> None:
        for name, (people, uid) in self.meetings.items():
            if uid is None and (chosen := self._pick()) is not None:
                self.meetings[name] = (people, chosen.uid)

    def _pick(self) -> SimulatedBridge | None:
        serving = [b for b in self.bridges.values() if self._registered(b) and not b.shutdown_at]
        candidates = [b for b in serving if not b.draining] or serving
        return min(candidates, key=lambda b: (self.people_on(b), b.name), default=None)

    # Time -------------------------------------------------------------------------------

    def _running(self, bridge: SimulatedBridge) -> bool:
        started = bridge.started is not None and self.now >= bridge.started
        return started and not bridge.ended and not bridge.failed

    def _registered(self, bridge: SimulatedBridge) -> bool:
        if not self._running(bridge) or bridge.shy or bridge.node in self.broken_nodes:
            return False
        return self.now >= (bridge.started or 0) + self.register_seconds

    def tick(self, seconds: float = 5) -> None:
        """Move time on."""
        self.now += seconds
        taken = {b.node for b in self.bridges.values() if not b.ended}
        for bridge in self.bridges.values():
            unusable = taken | self.broken_nodes | self.leaving_nodes
            free = [n for n in self.node_names if n not in unusable]
            if bridge.node is None and free:
                bridge.node = free[0]
                taken.add(free[0])
                bridge.started = self.now + self.start_seconds
            if bridge.shutdown_at is not None and self.people_on(bridge) == 0:
                bridge.ended = bridge.ended or self.now >= bridge.shutdown_at + self.exit_seconds
        self._place()

    # What the operator sees and does ----------------------------------------------------

    def observe(self) -> Snapshot:
        return Snapshot(
            "meet",
            "eu",
            Timestamp(self.now),
            replace(
                CLUSTER,
                jicofo_reachable=self.jicofo_up,
                brewery_seen_at=Timestamp(self.now),
                metrics_seen_at=Timestamp(self.now),
            ),
            tuple(self._seen(bridge) for bridge in self.bridges.values()),
            tuple(self._node(name) for name in self.node_names),
            self.history,
            release=self.release,
        )

    def _node(self, name: str) -> Node:
        leaving = name in self.leaving_nodes
        why = "cordoned" if leaving else None
        return Node(name, name not in self.broken_nodes, not leaving, True, leaving=why)

    def _seen(self, bridge: SimulatedBridge) -> Bridge:
        running, now = self._running(bridge), Timestamp(self.now)
        reachable = running and bridge.node not in self.broken_nodes
        at, people, draining = self._presence(bridge)
        registered = self._registered(bridge)
        meetings = tuple(
            Conference(name, size, now)
            for name, (size, uid) in self.meetings.items()
            if uid == bridge.uid
        )
        started = Timestamp(bridge.started) if bridge.started is not None else None
        return Bridge(
            name=bridge.name,
            uid=bridge.uid,
            node=bridge.node,
            node_address=bridge.node,
            nickname=bridge.uid,
            pod_phase="Succeeded" if bridge.ended else "Running" if running else "Pending",
            pod_ready=reachable,
            created_at=Timestamp(bridge.created),
            ready_since=started if reachable else None,
            waiting_reason="ImagePullBackOff" if bridge.failed else None,
            release=bridge.release,
            proof=bridge.proof,
            drain_reason=bridge.drain_reason,
            draining_since=(
                None if bridge.draining_since is None else Timestamp(bridge.draining_since)
            ),
            shutdown_sent_at=None if bridge.shutdown_at is None else Timestamp(bridge.shutdown_at),
            moved_at=None if self.last_moved is None else Timestamp(self.last_moved),
            registered=registered if self.jicofo_up else None,
            registered_at=self._heard_of(bridge, registered),
            in_brewery=registered,
            healthy=True if reachable else None,
            draining=draining if reachable else None,
            shutting_down=bridge.shutdown_at is not None if reachable else None,
            participants=Reading(people, at) if reachable else None,
            stress=Reading(people * self.stress_of_one, at) if reachable else None,
            cpu_utilization=Reading(people, at) if reachable else None,
            conferences=meetings if self.jicofo_up else None,
        )

    def _heard_of(self, bridge: SimulatedBridge, registered: bool) -> Timestamp | None:
        if registered:
            self._heard[bridge.uid] = Timestamp(self.now)
        return self._heard.get(bridge.uid)

    def _presence(self, bridge: SimulatedBridge) -> tuple[Timestamp, int, bool]:
        """Return what the bridge told last."""
        told = self._told.get(bridge.uid)
        if told is None or self.now - told[0] >= self.presence_seconds:
            told = (self.now, self.people_on(bridge), bridge.draining)
            self._told[bridge.uid] = told
        return Timestamp(told[0]), told[1], told[2]

    def apply(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.log.append(action)
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case CreateBridge(name, release, prove):
                assert name not in self.bridges, f"{name} exists"
                bridge = SimulatedBridge(name, f"uid-{next(self._uids)}", self.now)
                bridge.release = release or self.release
                bridge.proof = Proof.WANTED if prove else None
                bridge.draining = prove
                fault = self.faults.get(bridge.release or "")
                bridge.shy = name in self.shy_names or fault == "shy"
                bridge.failed = name in self.failing_names or fault == "failed"
                self.bridges[name] = bridge
            case ProveBridge(name):
                bridge = self.bridges[name]
                assert self._registered(bridge)
                if self.faults.get(bridge.release or "") == "mute":
                    bridge.proof = Proof.FAILED
                else:
                    bridge.proof, bridge.draining = Proof.PASSED, False
            case TellAddress(name):
                assert name in self.bridges
            case DrainBridge(name, reason):
                bridge = self.bridges[name]
                bridge.drain_reason = reason
                bridge.draining_since = bridge.draining_since or self.now
                bridge.draining = self._running(bridge)
            case UndrainBridge(name):
                bridge = self.bridges[name]
                bridge.drain_reason = bridge.draining_since = None
                bridge.draining = False
            case MoveConference(name, conference, people, _):
                assert self.meetings[conference] == (people, self.bridges[name].uid)
                self.moved += people
                self.meetings[conference] = (people, None)
                self._place()
                self.last_moved = self.now
            case ShutDownBridge(name):
                # As the real one: whoever joined since the count is waited for.
                self.bridges[name].shutdown_at = self.now
                late = self.people_on(self.bridges[name])
                if late and self.presence_seconds == 0:
                    raise DroppedError(f"{name} was shut down with people on it")
            case DeleteBridge(name, uid):
                bridge = self.bridges[name]
                assert bridge.uid == uid
                if self.people_on(bridge):
                    raise DroppedError(f"{name} was deleted with people on it")
                del self.bridges[name]

    def step(self, seconds: float = 5) -> tuple[Decision, Plan]:
        """Look, decide, plan, act, and let time pass."""
        seen = self.observe()
        judged = lifecycle.judged(seen, seen.taken_at, limits_of(self.region.autoscaling))
        seen = replace(seen, history=flapping.noticed(seen, judged))
        decided = sizing.decide(self.region, seen, Timestamp(self.now))
        planned = planning.plan(self.region, seen, decided, Timestamp(self.now))
        self.history = replace(decided.history, failed=planned.stage.failed)
        self.apply(planned.actions)
        self.tick(seconds)
        return decided, planned

    def run(self, steps: int, seconds: float = 5) -> tuple[Decision, Plan]:
        """Take a number of steps; return the last."""
        last = self.step(seconds)
        for _ in range(steps - 1):
            last = self.step(seconds)
        return last

    def ready(self) -> int:
        """Return how many bridges serve."""
        return sum(self._registered(b) and not b.draining for b in self.bridges.values())
