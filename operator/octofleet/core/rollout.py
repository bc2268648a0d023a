"""Upgrades: bridges of a new release beside those of the old, proven, then in their place.

Pure, and as any plan one safe step at a time, read off what is seen: which release each bridge is
of stands on its pod, so a restarted operator goes on where the last one stopped. Jicofo never
mixes versions in a conference, so the releases live side by side and no call changes hands but
whole.

* One bridge of the new release comes first, drained, so that Jicofo gives it nobody. It is proven:
  registered, healthy, and a call tried on it carries media both ways.
* Then as many more as there are nodes for, each proven likewise; as each begins to serve, one of
  the old that the others can spare drains.
* Where no node is free, one of the old leaves first, if the others take its calls; else it waits.
* If the first doesn't make it, or all of the new stop serving, what was before is restored. The
  release isn't tried again until something else is asked for.
"""

from collections import Counter

from octofleet.core import growing, selection, shrinking
from octofleet.core.actions import CreateBridge, DrainBridge, ProveBridge, UndrainBridge
from octofleet.core.drafts import (
    AILING,
    LEAVING,
    READY,
    SERVING,
    Draft,
    RefusalReason,
)
from octofleet.core.lifecycle import NOT_RUNNING, JudgedBridge
from octofleet.core.limits import UPGRADE
from octofleet.core.observation import ENDED, Bridge, BridgeState, FailedRelease, Proof
from octofleet.core.selection import Choice
from octofleet.core.stages import Phase, Stage

__all__ = ["advance", "assess", "begin", "expected", "give_back", "holds"]

S = BridgeState


def assess(draft: Draft) -> Stage:
    """Return where the upgrade stands before this step."""
    wanted = draft.snapshot.release
    if wanted is None or draft.decision.removing:
        return Stage()
    fallback = _fallback(draft, wanted)
    failed = draft.snapshot.history.failed
    if failed is not None and failed.release != wanted:
        failed = None
    if failed is None and fallback is not None:
        reason = _fault(draft, wanted)
        failed = None if reason is None else FailedRelease(wanted, reason, draft.now)
    target = wanted if failed is None or fallback is None else fallback
    proven = any(each.bridge.release == target for each in draft.of(READY))
    # One that nothing runs in yet has nobody to keep: it is made anew, with no proof to wait for.
    used = draft.staying(SERVING - {S.PENDING})
    old = [each.bridge.name for each in used if each.bridge.release != target]
    new = fallback if fallback is not None and not proven else target
    return Stage(
        phase=_phase(draft, target, wanted, proven=proven, outdated=bool(old)),
        wanted=wanted,
        target=target,
        creates=new,
        proves=bool(old) and new == wanted,
        proven=proven,
        outdated=frozenset(old),
        paused=draft.region.upgrades.paused,
        fallback=fallback,
        failed=failed,
    )


def give_back(draft: Draft, stage: Stage) -> set[str]:
    """Take back the drains of bridges that are of the right release after all; return which."""
    if stage.target is None or not draft.snapshot.cluster.jicofo_reachable:
        return set()
    back = {
        each.bridge.name
        for each in draft.of(LEAVING)
        if each.bridge.drain_reason == UPGRADE and each.bridge.release == stage.target
    }
    draft.actions += [UndrainBridge(name) for name in sorted(back)]
    return back


def expected(draft: Draft, stage: Stage, lacking: int) -> int:
    """Return how many bridges lack that nothing under way makes up for.

    Those that are being proven will serve in a moment, unless the first of them proves unfit.
    Where no node is free, a bridge that left for the upgrade is made up for on its own node.
    """
    if lacking <= 0 or stage.target is None:
        return lacking
    coming = _coming(draft, stage)
    if growing.free_nodes(draft) > 0:
        return lacking - (coming if stage.creates == stage.target else 0)
    leaving = [each.bridge for each in draft.bridges if each.bridge.drain_reason == UPGRADE]
    gone = sum(bridge.pod_phase not in ENDED for bridge in leaving)
    return max(0, lacking - gone - coming)


