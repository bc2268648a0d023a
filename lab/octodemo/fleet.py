"""What a region's bridges do over time, seen from outside.

Sizes and decisions come from the region's status. Whether a bridge went away while people were
on it is judged without the operator's word: pods by the API server, people by Jicofo's `/debug`.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import httpx

from octodemo.kube import CommandError, NotFoundError
from octodemo.platform import Platform, condition

__all__ = ["BridgeView", "FleetView", "Watcher", "watching"]

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BridgeView:
    """One bridge as the region's status tells it."""

    name: str
    state: str
    participants: int | None
    stress: float | None
    node: str


@dataclass(frozen=True, slots=True)
class FleetView:
    """One look at a region."""

    at: float
    desired: int | None
    ready: int
    bridges: tuple[BridgeView, ...]
    decision: str
    conditions: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class Watcher:
    """Looks at a region twice a second and remembers what matters."""

    platform: Platform
    region: str
    views: list[FleetView] = field(default_factory=list[FleetView])
    sizes: list[int] = field(default_factory=list[int])
    """Every size the fleet was decided to have, in order, without repeats."""
    decisions: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    occupied_deleted: list[str] = field(default_factory=list[str])
    """Bridges whose pod was deleted or ended while people were on them."""
    excused: set[str] = field(default_factory=set[str])
    """Pods (by uid) that the scenario itself takes away: nobody else is to blame for those."""
    _people: dict[str, tuple[str, int, float]] = field(
        default_factory=dict[str, tuple[str, int, float]]
    )

    @property
    def last(self) -> FleetView | None:
        """The newest look, if any."""
        return self.views[-1] if self.views else None

    async def look(self) -> FleetView:
        """Look once and remember."""
        region, pods, people = await asyncio.gather(
            self.platform.region(self.region), self.platform.bridge_pods(), self._endpoints()
        )
        view = _view(region, time.monotonic())
        self.views.append(view)
        del self.views[:-2000]
        if view.desired is not None and (not self.sizes or self.sizes[-1] != view.desired):
            self.sizes.append(view.desired)
        if view.decision and (not self.decisions or self.decisions[-1][1] != view.decision):
            self.decisions.append((view.at, view.decision))
        self._judge(view.at, pods, people)
        return view

    async def _endpoints(self) -> dict[str, int]:
        """Return how many endpoints Jicofo has on each brewery nickname; {} if it's away."""
        try:
            debug = await self.platform.cluster.get(self.platform.jicofo("debug"))
        except (CommandError, NotFoundError):
            return {}
        bridges = debug.get("bridge_selector", {}).get("bridge", {})
        return {jid.rsplit("/", 1)[-1]: int(seen["endpoints"]) for jid, seen in bridges.items()}

    def _judge(self, at: float, pods: list[Object], people: dict[str, int]) -> None:
        """Count pods that are being deleted or are gone while people were on them just before."""
        alive = {
            pod["metadata"]["name"]: pod["metadata"]["uid"]
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
        }
        for name, (uid, count, seen) in list(self._people.items()):
            if alive.get(name) != uid:
                if count and at - seen < 10 and uid not in self.excused:
                    self.occupied_deleted.append(name)
                del self._people[name]
        for nickname, count in people.items():
            name = next((one for one in alive if nickname.startswith(f"{one}-")), None)
            if name is not None:
                self._people[name] = (alive[name], count, at)

    async def run(self) -> None:
        """Look until cancelled; a moment without the API server is no reason to stop."""
        while True:
            with contextlib.suppress(CommandError, NotFoundError, OSError, httpx.HTTPError):
                await self.look()
            await asyncio.sleep(0.5)


@contextlib.asynccontextmanager
async def watching(platform: Platform, region: str) -> AsyncGenerator[Watcher]:
    """Watch a region in the background."""
    watcher = Watcher(platform, region)
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _view(region: Object, at: float) -> FleetView:
    status = region.get("status", {})
    decision = status.get("lastDecision", {})
    return FleetView(
        at=at,
        desired=status.get("desiredReplicas"),
        ready=status.get("readyReplicas", 0),
        bridges=tuple(
            BridgeView(
                name=bridge["name"],
                state=bridge.get("state", "?"),
                participants=bridge.get("participants"),
                stress=_number(bridge.get("stress")),
                node=bridge.get("node", ""),
            )
            for bridge in status.get("bridges", ())
        ),
        decision=decision.get("message", ""),
        conditions=tuple(
            (kind, found["status"], found.get("message", ""))
            for kind in ("Ready", "Progressing", "ScalingLimited", "Draining")
            if (found := condition(region, kind)) is not None
        ),
    )


def _number(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None
