"""Whether a region's bridges are of the release that is asked for, and what holds that up."""

from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.drafts import RefusalReason
from octofleet.core.findings import Check, Findings, Said
from octofleet.core.stages import Phase

__all__ = ["CHECKS", "upgrading"]

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def upgrading(found: Findings) -> Said | None:
    """Say that the region is on its way to another release."""
    stage = found.plan.stage
    match stage.phase:
        case Phase.PROVING:
            text = "the first bridge of the new release is proven before any of the old leaves"
            return TRUE, Reason.UPGRADING, text
        case Phase.SHIFTING:
            left = len(stage.outdated)
            return TRUE, Reason.UPGRADING, f"{left} bridges of the old release serve still"
        case Phase.FINISHING:
            return TRUE, Reason.UPGRADING, "the last bridges of the old release drain"
        case _:
            return None


def _unknown(found: Findings) -> Said | None:
    if found.plan.stage.wanted is not None:
        return None
    text = "nothing is upgraded while its JitsiCluster is missing or nothing is changed at all"
    return UNKNOWN, Reason.RELEASE_UNKNOWN, text


def _rolled_back(found: Findings) -> Said | None:
    stage = found.plan.stage
    if stage.phase is not Phase.ROLLED_BACK or stage.failed is None:
        return None
    return (
        FALSE,
        Reason.ROLLED_BACK,
        f"the new release isn't fit for people: {stage.failed.reason}; bridges are of the release"
        " before. Mend what was changed in spec.bridge, or try it again with"
        f" octofleet rollout restart {found.region.name}",
    )


def _paused(found: Findings) -> Said | None:
    if found.plan.stage.phase is not Phase.PAUSED:
        return None
    name = found.region.name
    text = f"the upgrade waits for octofleet rollout resume {name}"
    return FALSE, Reason.UPGRADE_PAUSED, text


def _blocked(found: Findings) -> Said | None:
    refusal = found.refusal(RefusalReason.UPGRADE_BLOCKED)
    return None if refusal is None else (FALSE, Reason.UPGRADE_BLOCKED, refusal.message)


def _under_way(found: Findings) -> Said | None:
    said = upgrading(found)
    return None if said is None else (FALSE, said[1], said[2])


def _up_to_date(found: Findings) -> Said:
    return TRUE, Reason.UP_TO_DATE, "every bridge is of the release that is asked for"


CHECKS: Final[tuple[Check, ...]] = (
    _unknown,
    _rolled_back,
    _paused,
    _blocked,
    _under_way,
    _up_to_date,
)
