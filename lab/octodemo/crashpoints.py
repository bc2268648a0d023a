"""Proof: wherever the operator is stopped, the next one goes on.

The installed operator makes room for one whose API server is reached through a proxy that kills
it after each single write of a scale-out, a scale-in and an upgrade, under live calls (once for
everything it has to say). Each time a new process begins, reads the world and goes on. A write
counts as converged when the step it belongs to ended as it should. Ends in
`crashpoints: writes=N converged=N`.
"""

import copy
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from octodemo import crash_proxy
from octodemo.crowd import start_crowd
from octodemo.fleet import Watcher, watching
from octodemo.kube import Cluster, CommandError
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import SYSTEM, Platform, fresh_platform, image, install_operator, until
from octodemo.upgrade import wait_image, wait_upgraded

__all__ = ["prove_crashpoints"]

NAMESPACE: Final = "prove-crashpoints"
REGION: Final = "meet-crash"
NAME: Final = "octofleet-crashing"
SIZE: Final = 2
STEP_SECONDS: Final = 420
AGAIN: Final = "while :; do octofleet operator; sleep 0.1; done"
PODS: Final = f"/api/v1/namespaces/{SYSTEM}/pods"
DEPLOYMENT: Final = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/octofleet"

Object = dict[str, Any]


@dataclass(slots=True)
class Tally:
    """Writes the operator was killed after."""

    writes: int = 0
    converged: int = 0


async def prove_crashpoints(cluster: Cluster, console: Console) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    await cluster.delete(f"{PODS}/{NAME}", grace_seconds=0)  # of a run that was cut short
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        by_hand = quick(None, mode="External")
        region = octo_region(NAMESPACE, REGION, by_hand, cpu="50m", replicas=SIZE)
        await cluster.apply(jitsi_cluster(NAMESPACE), region)
        await platform.wait_ready(REGION, bridges=SIZE)
        crowd = await start_crowd(cluster, NAMESPACE)
        for name in ("one", "two"):
            await crowd.call(name, 3, bitrate_bps=100_000)
        await crowd.connected(6)
        async with _crashing_operator(cluster), watching(platform, REGION) as watcher:
            await crowd.reset()
            tally = await _all_steps(platform, watcher, console)
        people = await crowd.people()
        console.print(people.line())
        line = f"crashpoints: writes={tally.writes} converged={tally.converged}"
        lost = watcher.occupied_deleted
        if tally.writes != tally.converged or not tally.writes or people.dropped or lost:
            raise AssertionError(f"{line} dropped={people.dropped} occupied_deleted={lost}")
        return line


async def _all_steps(platform: Platform, watcher: Watcher, console: Console) -> Tally:
    tally = Tally()

    async def size(number: int) -> None:
        await platform.patch_region(REGION, {"replicas": number})

    async def settled(number: int) -> None:
        await platform.wait(
            REGION, f"{number} bridges", lambda: _stands(platform, number), seconds=STEP_SECONDS
        )

    async def upgraded() -> None:
        await wait_upgraded(platform, REGION, "UpToDate", seconds=STEP_SECONDS)
        await settled(SIZE)
        await wait_image(platform, REGION, image("bridge-next"))

    steps: tuple[tuple[str, Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]], ...] = (
        ("scale-out", lambda: size(SIZE + 1), lambda: settled(SIZE + 1)),
        ("scale-in", lambda: size(SIZE), lambda: settled(SIZE)),
        ("upgrade", lambda: _next_version(platform), upgraded),
    )
    for name, begin, end in steps:
        await _step(platform, name, begin, end, tally, console)
    return tally


async def _step(
    platform: Platform,
    name: str,
    begin: Callable[[], Awaitable[None]],
    end: Callable[[], Awaitable[None]],
    tally: Tally,
    console: Console,
) -> None:
    """Take one step with an operator that is killed at each write; count what came of it."""
    await _control(platform.cluster, "POST", "arm")
    await begin()
    try:
        await end()
        ended = True
    except (TimeoutError, AssertionError) as failed:
        console.print(f"{name}: {failed}", markup=False)
        ended = False
    writes = (await _control(platform.cluster, "POST", "disarm"))["writes"]
    tally.writes += len(writes)
    tally.converged += len(writes) if ended else 0
    kinds = sorted({_short(each) for each in writes})
    console.print(f"{name}: killed after {len(writes)} writes: {', '.join(kinds)}")
    if ended:
        # Left in peace it finds nothing to mend.
        await platform.wait_ready(REGION, bridges=SIZE + (name == "scale-out"))


