"""What a diagnosis is made from, and the words for bridges in trouble."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from octofleet.api.effective import EffectiveRegion
from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.lifecycle import JudgedBridge
from octofleet.core.limits import Limits
from octofleet.core.observation import Bridge, BridgeState, Snapshot, Timestamp
from octofleet.core.planning import Plan, Refusal, RefusalReason
from octofleet.core.sizing import Decision
from octofleet.core.wording import first_of

__all__ = ["Check", "Findings", "Said", "names_of", "registration_fix", "trouble_of"]

S = BridgeState
NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a diagnosis is made from."""

    region: EffectiveRegion
    snapshot: Snapshot
    bridges: tuple[JudgedBridge, ...]
    decision: Decision
    plan: Plan
    limits: Limits
    now: Timestamp

    def of(self, *states: BridgeState) -> list[Bridge]:
        """Return the bridges in some states."""
        return [each.bridge for each in self.bridges if each.state in states]

    def refusal(self, *reasons: RefusalReason) -> Refusal | None:
        """Return the first refusal for one of the reasons."""
        return next((each for each in self.plan.refusals if each.reason in reasons), None)


Said = tuple[ConditionStatus, Reason, str]
"""What a check says: whether the condition holds, why, and what to do."""

Check = Callable[[Findings], Said | None]
"""Says something, or leaves it to the next check."""


def trouble_of(each: JudgedBridge, region: EffectiveRegion) -> str | None:
    """Return what is wrong with one bridge and what to do, or None."""
    bridge = each.bridge
    if each.state is S.UNREGISTERED:
        return registration_fix(bridge, region)
    if each.state is S.FAILED and bridge.pod_phase == "Pending" and bridge.waiting_reason is None:
        return (
            f"its container isn't created on node {bridge.node}: see kubectl describe pod"
            f" {bridge.name} (the image's download, volumes, the node's network plug-in)"
        )
    if each.state is S.FAILED:
        why = bridge.last_error or bridge.waiting_reason or "its container ended with an error"
        return f"{why}: see kubectl logs {bridge.name}, and bridge.image"
    if each.state is S.LOST:
        return f"neither it nor Jicofo knows of it: look at node {bridge.node}"
    if each.state is S.PENDING and bridge.waiting_reason is not None:
        return f"{bridge.waiting_reason}: {bridge.last_error or 'see kubectl describe pod'}"
    return None


def names_of(bridges: Iterable[Bridge]) -> str:
    """Return bridges' names for people: the first few, and how many more there are."""
    return first_of(sorted(bridge.name for bridge in bridges), NAMED)


def registration_fix(bridge: Bridge, region: EffectiveRegion) -> str:
    """Return why a bridge isn't one that Jicofo uses, and what to look at."""
    if bridge.in_brewery is True:
        return (
            "it is in the brewery, but Jicofo takes it for not operational: see why it fails"
            f" Jicofo's health checks with kubectl logs {bridge.name}"
        )
    return (
        "it runs, but never came into Jicofo's brewery: check that it reaches Prosody"
        f" (Service {region.cluster}-prosody, port 5222) and that it has the password in Secret"
        f" {region.cluster}-credentials; see kubectl logs {bridge.name}"
    )
