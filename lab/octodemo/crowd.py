"""The crowd: synthetic participants in a pod, driven over `octoload serve`'s HTTP control.

The pod runs in the cluster it loads, so the same scenario works on the lab and on any other
cluster; requests reach it through the API server's proxy.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

from octodemo.kube import Cluster, CommandError
from octodemo.platform import image, until

__all__ = ["Crowd", "People", "start_crowd"]

PORT: Final = 8890
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class People:
    """What the participants lived through in this window (as `octoload` counts it)."""

    participants: int
    present: int
    admitted: int
    dropped: int
    moved: int
    max_gap_ms: int

    def line(self) -> str:
        """Return it in words."""
        return (
            f"people {self.present}, dropped {self.dropped}, moved {self.moved}, "
            f"longest gap {self.max_gap_ms} ms"
        )


@dataclass(frozen=True, slots=True)
class Crowd:
    """A running `octoload serve`."""

    cluster: Cluster
    namespace: str
    name: str

    async def call(
        self,
        name: str,
        participants: int,
        *,
        video: bool = True,
        audio: bool = True,
        bitrate_bps: int = 200_000,
        ramp_seconds: float = 0,
        region: str | None = None,
        **more: Any,
    ) -> None:
        """Bring the call `name` to this many participants (0 ends it), those new in `region`.

        `more` are other fields of octoload's `CallRequest`, for the new ones.
        """
        if participants == 0:
            await self._request("DELETE", f"calls/{name}")
            return
        body = {
            "name": name,
            "participants": participants,
            "video": video,
            "audio": audio,
            "bitrate": bitrate_bps,
            "ramp": ramp_seconds,
            **({} if region is None else {"region": region}),
            **more,
        }
        await self._request("POST", "calls", json=body)

    async def status(self, name: str) -> Object:
        """Return how a call stands, and everyone in it."""
        return await self._request("GET", f"calls/{name}")

    async def report(self) -> Object:
        """Return the whole accounting since the start or the last reset."""
        return await self._request("GET", "report")

    async def killed(self, bridge: str) -> int:
        """Take note that a bridge is killed from outside; return how many of ours are on it."""
        answer = await self._request("POST", "killed", json={"bridge": bridge})
        return int(answer["affected"])

    async def people(self) -> People:
        """Return the accounting since the start or the last reset."""
        answer = await self.report()
        total: dict[str, Any] = answer["total"]
        return People(**{one.name: total[one.name] for one in fields(People)})

    async def reset(self) -> None:
        """Start a new accounting window."""
        await self._request("POST", "reset")

    async def answers(self, *, seconds: float) -> None:
        """Wait until the process that holds the people can be asked."""

        async def asked() -> bool | None:
            try:
                await self.people()
            except CommandError:
                return None
            return True

        await until(f"the crowd {self.name} answers", asked, seconds=seconds)

    async def connected(self, participants: int, *, seconds: float = 90) -> People:
        """Wait until this many people are in their calls with media; return the accounting."""

        async def enough() -> bool | None:
            return True if await self.present() >= participants else None

        try:
            await until(f"{participants} people in their calls", enough, seconds=seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}: {await self._request('GET', 'calls')}") from late
        return await self.people()

    async def present(self) -> int:
        """Return how many people are in their calls with a connection just now."""
        return sum(call["connected"] for call in await self._request("GET", "calls"))

    async def arriving(self) -> int:
        """Return how many streams come in at them just now, all together."""
        return sum(call["arriving"] for call in await self._request("GET", "calls"))

    async def stop(self) -> None:
        """Remove the pod."""
        await self.cluster.delete(
            f"/api/v1/namespaces/{self.namespace}/pods/{self.name}", grace_seconds=1
        )

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        pod = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}:{PORT}/proxy/{path}"
        return await self.cluster.request(method, pod, **options)


async def start_crowd(
    cluster: Cluster,
    namespace: str,
    *,
    jitsi: str = "meet",
    name: str = "octoload",
    node_selector: dict[str, str] | None = None,
) -> Crowd:
    """Start the pod beside the JitsiCluster `jitsi` and wait until it answers."""
    await cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/name": "octoload"},
            },
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 2,
                "automountServiceAccountToken": False,
                "nodeSelector": node_selector or {},
                "containers": [
                    {
                        "name": "octoload",
                        "image": image("load"),
                        "imagePullPolicy": "IfNotPresent",
                        "args": [
                            "octoload",
                            "serve",
                            "--focus",
                            f"ws://{jitsi}-jicofo:8889/signal",
                            "--listen",
                            f"0.0.0.0:{PORT}",
                        ],
                        "ports": [{"containerPort": PORT}],
                    }
                ],
            },
        }
    )
    crowd = Crowd(cluster, namespace, name)
    await crowd.answers(seconds=90)
    return crowd
