"""An operator that starts anew writes nothing where all is as it should be."""

import asyncio

from tests.component.control import world as worlds
from tests.component.control.test_fleet_converges import start
from tests.component.control.world import World, operator, until

from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster


async def test_passwords_are_kept_and_idle_objects_left_alone(api: KubernetesCluster) -> None:
    async with worlds.running(api, "idle") as world:
        async with operator(world):
            await start(world)

            async def all_is_there() -> bool:
                # Web servers wait for the list of regions, which bridges needn't.
                found = await api.get(kube.CLUSTERS, "meet", world.namespace)
                return documents.condition(found, "WebReady").get("status") == "True"

            await until(all_is_there)
        before = await _versions(world)
        async with operator(world):
            await asyncio.sleep(4)
        after = await _versions(world)
        assert after == before


async def _versions(world: World) -> dict[str, str | None]:
    kinds = (kube.SECRETS, kube.SERVICES, kube.PODS, kube.BUDGETS, kube.REGIONS, kube.CLUSTERS)
    found: dict[str, str | None] = {}
    for kind in kinds:
        for each in await world.api.list(kind, world.namespace):
            # kopf's finalizer and Deployments' status are others' business.
            generation = documents.number(each, "metadata", "generation")
            version = documents.text(each, "metadata", "resourceVersion")
            name = f"{kind.plural}/{documents.text(each, 'metadata', 'name')}"
            found[name] = version if generation is None else str(generation)
    return found
