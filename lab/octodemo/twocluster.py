"""Proof: one platform on two Kubernetes clusters, whose link breaks and mends.

Home holds Prosody, the focus and a region; the other cluster a region that has joined by a Secret
of `octofleet join-token`. People of both regions are in calls. The far bridge is drained: the focus
at home moves its people, asked through the gateway. Then nothing passes between the clusters any
more: calls on the far bridge go on, nothing is touched, and the region says so. The link mends, and
all is as before. Ends in `twocluster: regions=2 dropped=0 link_down_served=ok`.
"""

import asyncio
import ipaddress
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console

from octodemo.crowd import Crowd
from octodemo.kube import Cluster, CommandError, connect
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.outside import outside_crowd
from octodemo.platform import Platform, fresh_namespace, install_operator, until

__all__ = ["prove_twocluster"]

NAMESPACE: Final = "prove-twocluster"
HOME_REGION: Final = "meet-home"
FAR_REGION: Final = "meet-far"
FAR: Final = "us"
"""What its bridges publish; the Secret is good for it alone."""
HOME_CALLS: Final = ("red", "green")
FAR_CALLS: Final = ("blue", "black")
CALL_SIZE: Final = 4
PEOPLE: Final = CALL_SIZE * 2
DOWN_SECONDS: Final = 20.0
"""For which nothing passes after the region has said so."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Labs:
    """The two labs."""

    home_name: str
    far_name: str
    home: Platform
    far: Platform

    async def link(self, *options: str) -> None:
        """Lay, mend, cut or take away the cable between them."""
        await _octolab("link", self.far_name, "--name", self.home_name, *options)


async def prove_twocluster(home: str, far: str, console: Console) -> str:
    """Run the proof on two labs that stand; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    kubeconfigs = [(await _octolab("kubeconfig", "--name", each)).strip() for each in (home, far)]
    async with connect(kubeconfigs[0]) as near, connect(kubeconfigs[1]) as other:
        labs = _Labs(home, far, Platform(near, NAMESPACE), Platform(other, NAMESPACE))
        await labs.link()
        try:
            await asyncio.gather(_install(near), _install(other))
            await _build(labs, console)
            return await _prove(labs, console)
        finally:
            await labs.link()
            await labs.far.remove()
            await labs.home.remove()
            await labs.link("--remove")


async def _install(cluster: Cluster) -> None:
    await install_operator(cluster)
    await fresh_namespace(cluster, NAMESPACE)


async def _build(labs: _Labs, console: Console) -> None:
    meet = jitsi_cluster(NAMESPACE)
    meet["spec"]["controller"] = {"remoteRegions": {"serviceType": "NodePort"}}
    # Whole conferences move, each on one bridge: relays are another proof's.
    meet["spec"]["octo"] = {"relays": "Disabled"}
    one = quick(None, mode="External")
    home = octo_region(NAMESPACE, HOME_REGION, one, cpu="50m", replicas=1, region="eu")
    await labs.home.cluster.apply(meet, home)
    await labs.home.wait_ready(HOME_REGION, bridges=1)
    console.print("home is up; the other cluster joins by a Secret")
    secret = await until("octofleet join-token", lambda: _join_secret(labs), seconds=60)
    far = octo_region(NAMESPACE, FAR_REGION, one, cpu="50m", replicas=1, region=FAR)
    del far["spec"]["clusterRef"]
    far["spec"]["joinSecretRef"] = {"name": secret["metadata"]["name"]}
    await labs.far.cluster.apply(secret, far)
    await labs.far.wait_ready(FAR_REGION, bridges=1)
    await labs.far.wait_condition(FAR_REGION, "Linked", "True")


async def _join_secret(labs: _Labs) -> Object | None:
    """Return the Secret as the command prints it, None while it can't be made yet."""
    program = str(Path(sys.executable).with_name("octofleet"))
    try:
        text = await labs.home.cluster.run(
            program, "join-token", "meet", "--region", FAR, "-n", NAMESPACE
        )
    except CommandError:
        return None
    found: Object = yaml.safe_load(text)
    found["metadata"]["namespace"] = NAMESPACE
    return found


