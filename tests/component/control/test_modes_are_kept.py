"""Who decides about a region's size, hours that are known, and a hot bridge: the whole operator.

That something is left alone is proven by a later decision: whatever was to be done would have been
done when the one before it was made.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.component.control import world as worlds
from tests.component.control.world import World, cluster, operator, region, until

from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster


async def start(world: World, **autoscaling: Any) -> None:
    """Apply a cluster and a region and wait for the region's two bridges."""
    await world.api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
    await world.api.create(kube.REGIONS, world.namespace, region(world.namespace, **autoscaling))
    await until(ready(world, 2))


async def change(world: World, **autoscaling: Any) -> None:
    changed = {"spec": {"autoscaling": autoscaling}}
    await world.api.merge(kube.REGIONS, world.namespace, "eu", changed)


def ready(world: World, number: int) -> Callable[[], Awaitable[bool]]:
    async def so_many() -> bool:
        status = await world.status("eu")
        return status.get("readyReplicas") == number == status.get("desiredReplicas")

    return so_many


def decided(world: World, **fields: Any) -> Callable[[], Awaitable[documents.Document | None]]:
    async def as_told() -> documents.Document | None:
        found = documents.mapping(await world.status("eu"), "lastDecision")
        return found if all(found.get(key) == value for key, value in fields.items()) else None

    as_told.__name__ = f"a decision with {fields}"
    return as_told


def crowd(world: World, each: int) -> None:
    """Have so many people on every bridge, in a meeting of theirs."""
    for name, bridge in world.bridges.items():
        bridge.people = {f"{name}@muc": each} if each else {}


async def uids(world: World) -> set[str | None]:
    return {documents.text(pod, "metadata", "uid") for pod in await world.pods()}


def commands(world: World) -> list[str]:
    return [call for each in world.bridges.values() for call in each.calls]


async def test_recommend_says_what_it_would_do_and_does_nothing(api: KubernetesCluster) -> None:
    async with worlds.running(api, "recommend") as world, operator(world):
        await start(world, mode="Recommend")
        before = await uids(world)
        crowd(world, 9)
        told = await until(decided(world, recommended=3, wanted=2, winner="spec.replicas"))
        assert "3 recommended" in told["message"]
        crowd(world, 1)
        await until(decided(world, recommended=2, wanted=2))
        assert await uids(world) == before
        assert commands(world) == []


async def test_paused_leaves_everything_as_it_is(api: KubernetesCluster) -> None:
    async with worlds.running(api, "paused") as world, operator(world):
        await start(world)
        before = await uids(world)
        await change(world, mode="Paused", minBridges=1)
        crowd(world, 9)
        await until(decided(world, recommended=3, wanted=2, winner="autoscaling.mode"))
        crowd(world, 1)
        told = await until(decided(world, recommended=1, wanted=2))
        refused = documents.items(told, "refused")
        assert [each["reason"] for each in refused] == ["Paused"]
        crowd(world, 9)
        await until(decided(world, recommended=3, wanted=2))
        assert await uids(world) == before
        assert commands(world) == []


async def test_paused_for_scale_in_still_grows_and_never_shrinks(api: KubernetesCluster) -> None:
    async with worlds.running(api, "pausedin") as world, operator(world):
        await start(world, mode="Paused", paused="ScaleIn")
        before = await uids(world)
        crowd(world, 9)
        await until(ready(world, 3))
        grown = await uids(world)
        assert before < grown
        crowd(world, 1)
        await until(decided(world, recommended=2, wanted=3, winner="autoscaling.paused"))
        crowd(world, 8)
        await until(decided(world, recommended=3, wanted=3))
        assert await uids(world) == grown
        assert commands(world) == []


async def test_hours_that_are_known_are_a_floor(api: KubernetesCluster) -> None:
    async with worlds.running(api, "hours") as world, operator(world):
        await start(world)
        began = datetime.now(UTC) - timedelta(minutes=1)
        window = {"cron": f"{began:%M} {began:%H} * * *", "duration": "2h", "minBridges": 3}
        await change(world, schedule=[window])
        await until(ready(world, 3))
        told = await until(decided(world, winner="Schedule", wanted=3))
        assert "open" in told["message"]
        await change(world, schedule=[])
        await until(ready(world, 2))
        assert world.dropped == []


async def test_hot_bridge_gives_one_meeting_to_a_cool_one(api: KubernetesCluster) -> None:
    async with worlds.running(api, "hot") as world, operator(world):
        people = {"type": "Participants", "target": {"averageValue": "90"}}
        await start(world, metrics=[people], rebalancing="Auto")
        hot, cool = world.bridges["eu-0"], world.bridges["eu-1"]
        hot.people = {"large@muc": 50, "small@muc": 5, "middle@muc": 30}
        cool.people = {"other@muc": 4}

        async def moved() -> bool:
            return "middle@muc" in cool.people

        await until(moved)
        assert hot.people == {"large@muc": 50, "small@muc": 5}
        assert cool.people == {"other@muc": 4, "middle@muc": 30}
        assert world.dropped == []


async def test_nobody_is_moved_off_a_hot_bridge_unless_that_is_asked_for(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "hotoff") as world, operator(world):
        people = {"type": "Participants", "target": {"averageValue": "90"}}
        await start(world, metrics=[people])
        hot = world.bridges["eu-0"]
        hot.people = {"large@muc": 50, "middle@muc": 35}

        async def seen() -> bool:
            return (await world.status("eu")).get("participants") == 85

        await until(seen)
        hot.people = {"large@muc": 50, "middle@muc": 36}

        async def seen_later() -> bool:
            return (await world.status("eu")).get("participants") == 86

        await until(seen_later)
        assert "middle@muc" in hot.people
        assert world.bridges["eu-1"].people == {}
