"""Does UDP lead to the bridges? The checks of Reachable, from what probes found. Pure."""

from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core import probing
from octofleet.core.addresses import address_text
from octofleet.core.advertised import is_public
from octofleet.core.conditions import Reason
from octofleet.core.findings import Check, Findings, Said, names_of
from octofleet.core.observation import Bridge, BridgeState, Probe

__all__ = ["CHECKS"]

S = BridgeState
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


def _off(found: Findings) -> Said | None:
    if found.region.bridge.probes:
        return None
    return UNKNOWN, Reason.PROBE_OFF, "bridge.probe is Off: nobody has tried"


def _none(found: Findings) -> Said | None:
    return None if found.of(S.READY) else (UNKNOWN, Reason.NO_BRIDGES, "no bridge serves")


def _silent(found: Findings) -> Said | None:
    deaf = [bridge for bridge, probe in _probed(found) if not probe.answered and probe.silent]
    if not deaf:
        return None
    first = deaf[0]
    tried = ", ".join(first.probe.silent[:3]) if first.probe else ""
    text = (
        f"{names_of(deaf)}: no answer at {tried} from another node: open UDP"
        f" {found.region.bridge.port} to node {first.node} in the firewall or security group (and"
        f" see that no NetworkPolicy of {found.region.namespace} keeps the probe's pod in)"
    )
    return FALSE, Reason.UDP_BLOCKED, text


def _public_silent(found: Findings) -> Said | None:
    if found.region.bridge.addresses.private_network:
        return None
    for bridge, probe in _probed(found):
        deaf = [each for each in probe.silent if is_public(address_text(each))]
        if deaf and not any(is_public(address_text(each)) for each in probe.answered):
            text = (
                f"{bridge.name} answers inside, but not at {', '.join(deaf[:3])}: either the"
                " address is wrong or its port isn't forwarded, or the NAT doesn't lead back into"
                " its own network; try from outside, then mend bridge.addresses or the NAT, or"
                " set bridge.probe: Off"
            )
            return FALSE, Reason.PUBLIC_ADDRESS_SILENT, text
    return None


def _not_asked(found: Findings) -> Said | None:
    failed = [b for b in found.of(S.READY) if b.probe is not None and b.probe.failure]
    if failed:
        why = failed[0].probe.failure if failed[0].probe else ""
        return UNKNOWN, Reason.PROBE_FAILED, f"{names_of(failed)} couldn't be probed: {why}"
    unknown = [b for b in found.of(S.READY) if b.probe is None]
    if not unknown:
        return None
    if not any(probing.has_elsewhere(b, found.snapshot.nodes) for b in unknown):
        return UNKNOWN, Reason.PROBE_FAILED, "there is no other node to probe from"
    return UNKNOWN, Reason.NOT_PROBED, f"{names_of(unknown)}: not probed yet"


def _reachable(found: Findings) -> Said:
    port = found.region.bridge.port
    return TRUE, Reason.UDP_ANSWERS, f"every bridge answers at its UDP port {port}"


def _probed(found: Findings) -> list[tuple[Bridge, Probe]]:
    return [(b, b.probe) for b in found.of(S.READY) if b.probe is not None and not b.probe.failure]


CHECKS: Final[tuple[Check, ...]] = (
    _off,
    _none,
    _silent,
    _public_silent,
    _not_asked,
    _reachable,
)
"""In order; the last always has something to say."""
