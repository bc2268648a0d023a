"""Settings of the operator's process, from its environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESOLVER: Final = Path("/etc/resolv.conf")
USUAL_CLUSTER_DOMAIN: Final = "cluster.local"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this operator runs."""

    namespaces: tuple[str, ...] = ()
    """Namespaces it watches; none means all."""
    own_namespace: str = "octofleet-system"
    """Where its Lease lives."""
    identity: str = "octofleet"
    """Who it is on the Lease."""
    listen_host: str = "0.0.0.0"  # noqa: S104 - probes and metrics come from outside the pod
    listen_port: int = 8080
    period_seconds: float = 5.0
    """The longest time between two looks at a region."""
    prosody_image: str | None = None
    """Image where a JitsiCluster names none; None is the stock image of its version."""
    jicofo_image: str | None = None
    """Likewise for Jicofo."""
    web_image: str | None = None
    """Likewise for web."""
    bridge_image: str | None = None
    """Image of bridges where neither JitsiCluster nor OctoRegion names one."""
    load_image: str | None = None
    """Image of the synthetic participants that try calls on bridges of a new release."""
    cluster_domain: str = USUAL_CLUSTER_DOMAIN
    """Under which the DNS of this Kubernetes has its Services."""
    kubeconfig: str | None = None
    log_level: str = "INFO"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings in `OCTOFLEET_*`.

    Raises:
        ValueError: One isn't what it should be; the message names it.
    """
    return Settings(
        namespaces=tuple(environment.get("OCTOFLEET_NAMESPACES", "").replace(",", " ").split()),
        own_namespace=environment.get("OCTOFLEET_OWN_NAMESPACE", "octofleet-system"),
        # A pod's name is its own; on a host there may be two of us, and only one may lead.
        identity=environment.get("OCTOFLEET_IDENTITY")
        or f"{os.uname().nodename}-{secrets.token_hex(3)}",
        listen_host=environment.get("OCTOFLEET_LISTEN_HOST", "0.0.0.0"),  # noqa: S104 - as above
        listen_port=int(_number(environment, "OCTOFLEET_LISTEN_PORT", 8080)),
        period_seconds=_number(environment, "OCTOFLEET_PERIOD_SECONDS", 5.0),
        prosody_image=environment.get("OCTOFLEET_PROSODY_IMAGE") or None,
        jicofo_image=environment.get("OCTOFLEET_JICOFO_IMAGE") or None,
        web_image=environment.get("OCTOFLEET_WEB_IMAGE") or None,
        bridge_image=environment.get("OCTOFLEET_BRIDGE_IMAGE") or None,
        load_image=environment.get("OCTOFLEET_LOAD_IMAGE") or None,
        cluster_domain=environment.get("OCTOFLEET_CLUSTER_DOMAIN") or _own_cluster_domain(),
        log_level=environment.get("OCTOFLEET_LOG_LEVEL", "INFO").upper(),
    )


def cluster_domain_in(resolver: str) -> str | None:
    """Return the domain of Services by a pod's resolv.conf; None where it isn't a pod's."""
    for line in resolver.splitlines():
        kind, *names = line.split()[:32] or [""]
        found = [each for each in names if each.startswith("svc.")] if kind == "search" else []
        if found:
            return found[0].removeprefix("svc.").rstrip(".") or None
    return None


def _own_cluster_domain() -> str:
    try:
        found = cluster_domain_in(RESOLVER.read_text(errors="replace"))
    except OSError:
        found = None
    return found or USUAL_CLUSTER_DOMAIN


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    raw = environment.get(name, "")
    try:
        found = float(raw) if raw else default
    except ValueError:
        raise ValueError(f"{name} must be a number, not {raw!r}") from None
    if found <= 0:
        raise ValueError(f"{name} must be above 0, not {raw!r}")
    return found
