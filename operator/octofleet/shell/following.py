"""Following resources for ever: watch after watch, with what is gone in between noticed, too."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

import structlog

from octofleet.shell.documents import Document
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import Kind, KubernetesCluster

__all__ = ["follow"]

RETRY_SECONDS: Final = 2.0
Key = TypeVar("Key")

_log = structlog.get_logger()


async def follow(
    cluster: KubernetesCluster,
    kind: Kind,
    namespace: str | None,
    labels: Mapping[str, str],
    *,
    known: Callable[[], Collection[Key]],
    take_in: Callable[[str, Document], Key],
    drop: Callable[[set[Key]], None],
) -> None:
    """Follow all resources of a kind for ever.

    Args:
        cluster: Where they are.
        kind: Theirs.
        namespace: Theirs; None for every one.
        labels: What they must have.
        known: Those that are known, as a watch begins.
        take_in: Is told each event (ADDED, MODIFIED, DELETED) and resource; returns its key.
        drop: Is told of those that are gone without an event.
    """
    while True:
        try:
            await _once(cluster, kind, namespace, labels, set(known()), take_in, drop)
        except KubeError as error:
            _log.warning("Could not watch", what=kind.plural, error=str(error))
        # A watch lasts minutes; a server that ends each at once must not be hammered.
        await asyncio.sleep(RETRY_SECONDS)


async def _once(
    cluster: KubernetesCluster,
    kind: Kind,
    namespace: str | None,
    labels: Mapping[str, str],
    stale: set[Key],
    take_in: Callable[[str, Document], Key],
    drop: Callable[[set[Key]], None],
) -> None:
    """Follow one watch to its end; what it doesn't show at first is gone."""
    seen: set[Key] = set()
    async for event, found in cluster.watch(kind, namespace, labels):
        if event == "ERROR":
            return
        seen.add(take_in(event, found))
        # The initial ADDED events come at once; by the first change all have been seen.
        if event != "ADDED":
            drop(stale - seen)
            stale.clear()
    drop(stale - seen)
