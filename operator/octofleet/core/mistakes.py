"""Mistakes that show in how bridges fail to come up, named with their fix. Pure checks."""

import re
from typing import Final

from octofleet.api.status import ConditionStatus
from octofleet.core.conditions import Reason
from octofleet.core.findings import Findings, Said, names_of
from octofleet.core.observation import BridgeState
from octofleet.core.planning import RefusalReason

__all__ = [
    "credentials_missing",
    "no_free_port",
    "pod_security",
    "port_taken",
    "wrong_credentials",
]

S = BridgeState
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE
TAKEN: Final = re.compile(r"in use|free the port|already bound", re.IGNORECASE)
PORTS: Final = "free ports"
"""The scheduler's words."""
POD_SECURITY: Final = "violates PodSecurity"
"""The API server's."""
CONFIG_ERROR: Final = "CreateContainerConfigError"


def port_taken(found: Findings) -> Said | None:
    """Say that a bridge ends because something else has its port."""
    ended = [b for b in found.of(S.FAILED) if b.last_error and TAKEN.search(b.last_error)]
    if not ended:
        return None
    first = ended[0]
    text = (
        f"{names_of(ended)}: a port of node {first.node} is taken ({first.last_error}): end what"
        " uses it there, keep bridges off that node with bridge.nodeSelector, or change bridge.port"
    )
    return TRUE, Reason.PORT_TAKEN, text


def no_free_port(found: Findings) -> Said | None:
    """Say that no node is left on which a bridge's ports are free."""
    stuck = [b for b in found.of(S.PENDING) if b.last_error and PORTS in b.last_error]
    if not stuck:
        return None
    text = (
        f"{names_of(stuck)} can't be placed: {stuck[0].last_error}; another pod on those nodes"
        f" has UDP {found.region.bridge.port} or TCP 8080 as its host port: move it, or change"
        " bridge.port"
    )
    return TRUE, Reason.PORT_TAKEN, text


def pod_security(found: Findings) -> Said | None:
    """Say that the namespace's pod-security level forbids bridges."""
    refusal = found.refusal(RefusalReason.NOT_CREATED)
    if refusal is None or POD_SECURITY not in refusal.message:
        return None
    namespace = found.region.namespace
    text = (
        f"namespace {namespace} forbids pods on the node's network, which bridges need: kubectl"
        f" label namespace {namespace} pod-security.kubernetes.io/enforce=privileged --overwrite"
        f" ({refusal.message})"
    )
    return TRUE, Reason.POD_SECURITY, text


def credentials_missing(found: Findings) -> Said | None:
    """Say that bridges can't start because their passwords aren't there."""
    stuck = [
        bridge
        for bridge in found.of(S.FAILED)
        if bridge.waiting_reason == CONFIG_ERROR and "secret" in (bridge.last_error or "").lower()
    ]
    if not stuck:
        return None
    text = (
        f"{names_of(stuck)}: {stuck[0].last_error}: they take their passwords from Secret"
        f" {found.region.cluster}-credentials, which the operator makes with the JitsiCluster and"
        " puts back when it is deleted: see whether the operator runs, and kubectl describe"
        f" jitsicluster {found.region.cluster}"
    )
    return TRUE, Reason.CREDENTIALS_MISSING, text


def wrong_credentials(found: Findings) -> Said | None:
    """Say that Prosody refuses the password that bridges are started with."""
    outside = [b for b in found.of(S.STARTING, S.UNREGISTERED) if b.in_brewery is False]
    if not outside or found.snapshot.around.password_taken is not False:
        return None
    cluster = found.region.cluster
    text = (
        f"{names_of(outside)}: Prosody refuses the password in Secret {cluster}-credentials"
        " (JVB_AUTH_PASSWORD), so bridges made with it never register: put the password back that"
        f" Prosody knows, or restart Deployment {cluster}-prosody, which ends calls, so that it"
        " takes this one; then delete these pods"
    )
    return FALSE, Reason.WRONG_CREDENTIALS, text
