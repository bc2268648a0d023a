"""What is around the bridges and doesn't go with them: the checks of Direct and Alike. Pure.

People must reach each bridge itself; and Jicofo, which sees all bridges of a brewery as one
fleet, uses only those together that are of one version and know each other by their relay ids.
"""

from collections import Counter
from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said
from octofleet.core.stages import UNDER_WAY
from octofleet.core.wording import first_of

__all__ = ["ALIKE", "DIRECT"]

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
NAMED: Final = 4


def _fronts_unknown(found: Findings) -> Said | None:
    if found.snapshot.around.fronts is not None:
        return None
    text = "Services and Ingresses can't be listed: does the operator's role allow it?"
    return UNKNOWN, Reason.FRONTS_UNKNOWN, text


def _in_front(found: Findings) -> Said | None:
    fronts = found.snapshot.around.fronts
    if not fronts:
        return None
    names = ", ".join(f"{each.kind} {each.name}" for each in fronts[:NAMED])
    text = (
        f"{names} in front of the bridges: ICE must reach the bridge that Jicofo chose, and a load"
        " balancer or proxy sends people to any; delete it: bridges are reached at their nodes'"
        f" own addresses, UDP {found.region.bridge.port}"
    )
    return FALSE, Reason.LOAD_BALANCER_IN_FRONT, text


def _direct(found: Findings) -> Said:
    return TRUE, Reason.NOTHING_IN_FRONT, "nothing stands between people and the bridges"


DIRECT: Final[tuple[Check, ...]] = (_fronts_unknown, _in_front, _direct)
"""In order; the last always has something to say."""


def _nobody(found: Findings) -> Said | None:
    if found.snapshot.around.occupants:
        return None
    return UNKNOWN, Reason.NO_BRIDGES, "no bridge is in the brewery, or it can't be seen"


def _without_relay_id(found: Findings) -> Said | None:
    if not found.region.bridge.relays:
        return None
    lacking = [each.nickname for each in found.snapshot.around.occupants if not each.relay_id]
    if not lacking:
        return None
    text = (
        f"{_listed(lacking)} in the brewery without a relay id: no meeting spans it and others;"
        " start it with ENABLE_OCTO=1 and a JVB_OCTO_RELAY_ID of its own (bridges of this"
        " operator have both: see bridge.image), or keep it out of the brewery"
    )
    return FALSE, Reason.RELAY_ID_MISSING, text


def _same_relay_id(found: Findings) -> Said | None:
    ids = Counter(each.relay_id for each in found.snapshot.around.occupants if each.relay_id)
    twice = [relay for relay, count in ids.items() if count > 1]
    if not twice:
        return None
    same = [e.nickname for e in found.snapshot.around.occupants if e.relay_id == twice[0]]
    text = (
        f"{_listed(same)} have the same relay id {twice[0]}: give each a JVB_OCTO_RELAY_ID of"
        " its own"
    )
    return FALSE, Reason.RELAY_ID_TWICE, text


def _versions(found: Findings) -> Said | None:
    # Nobody new comes to one that drains: what it is of strands nothing.
    serving = [e for e in found.snapshot.around.occupants if e.version and not e.drains]
    versions = Counter(e.version for e in serving)
    if len(versions) < 2:
        return None
    counts = ", ".join(f"{count} of {version}" for version, count in sorted(versions.items()))
    if found.plan.stage.phase in UNDER_WAY:
        return UNKNOWN, Reason.UPGRADING, f"an upgrade is under way: {counts}"
    if others := found.snapshot.around.upgrading:
        where = first_of(others, NAMED)
        return UNKNOWN, Reason.UPGRADING, f"an upgrade of {where} is under way: {counts}"
    usual = versions.most_common(1)[0][0]
    odd = [e.nickname for e in serving if e.version != usual]
    text = (
        f"bridges of several versions in one brewery ({counts}; {_listed(odd)} is odd): Jicofo"
        " never mixes them in a meeting, so a meeting can't use the others' capacity; bring all to"
        " one bridge.image, or keep foreign bridges out of the brewery"
    )
    return FALSE, Reason.VERSIONS_DIFFER, text


def _alike(found: Findings) -> Said:
    return TRUE, Reason.ALL_ALIKE, "the brewery's bridges fit together"


ALIKE: Final[tuple[Check, ...]] = (_nobody, _without_relay_id, _same_relay_id, _versions, _alike)
"""In order; the last always has something to say."""


def _listed(names: list[str]) -> str:
    return first_of(sorted(names), NAMED)
