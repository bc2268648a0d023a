"""Pods on a node of one's choice, in its network: what is done to a node, not to a cluster.

They need a namespace that allows privileged pods.
"""

from typing import Any, Final

from octodemo.platform import Platform, image, until

__all__ = ["gone", "on_host", "pod_of", "run_on_node"]

SEARCH: Final = "PATH=/usr/sbin:/sbin:/usr/bin:/bin"
Object = dict[str, Any]


async def on_host(platform: Platform, node: str, name: str, command: str) -> None:
    """Run a shell command of the node's own system in its network, by a pod; wait for its end.

    Raises:
        AssertionError: The command failed.
    """
    shell = ["/usr/sbin/chroot", "/host", "/bin/sh", "-c", f"export {SEARCH}; {command}"]
    await run_on_node(platform, node, name, shell, user=0)

    async def ended() -> bool | None:
        phase = (await platform.cluster.get(f"{_pods(platform)}/{name}"))["status"]["phase"]
        if phase == "Failed":
            logs = await platform.cluster.kubectl("logs", "-n", platform.namespace, name)
            raise AssertionError(f"{command}: {logs}")
        return True if phase == "Succeeded" else None

    await until(f"pod {name} has ended", ended, seconds=120)


async def run_on_node(
    platform: Platform, node: str, name: str, command: list[str], *, user: int
) -> None:
    """Run a command of the bridge's image in a node's network; root may do all, on all files."""
    container: Object = {
        "image": image("bridge"),
        "command": command,
        "securityContext": {"runAsUser": user, "privileged": user == 0},
        "volumeMounts": [{"name": "host", "mountPath": "/host"}] if user == 0 else [],
    }
    pod = pod_of(platform, name, container)
    pod["spec"] |= {
        "hostNetwork": True,
        "nodeName": node,
        "restartPolicy": "Never",
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}] if user == 0 else [],
    }
    await platform.cluster.apply(pod)

    async def begun() -> bool | None:
        seen = await platform.cluster.get(f"{_pods(platform)}/{name}")
        return True if seen["status"].get("phase") not in (None, "Pending") else None

    await until(f"pod {name} runs", begun, seconds=120)


def pod_of(platform: Platform, name: str, container: Object) -> Object:
    """Return a pod of one container."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": platform.namespace},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": name, **container}]},
    }


async def gone(platform: Platform, name: str) -> None:
    """Delete a pod and wait until it is gone."""
    await platform.cluster.delete(f"{_pods(platform)}/{name}", grace_seconds=1)

    async def away() -> bool | None:
        left = await platform.cluster.items(_pods(platform))
        return True if name not in [each["metadata"]["name"] for each in left] else None

    await until(f"pod {name} is gone", away, seconds=120)


def _pods(platform: Platform) -> str:
    return f"/api/v1/namespaces/{platform.namespace}/pods"
