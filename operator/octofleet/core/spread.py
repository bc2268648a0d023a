"""Are a region's bridges in more than one zone, so that a data centre's end isn't the region's?"""

from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said
from octofleet.core.observation import BridgeState

__all__ = ["CHECKS"]

S = BridgeState
RUNNING: Final = (S.STARTING, S.READY)


def _alone(found: Findings) -> Said | None:
    if len(found.of(*RUNNING)) < 2:
        return ConditionStatus.UNKNOWN, Reason.TOO_FEW_TO_SPREAD, "fewer than two bridges run"
    return None


def _unlabelled(found: Findings) -> Said | None:
    if _zones_of_bridges(found):
        return None
    text = (
        "the nodes of the bridges have no label topology.kubernetes.io/zone, so nobody can tell"
        " whether they'd fail together: label them with the zone or data centre they are in"
    )
    return ConditionStatus.UNKNOWN, Reason.ZONES_UNKNOWN, text


def _one_zone(found: Findings) -> Said | None:
    zones = _zones_of_bridges(found)
    if len(zones) > 1:
        return None
    zone, others = min(zones), sorted(_zones_to_have(found) - zones)
    fix = (
        f"nodes in {', '.join(others)} match, but had no room when bridges were placed: it mends"
        " itself as bridges are replaced"
        if others
        else "no node that matches bridge.nodeSelector is in another zone: add some, or widen it"
    )
    return ConditionStatus.FALSE, Reason.ONE_ZONE, f"every bridge is in zone {zone}; {fix}"


def _spread(found: Findings) -> Said:
    zones = sorted(_zones_of_bridges(found))
    return ConditionStatus.TRUE, Reason.SEVERAL_ZONES, f"bridges run in {', '.join(zones)}"


CHECKS: Final[tuple[Check, ...]] = (_alone, _unlabelled, _one_zone, _spread)


def _zones_of_bridges(found: Findings) -> set[str]:
    held = {bridge.node for bridge in found.of(*RUNNING)}
    return {node.zone for node in found.snapshot.nodes if node.name in held and node.zone}


def _zones_to_have(found: Findings) -> set[str]:
    return {node.zone for node in found.snapshot.nodes if node.matches and node.zone}
