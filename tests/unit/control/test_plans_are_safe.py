"""Whatever is observed, no plan stops, deletes or empties a bridge that may have people on it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.control.worlds import (
    CLUSTER,
    NOW,
    decision,
    nodes,
    people_only,
    snapshot,
)

from octofleet.core import lifecycle, planning, sizing
from octofleet.core.actions import (
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ProveBridge,
    ShutDownBridge,
    TellAddress,
    UndrainBridge,
)
from octofleet.core.drafts import SCALE_IN
from octofleet.core.limits import (
    FLAPPING,
    NODE_LEAVING,
    REQUESTED,
    REQUESTED_NOW,
    UPGRADE,
    Limits,
)
from octofleet.core.observation import (
    Bridge,
    BridgeState,
    Conference,
    FailedRelease,
    Fall,
    History,
    Node,
    Proof,
    Reading,
    Snapshot,
    Timestamp,
)

REASONS = (SCALE_IN, UPGRADE, NODE_LEAVING, REQUESTED, REQUESTED_NOW, FLAPPING, "Other")
IMPATIENT = {NODE_LEAVING, REQUESTED_NOW}
maybe = st.one_of(st.none(), st.booleans())
ages = st.sampled_from([0, 1, 10, 25, 60, 400, 5000])
moments = ages.map(lambda age: Timestamp(NOW - age))
readings = st.one_of(
    st.none(),
    st.builds(Reading, st.integers(0, 3), moments),
)
conferences = st.one_of(
    st.none(),
    st.lists(
        st.builds(Conference, st.sampled_from("abc"), st.integers(0, 3), moments), max_size=2
    ).map(lambda found: tuple(found)),
)


@st.composite
def any_bridge(draw: st.DrawFn, name: str) -> Bridge:
    """Return a bridge of any kind, contradictions included."""
    ready = draw(st.booleans())
    return Bridge(
        name=name,
        uid=f"uid-{name}",
        node=draw(st.one_of(st.none(), st.just(f"node-{name}"))),
        node_address=None,
        nickname=name,
        pod_phase=draw(st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"])),
        pod_ready=ready,
        created_at=draw(moments),
        ready_since=draw(moments) if ready else None,
        deleting_since=draw(st.one_of(st.none(), st.none(), moments)),
        killed_at=draw(st.one_of(st.none(), moments)),
        placed_at=draw(st.one_of(st.none(), moments)),
        ended_at=draw(st.one_of(st.none(), moments)),
        version=draw(st.sampled_from([None, "1", "2"])),
        has_relays=draw(st.booleans()),
        drain_request=draw(st.sampled_from([None, None, "patiently", "now"])),
        waiting_reason=draw(st.sampled_from([None, None, "CrashLoopBackOff", "Unschedulable"])),
        drain_reason=draw(st.sampled_from([None, None, *REASONS])),
        release=draw(st.sampled_from([None, "old", "new"])),
        proof=draw(st.sampled_from([None, None, *Proof])),
        proved_at=draw(st.one_of(st.none(), moments)),
        started_at=draw(st.one_of(st.none(), moments)),
        never_ready=draw(st.booleans()) and not ready,
        draining_since=draw(st.one_of(st.none(), moments)),
        shutdown_sent_at=draw(st.one_of(st.none(), st.none(), moments)),
        moved_at=draw(st.one_of(st.none(), moments)),
        registered=draw(maybe),
        registered_at=draw(st.one_of(st.none(), moments)),
        in_brewery=draw(maybe),
        healthy=draw(maybe),
        config_hash=draw(st.sampled_from([None, "old", "new"])),
        draining=draw(maybe),
        shutting_down=draw(maybe),
        participants=draw(readings),
        stress=draw(readings),
        cpu_utilization=draw(readings),
        conferences=draw(conferences),
    )


@st.composite
def any_snapshot(draw: st.DrawFn) -> Snapshot:
    bridges = tuple(draw(any_bridge(f"eu-{n}")) for n in range(draw(st.integers(0, 5))))
    cluster = replace(
        CLUSTER,
        exists=draw(st.sampled_from([True, True, True, False])),
        jicofo_reachable=draw(st.booleans()),
        controller_ready=draw(st.booleans()),
    )
    leaving = st.sampled_from([None, None, "cordoned"])
    held = tuple(Node(f"node-{b.name}", True, True, True, leaving=draw(leaving)) for b in bridges)
    free = nodes(draw(st.integers(0, 6)))
    seen = replace(snapshot(*bridges), nodes=held + free, cluster=cluster)
    failed = FailedRelease("new", "it failed", NOW)
    fallen = (
        draw(st.lists(st.sampled_from([b.name for b in bridges]), max_size=8)) if bridges else ()
    )
    falls = tuple(Fall(name, Timestamp(NOW - 100)) for name in fallen)
    history = History(failed=draw(st.sampled_from([None, failed])), falls=falls)
    release = draw(st.sampled_from([None, "new", "newer"]))
    made = draw(st.sampled_from([None, "new"]))
    return replace(seen, config_hash=made, release=release, history=history)


REGION = people_only(5, drain={"patience": "30s", "deadline": "1h", "atDeadline": "Move"})


RETURNING = {SCALE_IN, UPGRADE, NODE_LEAVING, REQUESTED, REQUESTED_NOW}
"""Drains for these reasons may be taken back; what flaps isn't trusted again."""