async def _next_version(platform: Platform) -> None:
    await platform.patch_region(REGION, {"bridge": {"image": image("bridge-next")}})


async def _stands(platform: Platform, number: int) -> bool | None:
    status = (await platform.region(REGION)).get("status", {})
    pods = await platform.bridge_pods()
    there = status.get("readyReplicas") == status.get("desiredReplicas") == number
    return True if there and len(pods) == number else None


def _short(write: str) -> str:
    """Return a write without the names of what was written."""
    method, _, path = write.partition(" ")
    parts = path.partition("/namespaces/")[2].split("/")
    return f"{method} {'/'.join(parts[1:2] + parts[3:])}"


async def _control(cluster: Cluster, method: str, what: str) -> Object:
    path = f"{PODS}/{NAME}:{crash_proxy.CONTROL_PORT}/proxy/{what}"
    return await cluster.request(method, path)


@asynccontextmanager
async def _crashing_operator(cluster: Cluster) -> AsyncGenerator[None]:
    """Put an operator behind the proxy in the place of the installed one for the time being."""
    installed = await cluster.get(DEPLOYMENT)
    await cluster.kubectl("scale", "-n", SYSTEM, "deploy/octofleet", "--replicas=0")
    try:
        await until("the operator made room", lambda: _gone(cluster), seconds=90)
        await cluster.apply(_files(), _pod(installed))
        await until("the proxy answers", lambda: _answers(cluster), seconds=90)
        yield
    finally:
        await cluster.delete(f"{PODS}/{NAME}", grace_seconds=0)
        await cluster.delete(f"/api/v1/namespaces/{SYSTEM}/configmaps/{NAME}")
        await cluster.kubectl("scale", "-n", SYSTEM, "deploy/octofleet", "--replicas=1")
        await cluster.kubectl(
            "rollout", "status", "-n", SYSTEM, "deploy/octofleet", "--timeout=120s"
        )


async def _gone(cluster: Cluster) -> bool | None:
    pods = await cluster.items(PODS, labelSelector="app.kubernetes.io/component=operator")
    return True if not pods else None


async def _answers(cluster: Cluster) -> bool | None:
    try:
        await _control(cluster, "GET", "writes")
    except CommandError:
        return None
    return True


def _files() -> Object:
    kubeconfig: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "proxy", "cluster": {"server": f"http://127.0.0.1:{crash_proxy.PORT}"}}
        ],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
        "current-context": "proxy",
    }
    script = Path(crash_proxy.__file__).read_text()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": SYSTEM},
        "data": {"crash_proxy.py": script, "kubeconfig": json.dumps(kubeconfig)},
    }


def _pod(installed: Object) -> Object:
    """Return the installed operator's pod with the proxy beside it and its API through that."""
    spec = copy.deepcopy(installed["spec"]["template"]["spec"])
    (operator,) = spec["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        operator.pop(probe, None)
    operator["command"] = ["sh", "-c", AGAIN]
    # Always the same name on the Lease: the next process need not wait for the last one's to end.
    env = [each for each in operator["env"] if each["name"] != "OCTOFLEET_IDENTITY"]
    operator["env"] = [
        *env,
        {"name": "OCTOFLEET_IDENTITY", "value": NAME},
        {"name": "KUBECONFIG", "value": "/crash/kubeconfig"},
    ]
    files = {"name": "crash", "mountPath": "/crash"}
    operator["volumeMounts"] = [*operator.get("volumeMounts", []), files]
    account = {"name": "account", "mountPath": str(crash_proxy.ACCOUNT)}
    proxy = {
        "name": "proxy",
        "image": operator["image"],
        "imagePullPolicy": operator["imagePullPolicy"],
        "command": ["python3", "/crash/crash_proxy.py"],
        "securityContext": operator["securityContext"],
        "volumeMounts": [files, account],
    }
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 7200}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    volumes = [
        {"name": "crash", "configMap": {"name": NAME}},
        {"name": "account", "projected": {"sources": sources}},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": NAME,
            "namespace": SYSTEM,
            "labels": {"app.kubernetes.io/name": NAME},
        },
        "spec": {
            **spec,
            "automountServiceAccountToken": False,
            "shareProcessNamespace": True,
            "containers": [operator, proxy],
            "volumes": [*spec.get("volumes", []), *volumes],
        },
    }
