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
from octofleet.core.limits import UPGRADE, Limits
from octofleet.core.observation import (
    Bridge,
    BridgeState,
    Conference,
    FailedRelease,
    History,
    Proof,
    Reading,
    Snapshot,
    Timestamp,
)

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
        waiting_reason=draw(st.sampled_from([None, None, "CrashLoopBackOff", "Unschedulable"])),
        drain_reason=draw(st.sampled_from([None, None, "ScaleIn", "Upgrade", "Other"])),
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
    seen = replace(snapshot(*bridges), nodes=nodes(draw(st.integers(0, 6))), cluster=cluster)
    failed = FailedRelease("new", "it failed", NOW)
    history = History(failed=draw(st.sampled_from([None, failed])))
    release = draw(st.sampled_from([None, "new", "newer"]))
    made = draw(st.sampled_from([None, "new"]))
    return replace(seen, config_hash=made, release=release, history=history)


REGION = people_only(5, drain={"patience": "30s", "deadline": "1h", "atDeadline": "Move"})


def nothing_runs(bridge: Bridge) -> bool:
    if bridge.pod_phase in {"Succeeded", "Failed", "Pending"}:
        return True
    crashed = bridge.waiting_reason in lifecycle.NOT_RUNNING or bridge.never_ready
    return crashed and bridge.registered is False and bridge.in_brewery is False


def certainly_empty(bridge: Bridge) -> bool:
    people = bridge.participants
    fresh = people is not None and people.age(NOW) <= Limits().empty_age
    return fresh and people is not None and people.value == 0


@settings(max_examples=150, deadline=None)
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
            case MoveConference(name, conference, people, _):
                bridge = known[name]
                assert bridge.draining is True
                assert bridge.drain_reason is not None
                assert NOW - (bridge.draining_since or NOW) >= 30
                assert seen.cluster.jicofo_reachable
                assert (conference, people) in [
                    (each.id, each.participants) for each in bridge.conferences or ()
                ]
            case UndrainBridge(name):
                bridge = known[name]
                restarted = bridge.drain_reason is None and bridge.proof is Proof.PASSED
                assert bridge.drain_reason in {planning.SCALE_IN, UPGRADE} or restarted
                assert bridge.shutdown_sent_at is None
            case ProveBridge(name):
                bridge = known[name]
                assert bridge.proof is Proof.WANTED
                assert bridge.drain_reason is None
                assert bridge.release == planned.stage.target
            case DrainBridge(name):
                bridge = known[name]
                serves = lifecycle.classify(bridge, NOW, Limits()) is BridgeState.READY
                assert not serves or bridge.participants is not None or size.wanted == 0
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
