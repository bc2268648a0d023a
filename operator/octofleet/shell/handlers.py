"""kopf's part: events ring bells, and one daemon an object reconciles when its bell rings.

Only low-level handlers: nothing is kept in annotations, no edge is acted on. The daemons' own
finalizer is what makes deletion wait: a daemon ends once its object needs nothing more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import kopf

from octofleet.api.controller import ANNOTATION_RESTART_NOW
from octofleet.api.effective import ANNOTATION_RESTARTED_AT, ANNOTATION_UPGRADES_PAUSED
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.bells import Bells, Key

MIN_INTERVAL_SECONDS: Final = 0.5

ASKED_BY_ANNOTATION: Final = (
    ANNOTATION_RESTARTED_AT,
    ANNOTATION_UPGRADES_PAUSED,
    ANNOTATION_RESTART_NOW,
)

CLUSTER: Final = kube.CLUSTERS.name
REGION: Final = kube.REGIONS.name


@dataclass(frozen=True, slots=True)
class Loops:
    """What the handlers call."""

    bells: Bells
    cluster: Callable[[Key], Awaitable[float | None]]
    region: Callable[[Key], Awaitable[float | None]]
    seen: dict[Key, tuple[object, ...]] = field(default_factory=dict[Key, tuple[object, ...]])


def registry(loops: Loops) -> kopf.OperatorRegistry:
    """Return every handler of the operator."""
    found = kopf.OperatorRegistry()
    kopf.on.login(registry=found, errors=kopf.ErrorsMode.PERMANENT)(_login)
    kopf.on.startup(registry=found)(_configure)

    # kopf passes whatever it has by keyword, hence Any: its own types are these.
    async def cluster_event(body: Mapping[str, Any], type: str | None, **_: Any) -> None:
        key = _key(CLUSTER, body)
        if _matters(loops, key, body, type):
            loops.bells.ring(key)
            # A region may wait for its cluster, or take its defaults from it.
            loops.bells.ring_all(REGION, key.namespace)

    async def region_event(body: Mapping[str, Any], type: str | None, **_: Any) -> None:
        key = _key(REGION, body)
        if _matters(loops, key, body, type):
            loops.bells.ring(key)
            cluster = documents.text(body, "spec", "clusterRef", "name") or ""
            loops.bells.ring(Key(CLUSTER, key.namespace, cluster))

    async def follow_cluster(
        body: Mapping[str, Any], stopped: kopf.DaemonStopped, **_: Any
    ) -> None:
        await _follow(loops.bells, loops.cluster, _key(CLUSTER, body), stopped)

    async def follow_region(body: Mapping[str, Any], stopped: kopf.DaemonStopped, **_: Any) -> None:
        await _follow(loops.bells, loops.region, _key(REGION, body), stopped)

    for kind, event, daemon in (
        (kube.CLUSTERS, cluster_event, follow_cluster),
        (kube.REGIONS, region_event, follow_region),
    ):
        where = (naming.GROUP, naming.VERSION, kind.plural)
        kopf.on.event(*where, registry=found)(event)
        # No cancellation: deletion waits for the daemon, which is bounded by its own deadlines.
        kopf.daemon(*where, registry=found, id=kind.plural)(daemon)
    return found


async def _follow(
    bells: Bells,
    reconcile: Callable[[Key], Awaitable[float | None]],
    key: Key,
    stopped: kopf.DaemonStopped,
) -> None:
    """Reconcile until the object is gone for good, or the operator ends."""
    while (pause := await reconcile(key)) is not None:
        await _pause(bells, key, max(pause, MIN_INTERVAL_SECONDS), stopped)
        reason = stopped.reason
        if reason is not None and kopf.DaemonStoppingReason.OPERATOR_EXITING in reason:
            return
    bells.forget(key)


async def _pause(bells: Bells, key: Key, seconds: float, stopped: kopf.DaemonStopped) -> None:
    """Wait for the bell; also for the stop flag, unless deletion has set it already."""
    # However often it rings, the API is spared: one look in this time.
    await asyncio.sleep(MIN_INTERVAL_SECONDS)
    waits = [asyncio.ensure_future(bells.wait(key, seconds))]
    if not stopped:
        waits.append(asyncio.ensure_future(_stop(stopped)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


async def _stop(stopped: kopf.DaemonStopped) -> None:
    # Typed for threads as well; in async daemons what it returns is awaited.
    await cast("Awaitable[object]", stopped.wait())


def _key(kind: str, body: Mapping[str, Any]) -> Key:
    namespace = documents.text(body, "metadata", "namespace") or ""
    return Key(kind, namespace, documents.name_of(body))


def _matters(loops: Loops, key: Key, body: Mapping[str, Any], event: str | None) -> bool:
    """Return whether more than the status changed: our own writes must not wake us."""
    if event == "DELETED":
        loops.seen.pop(key, None)
        return True
    meta = documents.mapping(body, "metadata")
    asked = tuple(documents.texts(meta, "annotations").get(each) for each in ASKED_BY_ANNOTATION)
    now = (meta.get("uid"), meta.get("generation"), meta.get("deletionTimestamp"), *asked)
    before, loops.seen[key] = loops.seen.get(key), now
    return before != now


async def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


async def _configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.enabled = False
    settings.posting.loggers = False
    # The kinds are known to be served before kopf starts; watching for new ones would need
    # rights on all CRDs and namespaces.
    settings.scanning.disabled = True
    settings.persistence.finalizer = naming.FINALIZER
    settings.watching.server_timeout = 600
    settings.watching.connect_timeout = 10
    settings.networking.request_timeout = 30
    settings.process.ultimate_exiting_timeout = 60
    settings.background.cancellation_polling = 5
    # A daemon ends between two passes, which take a moment; it is never cut off.
    settings.background.instant_exit_timeout = 3
