"""Octofleet installed as a person would: Helm for the operator, kubectl for the platform."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from octodemo.kube import Cluster, CommandError, NotFoundError

__all__ = [
    "GROUP",
    "SYSTEM",
    "Platform",
    "condition",
    "fresh_namespace",
    "fresh_platform",
    "image",
    "install_operator",
    "manifest",
    "uninstall_operator",
    "until",
]

GROUP: Final = "/apis/octofleet.io/v1alpha1"
SYSTEM: Final = "octofleet-system"
SCENARIO: Final = "octofleet.io/scenario"
"""Label of the namespaces that scenarios make and may take away again."""
ROOT: Final = Path(__file__).resolve().parents[2]
IMAGES: Final = os.environ.get("OCTOFLEET_IMAGES", "docker.io/octofleet")
"""Where our images are: in the lab and in kind, loaded into the nodes under this name."""
TAG: Final = os.environ.get("OCTOFLEET_TAG", "dev")

Object = dict[str, Any]
T = TypeVar("T")


async def until(
    what: str, probe: Callable[[], Awaitable[T | None]], *, seconds: float, every: float = 0.5
) -> T:
    """Return the first answer of `probe` that isn't None or False.

    Raises:
        TimeoutError: `what` didn't happen within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = await probe()
        except NotFoundError:
            answer = None
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(every)


def manifest(name: str) -> list[Object]:
    """Return the objects of `examples/NAME`."""
    text = (ROOT / "examples" / name).read_text()
    return [document for document in yaml.safe_load_all(text) if document]


def condition(thing: Object, kind: str) -> Object | None:
    """Return the condition `kind` of an object's status."""
    conditions = thing.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == kind), None)


def image(name: str) -> str:
    """Return the full name of one of our images: operator, bridge, prosody, web or load."""
    return f"{IMAGES}/{name}:{TAG}"


async def install_operator(cluster: Cluster) -> None:
    """Install or upgrade the chart in `octofleet-system` and wait until it runs.

    Synthetic participants speak only to our focus, so it stands in for Jicofo here.
    """
    settings = {
        "image.repository": f"{IMAGES}/operator",
        "image.tag": TAG,
        "defaultImages.prosody": image("prosody"),
        "defaultImages.jicofo": image("load"),
        "defaultImages.web": image("web"),
        "defaultImages.bridge": image("bridge"),
        "defaultImages.load": image("load"),
    }
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    chart = str(ROOT / "helm" / "octofleet")
    deployment = ("deployment/octofleet", "--namespace", SYSTEM)
    there = await cluster.kubectl("get", *deployment, "--ignore-not-found", "--output=name")
    await cluster.run(
        "helm", "upgrade", "--install", "octofleet", chart, "--namespace", SYSTEM,
        "--create-namespace", "--wait", "--timeout", "180s", *options,
    )  # fmt: skip
    if there:
        # Built anew under the same tag, an image isn't noticed by pods that run.
        await cluster.kubectl("rollout", "restart", *deployment)
        await cluster.kubectl("rollout", "status", *deployment, "--timeout=180s")


async def uninstall_operator(cluster: Cluster) -> None:
    """Remove the chart (its CRDs and what they describe stay)."""
    await cluster.run("helm", "uninstall", "octofleet", "--namespace", SYSTEM, "--wait")


async def fresh_namespace(cluster: Cluster, name: str) -> None:
    """Make a namespace that may hold bridges (they need the host's network).

    What earlier scenarios left is taken away first, drained like anything else: a bridge needs a
    node of its own, and the nodes are few.
    """
    left = await cluster.items("/api/v1/namespaces", labelSelector=f"{SCENARIO}=true")
    await asyncio.gather(*(Platform(cluster, one["metadata"]["name"]).remove() for one in left))
    await cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": "privileged", SCENARIO: "true"},
            },
        }
    )