def begin(draft: Draft, stage: Stage) -> None:
    """Start the first bridge of the new release; a node that came free for it is its own."""
    if not stage.proven and stage.is_steered and _missing(draft, stage) > 0:
        growing.start(draft, 1, stage.target, prove=stage.target == stage.wanted)


def holds(draft: Draft, stage: Stage) -> bool:
    """Tell whether the old bridges stay for now, because more of the new ones are on their way.

    People who leave the first of the old ones would land on the others and be moved once more.
    """
    if not stage.is_steered:
        return False
    broken = AILING | {S.LOST}
    coming = [
        each
        for each in _unproven(draft)
        if each.bridge.release == stage.target
        and each.bridge.proof is Proof.WANTED
        and each.state not in broken
        and draft.now - each.bridge.created_at < draft.limits.proof_deadline
    ]
    return bool(coming) or (_missing(draft, stage) > 0 and growing.free_nodes(draft) > 0)


def advance(draft: Draft, stage: Stage) -> None:
    """Take the upgrade's next step."""
    _free_again(draft)
    if stage.target is None:
        return
    _settle_unproven(draft, stage)
    _retire_ailing(draft, stage)
    missing = _missing(draft, stage) if stage.is_steered else 0
    if missing > 0:
        proof = stage.target == stage.wanted
        if growing.start(draft, missing, stage.target, prove=proof) == 0:
            _make_way(draft, stage)


def _coming(draft: Draft, stage: Stage) -> int:
    """Return how many of the target release are on their way to be proven."""
    creates = (action for action in draft.actions if isinstance(action, CreateBridge))
    planned = sum(action.release == stage.target for action in creates)
    return planned + sum(each.bridge.release == stage.target for each in _unproven(draft))


def _missing(draft: Draft, stage: Stage) -> int:
    """Return how many more of the target release should be on their way."""
    coming = _coming(draft, stage)
    coming += sum(
        each.bridge.release == stage.target for each in draft.staying(SERVING - READY | AILING)
    )
    room = draft.limits.max_starting if stage.proven else 1
    staying = draft.staying()
    old = sum(each.bridge.name in stage.outdated for each in staying)
    surplus = max(0, len(staying) - draft.decision.wanted)
    return min(room, old - surplus) - coming


def _make_way(draft: Draft, stage: Stage) -> None:
    """Drain one bridge of the old release, so that one of the new finds a node."""
    under_way = draft.count(LEAVING | {S.STOPPING}) or _unproven(draft) or draft.drained
    if under_way or any(isinstance(action, CreateBridge) for action in draft.actions):
        return
    if not draft.snapshot.cluster.jicofo_reachable:
        why = "no node is free for a bridge of the new release, and Jicofo can't be asked"
        draft.refuse(RefusalReason.UPGRADE_BLOCKED, why)
        return
    staying = draft.staying()
    old = [each for each in staying if each.bridge.name in stage.outdated]
    rest = [each for each in staying if each.bridge.name not in stage.outdated]
    if len(draft.staying(READY)) < max(2, len(staying), draft.decision.wanted):
        why = "too few bridges serve for one to leave first"
    else:
        room = shrinking.capacity(draft)
        choice = selection.choose(old, (), room, draft.now, draft.limits, rest)
        if isinstance(choice, Choice):
            draft.actions.append(DrainBridge(choice.bridge.name, UPGRADE))
            return
        why = choice.because
    text = f"no node is free for a bridge of the new release, and {why}: add a node"
    draft.refuse(RefusalReason.UPGRADE_BLOCKED, text)


def _settle_unproven(draft: Draft, stage: Stage) -> None:
    """Prove what is to be proven; have go what isn't wanted or didn't make it."""
    cluster = draft.snapshot.cluster
    leaving = {node.name for node in draft.snapshot.nodes if node.leaving is not None}
    for each in _unproven(draft):
        bridge = each.bridge
        old = draft.now - bridge.created_at >= draft.limits.renewal
        overdue = draft.now - bridge.created_at >= draft.limits.proof_deadline
        broken = bridge.proof is Proof.FAILED or each.state in AILING | {S.LOST} or overdue
        if bridge.release != stage.target or bridge.node in leaving or (broken and old):
            shrinking.retire(draft, bridge, UPGRADE)
        elif each.state is S.PROVING and bridge.proof is Proof.WANTED and cluster.controller_ready:
            draft.actions.append(ProveBridge(bridge.name))


