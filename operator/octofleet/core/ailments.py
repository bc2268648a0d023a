"""What ails a region's bridges, the worst first. Pure checks."""

from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core import flapping, lifecycle, mistakes
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said, names_of, trouble_of
from octofleet.core.limits import FLAPPING
from octofleet.core.observation import BridgeState

__all__ = ["CHECKS"]

S = BridgeState
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def _flaps(found: Findings) -> Said | None:
    """Say which bridges serve, fall, and serve again, and what is done about it."""
    history = found.snapshot.history
    flapping_names = flapping.names(history)
    unsteady = [e.bridge for e in found.bridges if e.bridge.name in flapping_names]
    if not unsteady:
        return None
    minutes = round(flapping.WINDOW_SECONDS / 60)
    first = min(bridge.name for bridge in unsteady)
    if any(bridge.drain_reason == FLAPPING for bridge in unsteady):
        answer = "a fresh bridge takes its place"
    elif flapping.are_most(history, found.bridges):
        answer = "so many do that it isn't theirs: look at Prosody, Jicofo and the way to them"
    else:
        answer = "it is replaced once others serve and there is a free node or room for its people"
    text = (
        f"{names_of(unsteady)}: stopped serving {flapping.FALLS} times or more within {minutes}"
        f" minutes; {answer}; see kubectl logs --previous {first}, and its node's network"
    )
    return TRUE, Reason.BRIDGE_FLAPPING, text


def _stuck(found: Findings) -> Said | None:
    stuck = [b for b in found.of(S.FAILED) if lifecycle.hangs(b, found.now, found.limits)]
    if not stuck:
        return None
    first = next(e for e in found.bridges if e.bridge is stuck[0])
    return TRUE, Reason.BRIDGE_STUCK, f"{names_of(stuck)}: {trouble_of(first, found.region)}"


def _broken(state: BridgeState, reason: Reason) -> Check:
    def check(found: Findings) -> Said | None:
        broken = [each for each in found.bridges if each.state is state]
        if not broken:
            return None
        names = names_of(each.bridge for each in broken)
        return TRUE, reason, f"{names}: {trouble_of(broken[0], found.region)}"

    return check


def _failing_ice(found: Findings) -> Said | None:
    failing = [each.bridge for each in found.bridges if each.bridge.failing_ice]
    if not failing:
        return None
    text = (
        f"{names_of(failing)}: people's connections fail there, so Jicofo sends nobody new for"
        " some minutes: see Advertised and Reachable, and the way to UDP port"
        f" {found.region.bridge.port}"
    )
    return TRUE, Reason.ICE_FAILING, text


def _all_well(found: Findings) -> Said:
    return FALSE, Reason.ALL_WELL, "no bridge is in trouble"


CHECKS: Final[tuple[Check, ...]] = (
    mistakes.port_taken,
    mistakes.credentials_missing,
    _flaps,
    _broken(S.LOST, Reason.BRIDGE_LOST),
    _stuck,
    _broken(S.FAILED, Reason.BRIDGE_FAILED),
    _broken(S.UNREGISTERED, Reason.BRIDGE_UNREGISTERED),
    _failing_ice,
    _all_well,
)