@dataclass(frozen=True, slots=True)
class Platform:
    """One JitsiCluster and its regions in one namespace."""

    cluster: Cluster
    namespace: str
    name: str = "meet"

    def path(self, plural: str, name: str = "") -> str:
        """Return the API path of our resources of this namespace."""
        return f"{GROUP}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def jicofo(self, path: str) -> str:
        """Return the API path by which Jicofo's REST answers."""
        services = f"/api/v1/namespaces/{self.namespace}/services"
        return f"{services}/{self.name}-jicofo:8888/proxy/{path}"

    def web(self, path: str) -> str:
        """Return the API path by which the web servers' Service answers."""
        services = f"/api/v1/namespaces/{self.namespace}/services"
        return f"{services}/{self.name}-web:8000/proxy/{path}"

    async def jitsi(self) -> Object:
        """Return the JitsiCluster."""
        return await self.cluster.get(self.path("jitsiclusters", self.name))

    async def regions(self) -> list[Object]:
        """Return the OctoRegions of the namespace."""
        return await self.cluster.items(self.path("octoregions"))

    async def region(self, name: str) -> Object:
        """Return one OctoRegion."""
        return await self.cluster.get(self.path("octoregions", name))

    async def wait_region_gone(self, name: str) -> None:
        """Wait until a region that was deleted is gone, and its bridges with it."""

        async def gone() -> bool | None:
            try:
                await self.region(name)
            except NotFoundError:
                return True
            return None

        await until("region gone", gone, seconds=120, every=1)

    async def patch_region(self, name: str, spec: Object) -> None:
        """Change fields of an OctoRegion's spec."""
        await self.cluster.patch(self.path("octoregions", name), {"spec": spec})

    async def patch_cluster(self, spec: Object) -> None:
        """Change fields of the JitsiCluster's spec."""
        await self.cluster.patch(self.path("jitsiclusters", self.name), {"spec": spec})

    async def bridge_pods(self) -> list[Object]:
        """Return the bridge pods of the namespace, whatever their phase."""
        return await self.cluster.items(
            f"/api/v1/namespaces/{self.namespace}/pods",
            labelSelector="app.kubernetes.io/component=bridge",
        )

    async def wait_ready(self, region: str, *, bridges: int, seconds: float = 180) -> Object:
        """Wait until the region is Ready with this many ready bridges."""

        async def ready() -> Object | None:
            seen = await self.region(region)
            status = seen.get("status", {})
            verdict = condition(seen, "Ready")
            if verdict is None or verdict["status"] != "True":
                return None
            return seen if status.get("readyReplicas") == bridges else None

        return await self.wait(region, f"{bridges} bridges ready", ready, seconds=seconds)

    async def wait_condition(
        self, region: str, kind: str, status: str, *, seconds: float = 90
    ) -> Object:
        """Wait for a condition of a region; return the condition."""

        async def holds() -> Object | None:
            found = condition(await self.region(region), kind)
            return found if found is not None and found["status"] == status else None

        return await self.wait(region, f"{kind}={status}", holds, seconds=seconds)

    async def wait(
        self, region: str, what: str, probe: Callable[[], Awaitable[T | None]], *, seconds: float
    ) -> T:
        """Return the first answer of `probe`, asked every second.

        Raises:
            TimeoutError: it didn't come; the message shows the region's state, too.
        """
        try:
            return await until(f"{region}: {what}", probe, seconds=seconds, every=1)
        except TimeoutError as late:
            raise TimeoutError(f"{late}\n{await self.story(region)}") from late

    async def story(self, region: str) -> str:
        """Return what a person would look at when something doesn't come: for error messages."""
        lines: list[str] = []
        for arguments in (
            ("get", "octoregion", region, "-n", self.namespace, "-o", "yaml"),
            ("get", "pods", "-n", self.namespace, "-o", "wide"),
            ("logs", "-n", SYSTEM, "deploy/octofleet", "--tail=40"),
        ):
            try:
                lines.append(await self.cluster.kubectl(*arguments))
            except CommandError as failed:
                lines.append(str(failed))
        return "\n".join(lines)

    async def remove(self) -> None:
        """Delete people, regions, cluster and namespace, and wait until they're gone."""
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        for pod in await self.cluster.items(pods, labelSelector="app.kubernetes.io/name=octoload"):
            await self.cluster.delete(f"{pods}/{pod['metadata']['name']}", grace_seconds=1)
        for region in await self.regions():
            await self.cluster.delete(self.path("octoregions", region["metadata"]["name"]))
        await self.cluster.delete(self.path("jitsiclusters", self.name))

        async def gone() -> bool | None:
            return True if not await self.bridge_pods() else None

        await until("bridges gone", gone, seconds=240, every=1)
        path = f"/api/v1/namespaces/{self.namespace}"
        await self.cluster.delete(path)

        async def namespace_gone() -> bool | None:
            try:
                await self.cluster.get(path)
            except NotFoundError:
                return True
            return None

        await until(f"namespace {self.namespace} gone", namespace_gone, seconds=120, every=1)


@contextlib.asynccontextmanager
async def fresh_platform(cluster: Cluster, namespace: str) -> AsyncGenerator[Platform]:
    """Have a scenario's namespace to itself; whatever it held is taken away in the end."""
    await fresh_namespace(cluster, namespace)
    platform = Platform(cluster, namespace)
    try:
        yield platform
    finally:
        await platform.remove()
