"""Steps that make a fleet larger: drains taken back first, then bridges started."""

from octofleet.api.autoscaling import Mode
from octofleet.core import shrinking
from octofleet.core.actions import CreateBridge, UndrainBridge
from octofleet.core.drafts import (
    AILING,
    BROKEN,
    COMING,
    LEAVING,
    READY,
    SCALE_IN,
    Draft,
    RefusalReason,
)
from octofleet.core.observation import ENDED, Bridge, BridgeState, Node
from octofleet.core.stages import Stage

__all__ = ["bridge_name", "ceiling", "create", "free_nodes", "start", "undrain"]

S = BridgeState


def bridge_name(region: str, ordinal: int) -> str:
    """Return the name of a region's bridge."""
    return f"{region}-{ordinal}"


def undrain(draft: Draft, lacking: int) -> set[str]:
    """Take drains back, the bridge with most people first; return which."""
    willing = [each.bridge for each in draft.staying(LEAVING) if _may_return(draft, each.bridge)]
    willing.sort(key=lambda b: (-(b.participants.value if b.participants else 0), b.name))
    chosen = willing[: max(0, lacking)]
    draft.actions += [UndrainBridge(bridge.name) for bridge in chosen]
    return {bridge.name for bridge in chosen}


def _may_return(draft: Draft, bridge: Bridge) -> bool:
    """Tell whether a bridge may serve again; one that isn't heard of couldn't be told to."""
    readings = (bridge.participants, bridge.stress)
    heard = any(draft.limits.fresh(reading, draft.now) for reading in readings)
    return heard and bridge.drain_reason == SCALE_IN and bridge.registered is not False


def create(draft: Draft, lacking: int, stage: Stage) -> None:
    """Start bridges: as many as lack, as may start at once, as there are nodes for."""
    room = ceiling(draft) - len(draft.staying()) - draft.count(BROKEN)
    number = min(lacking, room, draft.limits.max_starting - draft.count(COMING))
    free = free_nodes(draft)
    if number > free:
        draft.refuse(RefusalReason.NO_NODE, _no_node(draft, number - free))
    if number <= 0 or free == 0:
        shrinking.renew(draft)
        return
    start(draft, number, stage.creates, prove=stage.proves)


def start(draft: Draft, number: int, release: str | None, *, prove: bool = False) -> int:
    """Start so many bridges of a release, as far as nodes are free; return how many."""
    number = min(number, free_nodes(draft))
    taken = {each.bridge.name for each in draft.bridges}
    taken |= {action.name for action in draft.actions if isinstance(action, CreateBridge)}
    names = (bridge_name(draft.region.name, n) for n in range(len(taken) + max(0, number)))
    unused = [name for name in names if name not in taken][: max(0, number)]
    draft.actions += [CreateBridge(name, release, prove) for name in unused]
    return len(unused)


def ceiling(draft: Draft) -> int:
    """Return how many bridges there may be, counting broken ones.

    A lost one is replaced. Of those that run and don't register, or can't run, one is replaced
    at a time and only while another serves: a wrong password would spoil every replacement.
    """
    scaling, wanted = draft.region.autoscaling, draft.decision.wanted
    most = wanted + draft.count(frozenset({S.LOST}))
    if draft.count(AILING) and draft.count(READY) and draft.snapshot.cluster.jicofo_reachable:
        most += 1
    return min(most, max(scaling.max_bridges, wanted)) if scaling.mode is Mode.AUTO else most


def free_nodes(draft: Draft) -> int:
    """Return on how many nodes a bridge could start now: it needs one for itself."""
    alive = [each.bridge for each in draft.bridges if each.bridge.pod_phase not in ENDED]
    held = {bridge.node for bridge in alive} | draft.snapshot.taken_nodes
    free = [node for node in draft.snapshot.nodes if _is_usable(node) and node.name not in held]
    planned = sum(isinstance(action, CreateBridge) for action in draft.actions)
    return max(0, len(free) - sum(bridge.node is None for bridge in alive) - planned)


def _is_usable(node: Node) -> bool:
    return node.ready and node.schedulable and node.matches


def _no_node(draft: Draft, number: int) -> str:
    nodes = draft.snapshot.nodes
    matching = [node for node in nodes if node.matches]
    unusable = sum(not _is_usable(node) for node in matching)
    return (
        f"{number} more wanted, and no free node: {len(matching)} of {len(nodes)} nodes match"
        f" bridge.nodeSelector and placement, {unusable} of them not ready or not schedulable,"
        " each carries one bridge: add nodes or change these"
    )