def is_due(bridge: Bridge) -> bool:
    """Tell whether people may be moved off the bridge: its patience is over."""
    if bridge.deleting_since is not None:
        return bridge.killed_at is not None
    patience = 0 if bridge.drain_reason in IMPATIENT else 30
    waited = NOW - (bridge.draining_since or NOW)
    return bridge.drain_reason is not None and waited >= patience


def nothing_runs(bridge: Bridge) -> bool:
    if bridge.pod_phase in {"Succeeded", "Failed", "Pending"}:
        return True
    crashed = bridge.waiting_reason in lifecycle.NOT_RUNNING or bridge.never_ready
    return crashed and bridge.registered is False and bridge.in_brewery is False


def certainly_empty(bridge: Bridge) -> bool:
    people = bridge.participants
    fresh = people is not None and people.age(NOW) <= Limits().empty_age
    return fresh and people is not None and people.value == 0


@settings(max_examples=200, deadline=None)
@given(any_snapshot(), st.integers(0, 6), st.booleans())
def test_only_what_is_certainly_empty_is_stopped(
    seen: Snapshot, wanted: int, removing: bool
) -> None:
    known = {bridge.name: bridge for bridge in seen.bridges}
    size = decision(0 if removing else wanted, removing=removing)
    planned = planning.plan(REGION, seen, size, NOW)
    for action in planned.actions:
        match action:
            case ShutDownBridge(name):
                assert certainly_empty(known[name])
                assert known[name].draining or known[name].shutdown_sent_at is not None
            case DeleteBridge(name, uid):
                assert nothing_runs(known[name])
                assert uid == known[name].uid
            case TellAddress(name):
                assert known[name].awaits_address
            case MoveConference(name, conference, people, whole):
                bridge = known[name]
                assert bridge.draining is True
                assert is_due(bridge)
                assert seen.cluster.jicofo_reachable
                shares = {each.id: each.participants for each in bridge.conferences or ()}
                assert 0 < people <= shares[conference]
                assert whole or bridge.has_relays
            case UndrainBridge(name):
                bridge = known[name]
                restarted = bridge.drain_reason is None and bridge.proof is Proof.PASSED
                assert bridge.drain_reason in RETURNING or restarted
                assert bridge.shutdown_sent_at is None
                assert bridge.deleting_since is None
            case ProveBridge(name):
                bridge = known[name]
                assert bridge.proof is Proof.WANTED
                assert bridge.drain_reason is None
                assert bridge.release == planned.stage.target
            case DrainBridge(name):
                bridge = known[name]
                serves = lifecycle.classify(bridge, NOW, Limits()) is BridgeState.READY
                told = bridge.drain_request is not None or action.reason in {NODE_LEAVING, FLAPPING}
                known_load = bridge.participants is not None
                assert not serves or known_load or told or size.wanted == 0
                assert seen.cluster.jicofo_reachable or not serves or size.wanted == 0
            case CreateBridge(name):
                assert name not in known
    assert sum(isinstance(action, MoveConference) for action in planned.actions) <= 1
    stopped = [a.name for a in planned.actions if isinstance(a, ShutDownBridge | DeleteBridge)]
    assert len(stopped) == len(set(stopped))


@settings(max_examples=60, deadline=None)
@given(any_snapshot(), st.integers(1, 5))
def test_no_plan_grows_beyond_free_nodes(seen: Snapshot, wanted: int) -> None:
    planned = planning.plan(REGION, seen, decision(wanted), NOW)
    created = sum(isinstance(action, CreateBridge) for action in planned.actions)
    alive = [b for b in seen.bridges if b.pod_phase not in {"Succeeded", "Failed"}]
    held = {b.node for b in alive}
    free = [node for node in seen.nodes if node.name not in held]
    assert created <= len(free)


@settings(max_examples=60, deadline=None)
@given(any_snapshot())
def test_every_snapshot_gets_a_decision_and_a_plan(seen: Snapshot) -> None:
    decided = sizing.decide(REGION, seen, NOW)
    planning.plan(REGION, seen, decided, NOW)
    assert decided.wanted >= 0
    assert decided.message
