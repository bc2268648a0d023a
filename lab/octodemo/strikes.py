"""What chaos kills, and how: always without asking, and nothing is started again by us.

Pods go by the API server, without grace. The API server itself and the kubelets are processes of
the lab, so they are struck with `octolab strike`, which starts them again as an init system would.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from octodemo.crowd import Crowd
from octodemo.fleet import Watcher
from octodemo.kube import CommandError, NotFoundError
from octodemo.platform import SYSTEM, Platform, until

__all__ = [
    "AWAY",
    "BRIDGE",
    "FOCUS",
    "KINDS",
    "KUBELET",
    "NICKNAME",
    "PROSODY",
    "Scene",
    "Struck",
    "listed",
    "strike",
]

OPERATOR, PROSODY, FOCUS = "operator", "prosody", "focus"
API_SERVER, KUBELET, BRIDGE = "api-server", "kubelet", "bridge"
KINDS: Final = (OPERATOR, PROSODY, FOCUS, API_SERVER, KUBELET, BRIDGE)
NICKNAME: Final = "octofleet.io/nickname"
AWAY: Final = (CommandError, NotFoundError, httpx.HTTPError, OSError)
"""What asking brings while the API server, or what is asked through it, is away."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where chaos happens."""

    platform: Platform
    crowd: Crowd
    watcher: Watcher
    lab: str
    """The lab's name."""


@dataclass(frozen=True, slots=True)
class Struck:
    """What a fault took away."""

    what: str
    pods: frozenset[str] = frozenset()
    """Pods (by uid) that are no more."""


async def strike(kind: str, scene: Scene, chance: random.Random) -> Struck:
    """Make one fault of a kind happen."""
    strikes: dict[str, Callable[[], Awaitable[Struck]]] = {
        OPERATOR: lambda: _kill_pods(scene, SYSTEM, "app.kubernetes.io/name=octofleet", kind),
        PROSODY: lambda: _kill_part(scene, kind, "prosody"),
        FOCUS: lambda: _kill_part(scene, kind, "jicofo"),
        API_SERVER: lambda: _strike_lab(scene, "kube-apiserver", chance.uniform(1.0, 8.0)),
        KUBELET: lambda: _strike_kubelet(scene, chance),
        BRIDGE: lambda: _kill_bridge(scene, chance),
    }
    return await strikes[kind]()


async def _kill_part(scene: Scene, kind: str, component: str) -> Struck:
    labels = f"app.kubernetes.io/component={component}"
    return await _kill_pods(scene, scene.platform.namespace, labels, kind)


async def _kill_pods(scene: Scene, namespace: str, labels: str, what: str) -> Struck:
    path = f"/api/v1/namespaces/{namespace}/pods"
    pods = await scene.platform.cluster.items(path, labelSelector=labels)
    for pod in pods:
        await scene.platform.cluster.delete(f"{path}/{pod['metadata']['name']}", grace_seconds=0)
    return Struck(what, frozenset(pod["metadata"]["uid"] for pod in pods))


async def _kill_bridge(scene: Scene, chance: random.Random) -> Struck:
    """Kill a bridge with people on it, who are told of beforehand: they are ours."""
    platform = scene.platform
    pods = sorted(await platform.bridge_pods(), key=lambda one: one["metadata"]["name"])
    known = await listed(platform)
    occupied = {jid.rsplit("/", 1)[-1] for jid, one in known.items() if int(one["endpoints"])}
    there = [one for one in pods if _nickname(one) in occupied]
    if not there:
        raise NotFoundError("a bridge with people on it")
    pod = chance.choice(there)
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{platform.namespace}/pods/{meta['name']}"
    scene.watcher.excused.add(meta["uid"])

    # From here on it must be this one, whatever is away meanwhile.
    async def told() -> tuple[int] | None:
        with contextlib.suppress(*AWAY):
            return (await scene.crowd.killed(_nickname(pod)),)
        return None

    async def killed() -> bool:
        with contextlib.suppress(*AWAY):
            await platform.cluster.delete(path, grace_seconds=0)
            return True
        return False

    (people,) = await until(f"the people of {meta['name']} told", told, seconds=60)
    await until(f"{meta['name']} killed", killed, seconds=60)
    return Struck(f"bridge {meta['name']} with {people} people", frozenset({meta["uid"]}))


def _nickname(pod: Object) -> str:
    return str(pod["metadata"].get("annotations", {}).get(NICKNAME, ""))


async def listed(platform: Platform) -> dict[str, Object]:
    """Return the bridges that Jicofo lists, by JID."""
    debug = await platform.cluster.get(platform.jicofo("debug"))
    return dict(debug.get("bridge_selector", {}).get("bridge", {}))


async def _strike_kubelet(scene: Scene, chance: random.Random) -> Struck:
    nodes = await scene.platform.cluster.items("/api/v1/nodes")
    node = chance.choice(sorted(one["metadata"]["name"] for one in nodes))
    return await _strike_lab(scene, f"kubelet-{node}", chance.uniform(2.0, 20.0))


async def _strike_lab(scene: Scene, component: str, down: float) -> Struck:
    command = (
        Path(sys.executable).with_name("octolab"), "strike", component,
        "--down", f"{down:.1f}", "--name", scene.lab,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise AssertionError(f"octolab strike {component} ended with {process.returncode}")
    return Struck(f"{component} for {down:.0f} s")
