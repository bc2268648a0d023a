"""Bridges that flap and pods that hang, on a real API server: told, and replaced in time."""

from tests.component.control import world as worlds
from tests.component.control.test_fleet_converges import condition, names, ready, start
from tests.component.control.world import World, cluster, operator, region, until

from octofleet.core import flapping
from octofleet.core.limits import FLAPPING
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster


async def events(world: World) -> set[str]:
    """Return the reasons of the events about the region."""
    found = await world.api.list(kube.EVENTS, world.namespace)
    about = [each for each in found if documents.text(each, "regarding", "name") == "eu"]
    return {documents.text(each, "reason") or "" for each in about}


async def ailment(world: World) -> tuple[object, object]:
    found = await condition(world, "Degraded")
    return found.get("status"), found.get("reason")


async def state(world: World, name: str) -> str | None:
    told = documents.items(await world.status("eu"), "bridges")
    return next((documents.text(e, "state") for e in told if e.get("name") == name), None)


async def fall(world: World, name: str, times: int) -> None:
    """Have Jicofo lose a bridge and find it again, for the so-many-th time."""
    world.bridges[name].registered = False

    async def noticed() -> bool:
        falls = documents.items(await world.status("eu"), "history", "falls")
        return [each.get("bridge") for each in falls].count(name) >= times

    await until(noticed)
    world.bridges[name].registered = True

    async def serves_or_leaves() -> bool:
        return await state(world, name) in ("Ready", "Draining", "Evacuating")

    await until(serves_or_leaves)


async def test_a_bridge_that_flaps_is_drained_and_a_fresh_one_takes_its_place(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "flaps") as world, operator(world):
        # Its people stay until they are told to go, so that the drain can be watched.
        await start(world, drain={"patience": "1s", "deadline": "1h", "atDeadline": "Wait"})

        async def controller_too() -> bool:
            return (await condition(world, "Ready")).get("status") == "True"

        # While Prosody or Jicofo is away, nobody's fall is its own.
        await until(controller_too)
        world.bridges["eu-0"].people = {"a@muc": 3}
        world.bridges["eu-1"].people = {"b@muc": 1}
        for times in range(1, flapping.FALLS + 1):
            await fall(world, "eu-0", times)

        async def drains() -> bool:
            pod = await api.get(kube.PODS, "eu-0", world.namespace)
            notes = documents.texts(pod, "metadata", "annotations")
            return notes.get(naming.ANNOTATION_DRAIN_REASON) == FLAPPING

        await until(drains)

        async def told() -> bool:
            return await ailment(world) == ("True", "BridgeFlapping")

        await until(told)

        async def another_serves() -> bool:
            return await names(world) == ["eu-0", "eu-1", "eu-2"] and await ready(world)

        await until(another_serves)
        world.bridges["eu-0"].people = {}

        async def replaced() -> bool:
            return await names(world) == ["eu-1", "eu-2"] and await ready(world)

        await until(replaced)

        async def well_again() -> bool:
            return await ailment(world) == ("False", "AllWell")

        await until(well_again)

        async def told_of() -> bool:
            reasons = {"BridgeFell", "BridgeFlapping", "DrainStarted", "Recovered"}
            return reasons <= await events(world)

        await until(told_of)
        assert world.dropped == []
        assert world.bridges["eu-1"].people == {"b@muc": 1}


async def hang(world: World, name: str) -> None:
    """Wait for a pod to have its node, and tell of it as a kubelet that never gets further."""

    async def placed() -> str | None:
        pod = await world.api.get(kube.PODS, name, world.namespace)
        return documents.text(pod, "spec", "nodeName")

    await until(placed)
    long_ago = "2020-01-01T00:00:00Z"
    given = {"type": "PodScheduled", "status": "True", "lastTransitionTime": long_ago}
    waits = {"waiting": {"reason": "ContainerCreating"}}
    container = {"name": "bridge", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    status = {
        "phase": "Pending",
        "hostIP": "127.0.0.1",
        "conditions": [given],
        "containerStatuses": [{**container, "state": waits}],
    }
    await world.set_status(kube.PODS, name, status)


async def test_a_pod_that_hangs_is_told_replaced_and_deleted_once_another_serves(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "hangs") as world, operator(world):
        world.stuck = frozenset({"eu-1"})
        await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
        await api.create(kube.REGIONS, world.namespace, region(world.namespace))
        await hang(world, "eu-1")

        async def told() -> bool:
            return {"BridgeStuck", "BridgeFailed"} <= await events(world)

        await until(told)

        async def replaced() -> bool:
            return await names(world) == ["eu-0", "eu-2"] and await ready(world)

        await until(replaced)

        async def well_again() -> bool:
            told_of = {"BridgeRemoved", "Recovered"} <= await events(world)
            return told_of and await ailment(world) == ("False", "AllWell")

        await until(well_again)
        assert world.dropped == []
        assert all("drain enable" not in each.calls for each in world.bridges.values())
