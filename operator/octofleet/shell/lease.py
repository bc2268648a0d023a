"""The Lease an operator holds before it acts, so that two never act at once.

A holder that can't renew in time stops before another may take over: the renewal deadline is
shorter than the lease. The other's clock is never compared with ours: a lease counts as expired
once it hasn't changed for its whole duration by our own clock.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import structlog

from octofleet.core.manifests.naming import Manifest
from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import Conflict, KubeError
from octofleet.shell.kube import KubernetesCluster

DURATION_SECONDS: Final = 15
RENEW_DEADLINE_SECONDS: Final = 10
RETRY_SECONDS: Final = 2.0

_log = structlog.get_logger()


class Lease:
    """One Lease object and our claim on it."""

    def __init__(
        self,
        cluster: KubernetesCluster,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._seen: tuple[str | None, str | None] | None = None
        self._seen_at = 0.0
        self._renewed = 0.0

    async def acquire(self) -> None:
        """Return once the lease is ours, however long that takes."""
        while not await self._try():  # noqa: ASYNC110 - the Lease is polled, it can't ring
            await asyncio.sleep(RETRY_SECONDS)
        _log.info("Acquired lease", lease=self._name, identity=self._identity)

    async def hold(self) -> None:
        """Renew the lease for ever; return when it's lost."""
        while (left := RENEW_DEADLINE_SECONDS - (self._clock() - self._renewed)) > 0:
            # No renewal is waited for beyond the deadline: another may hold it by then.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await asyncio.sleep(RETRY_SECONDS)
                    await self._try()
        _log.error("Lost lease", lease=self._name, identity=self._identity)

    async def release(self) -> None:
        """Give the lease up, so that the next operator needn't wait for it to expire."""
        try:
            found = await self._cluster.get(kube.LEASES, self._name, self._namespace)
            if found is not None and documents.text(found, "spec", "holderIdentity") == (
                self._identity
            ):
                await self._write(found, holder="")
        except KubeError as error:
            _log.warning("Could not release lease", error=str(error))

    async def _try(self) -> bool:
        """Return whether the lease is ours for another period."""
        began = self._clock()
        try:
            async with asyncio.timeout(RENEW_DEADLINE_SECONDS / 2):
                found = await self._cluster.get(kube.LEASES, self._name, self._namespace)
                if found is not None and not self._may_take(found):
                    return False
                await self._write(found, holder=self._identity)
        except (Conflict, TimeoutError):
            return False
        except KubeError as error:
            _log.warning("Could not renew lease", error=str(error))
            return False
        # From before it was asked for: the server may have written it long before it answered.
        self._renewed = began
        return True

    def _may_take(self, found: Document) -> bool:
        holder = documents.text(found, "spec", "holderIdentity")
        if holder in (None, "", self._identity):
            return True
        state = (holder, documents.text(found, "spec", "renewTime"))
        if state != self._seen:
            self._seen, self._seen_at = state, self._clock()
        duration = documents.number(found, "spec", "leaseDurationSeconds") or DURATION_SECONDS
        return self._clock() - self._seen_at > duration

    async def _write(self, found: Document | None, holder: str) -> None:
        now = documents.fine_stamp(self._clock())
        before = documents.mapping(found, "spec")
        same = before.get("holderIdentity") == holder
        transitions = int(documents.number(before, "leaseTransitions") or 0)
        meta: Manifest = {"name": self._name, "namespace": self._namespace}
        if found is not None:
            meta["resourceVersion"] = documents.text(found, "metadata", "resourceVersion")
        body: Manifest = {
            "apiVersion": kube.LEASES.api_version,
            "kind": kube.LEASES.name,
            "metadata": meta,
            "spec": {
                "holderIdentity": holder,
                # The API refuses less than 1; a released lease is known by its empty holder.
                "leaseDurationSeconds": DURATION_SECONDS,
                "renewTime": now,
                "acquireTime": before.get("acquireTime", now) if same else now,
                "leaseTransitions": transitions if same or found is None else transitions + 1,
            },
        }
        if found is None:
            await self._cluster.create(kube.LEASES, self._namespace, body)
        else:
            await self._cluster.replace(kube.LEASES, self._namespace, body)
