"""Events for people: on transitions only, repeats counted, a bounded number a minute.

What fails to be written is dropped: an event is never worth a retry.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from octofleet.core.manifests.naming import Manifest
from octofleet.shell import documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import Absent, KubeError
from octofleet.shell.kube import KubernetesCluster

BURST: Final = 25
REFILL_PER_SECOND: Final = 1 / 12
SERIES_SECONDS: Final = 600.0
REMEMBERED: Final = 1000
NOTE_LIMIT: Final = 1000

_log = structlog.get_logger()


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    at: float


class Recorder:
    """Writes events about our resources."""

    def __init__(
        self, cluster: KubernetesCluster, identity: str, clock: Callable[[], float]
    ) -> None:
        self._cluster = cluster
        self._identity = identity
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._series: OrderedDict[tuple[str, str, str], _Series] = OrderedDict()
        self.dropped = 0

    async def record(self, about: Document, kind: str, reason: str, note: str) -> None:
        """Write an event about the object `about`; `kind` is Normal or Warning."""
        uid = documents.uid_of(about)
        now = self._clock()
        if not self._spend(uid, now):
            self.dropped += 1
            return
        note = note[:NOTE_LIMIT]
        try:
            await self._write(about, uid, kind, reason, note, now)
        except KubeError as error:
            self.dropped += 1
            _log.warning("Could not record event", reason=reason, error=str(error))

    async def _write(
        self, about: Document, uid: str, kind: str, reason: str, note: str, now: float
    ) -> None:
        key = (uid, reason, note)
        namespace = documents.text(about, "metadata", "namespace") or "default"
        known = self._series.get(key)
        if known is not None and now - known.at < SERIES_SECONDS:
            known.count += 1
            known.at = now
            series = {"count": known.count, "lastObservedTime": documents.fine_stamp(now)}
            # Where somebody has deleted it, it is written anew.
            with contextlib.suppress(Absent):
                await self._cluster.merge(kube.EVENTS, namespace, known.name, {"series": series})
                return
        name = f"{documents.text(about, 'metadata', 'name')}.{int(now * 1e6):x}"
        await self._cluster.create(
            kube.EVENTS, namespace, self._event(about, name, (kind, reason, note), now)
        )
        self._series[key] = _Series(name, 1, now)
        while len(self._series) > REMEMBERED:
            self._series.popitem(last=False)

    def _event(
        self, about: Document, name: str, words: tuple[str, str, str], now: float
    ) -> Manifest:
        kind, reason, note = words
        meta = documents.mapping(about, "metadata")
        return {
            "apiVersion": kube.EVENTS.api_version,
            "kind": kube.EVENTS.name,
            "metadata": {"name": name, "namespace": meta.get("namespace", "default")},
            "eventTime": documents.fine_stamp(now),
            "reportingController": "octofleet.io/operator",
            "reportingInstance": self._identity[:128],
            "action": reason,
            "reason": reason,
            "type": kind,
            "note": note,
            "regarding": {
                "apiVersion": about.get("apiVersion"),
                "kind": about.get("kind"),
                "name": meta.get("name"),
                "namespace": meta.get("namespace"),
                "uid": meta.get("uid"),
            },
        }

    def _spend(self, uid: str, now: float) -> bool:
        bucket = self._buckets.setdefault(uid, _Bucket(BURST, now))
        self._buckets.move_to_end(uid)
        while len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) * REFILL_PER_SECOND)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