@asynccontextmanager
async def _people(labs: _Labs) -> AsyncGenerator[tuple[Crowd, Crowd]]:
    """Have people of both regions on this machine, each near their own lab."""
    focus = f"ws://{await _focus_address(labs.home)}:8889/signal"
    near, other = [await _gate(each.cluster) for each in (labs.home, labs.far)]
    async with (
        outside_crowd(labs.home.cluster, "eu", focus=focus, address=near) as eu,
        outside_crowd(labs.far.cluster, "us", focus=focus, address=other) as us,
    ):
        yield eu, us


async def _prove(labs: _Labs, console: Console) -> str:
    async with _people(labs) as (eu, us):
        for crowd, region, calls in ((eu, "eu", HOME_CALLS), (us, "us", FAR_CALLS)):
            for name in calls:
                await crowd.call(name, CALL_SIZE, region=region)
        for crowd in (eu, us):
            await crowd.connected(PEOPLE)
        await _on_far_bridges(labs, PEOPLE)
        await asyncio.gather(eu.reset(), us.reset())
        console.print("everyone is in a call; the far bridge is drained")
        await _drain(labs)
        await _on_far_bridges(labs, PEOPLE)
        moved = (await us.people()).moved
        console.print(f"moved {moved}; nothing passes between the clusters from now on")
        served = await _cut(labs, us)
        console.print("the link is mended")
        await labs.far.wait_condition(FAR_REGION, "Linked", "True")
        await labs.far.wait_ready(FAR_REGION, bridges=1)
        await asyncio.sleep(12)
        seen = [await crowd.people() for crowd in (eu, us)]
    dropped, present = sum(each.dropped for each in seen), sum(each.present for each in seen)
    line = f"twocluster: regions=2 dropped={dropped} link_down_served={'ok' if served else 'no'}"
    if dropped or not served or not moved or present != 2 * PEOPLE:
        raise AssertionError(f"{line} moved={moved} present={present}")
    return line


async def _drain(labs: _Labs) -> None:
    """Have the far bridge emptied and wait until another one is in its place."""
    (pod,) = await labs.far.bridge_pods()
    old = pod["metadata"]["name"]
    program = str(Path(sys.executable).with_name("octofleet"))
    await labs.far.cluster.run(program, "drain", old, "--now", "-n", NAMESPACE)

    async def replaced() -> bool | None:
        uids = [each["metadata"]["uid"] for each in await labs.far.bridge_pods()]
        return True if len(uids) == 1 and uids[0] != pod["metadata"]["uid"] else None

    await labs.far.wait(FAR_REGION, f"{old} is replaced", replaced, seconds=180)
    await labs.far.wait_ready(FAR_REGION, bridges=1)


async def _cut(labs: _Labs, us: Crowd) -> bool:
    """Cut the link for a while; return whether people on the far bridge noticed nothing."""
    before = [each["metadata"]["uid"] for each in await labs.far.bridge_pods()]
    dropped = (await us.people()).dropped
    await labs.link("--cut")
    try:
        await labs.far.wait_condition(FAR_REGION, "Linked", "False")
        await asyncio.sleep(DOWN_SECONDS)
        people = await us.connected(PEOPLE, seconds=5)
        after = [each["metadata"]["uid"] for each in await labs.far.bridge_pods()]
    finally:
        await labs.link()
    return people.dropped == dropped and people.present == PEOPLE and before == after


async def _on_far_bridges(labs: _Labs, people: int) -> None:
    async def there() -> bool | None:
        status = (await labs.far.region(FAR_REGION)).get("status", {})
        return True if status.get("participants") == people else None

    await labs.far.wait(FAR_REGION, f"{people} people on its bridges", there, seconds=60)


async def _focus_address(home: Platform) -> str:
    """Return the address of the focus' pod, which this machine reaches in a lab."""
    pods = await home.cluster.items(
        f"/api/v1/namespaces/{NAMESPACE}/pods", labelSelector="app.kubernetes.io/name=jicofo"
    )
    (address,) = [each["status"]["podIP"] for each in pods if each["status"].get("podIP")]
    return str(address)


async def _gate(cluster: Cluster) -> str:
    """Return this machine's own address in a lab: the first of the nodes' network."""
    node = (await cluster.items("/api/v1/nodes"))[0]
    addresses = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
    network = ipaddress.ip_network(f"{addresses[0]}/24", strict=False)
    return str(network[1])


async def _octolab(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "octolab", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        raise CommandError(["octolab", *arguments], process.returncode, err.decode())
    return out.decode()