def _retire_ailing(draft: Draft, stage: Stage) -> None:
    """Have broken bridges of another release go at once: what is asked for now may mend it."""
    for each in draft.of(AILING):
        if each.bridge.release != stage.target and draft.is_known_empty(each.bridge):
            shrinking.retire(draft, each.bridge, UPGRADE)


def _free_again(draft: Draft) -> None:
    """Take the first drain back from bridges that were restarted after their proof.

    They start drained each time, and nobody would know why.
    """
    for each in draft.of(LEAVING):
        bridge = each.bridge
        proved = bridge.proof is Proof.PASSED and bridge.drain_reason is None
        restarted = (bridge.started_at or 0.0) > (bridge.proved_at or 0.0)
        if proved and restarted and bridge.draining is True:
            draft.actions.append(UndrainBridge(bridge.name))


def _unproven(draft: Draft) -> list[JudgedBridge]:
    return [each for each in draft.unproven if each.state is not S.STOPPING]


def _fallback(draft: Draft, wanted: str) -> str | None:
    """Return the release, other than the wanted one, that most bridges serve with."""
    serving = [each.bridge for each in draft.of(READY)]
    serving += [e.bridge for e in draft.of(LEAVING) if e.bridge.drain_reason == UPGRADE]
    counts = Counter(
        bridge.release
        for bridge in serving
        if bridge.release not in (None, wanted) and bridge.registered is not False
    )
    return min(counts, key=lambda name: (-counts[name], name or ""), default=None)


def _fault(draft: Draft, wanted: str) -> str | None:
    """Return why the wanted release isn't fit for people, None while it may be."""
    cluster = draft.snapshot.cluster
    if not (cluster.controller_ready and cluster.jicofo_reachable):
        return None
    new = [each for each in draft.bridges if each.bridge.release == wanted]
    if any(each.state is S.READY for each in new):
        return None
    for each in new:
        if (fault := _fault_of(draft, each)) is not None:
            return f"{each.bridge.name} {fault}"
    return None


def _fault_of(draft: Draft, each: JudgedBridge) -> str | None:
    bridge, age, limits = each.bridge, draft.now - each.bridge.created_at, draft.limits
    if bridge.proof is Proof.FAILED:
        return f"failed its proof: {bridge.proof_message or 'the call tried on it failed'}"
    match each.state:
        case S.FAILED if age >= limits.failed_retention or bridge.pod_phase == "Failed":
            return f"doesn't run: {_why(bridge)}"
        case S.UNREGISTERED:
            return "runs, but Jicofo doesn't list it by its deadline"
        case S.LOST:
            return "runs, but nobody hears of it"
        case S.PENDING | S.STARTING if age >= limits.start_deadline:
            return f"isn't ready {limits.start_deadline:.0f} s after it was made: {_why(bridge)}"
        case S.PROVING if age >= limits.proof_deadline:
            why = f": {bridge.proof_message}" if bridge.proof_message else ""
            return f"wasn't proven within {limits.proof_deadline:.0f} s{why}"
        case _:
            return None


def _why(bridge: Bridge) -> str:
    if bridge.waiting_reason is None:
        return bridge.last_error or "see kubectl describe pod"
    known = bridge.waiting_reason in NOT_RUNNING and bridge.last_error
    return f"{bridge.waiting_reason}: {bridge.last_error}" if known else bridge.waiting_reason


def _phase(draft: Draft, target: str, wanted: str, *, proven: bool, outdated: bool) -> Phase:
    if target != wanted:
        return Phase.ROLLED_BACK
    leaving = any(each.bridge.drain_reason == UPGRADE for each in draft.of(LEAVING))
    if not outdated and not draft.unproven:
        return Phase.FINISHING if leaving else Phase.CURRENT
    if draft.region.upgrades.paused:
        return Phase.PAUSED
    return Phase.SHIFTING if proven else Phase.PROVING
