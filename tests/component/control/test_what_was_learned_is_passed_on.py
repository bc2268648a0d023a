"""What a region has learned outlives the operator and reaches the bridges it makes."""

import time

from tests.component.control import world as worlds
from tests.component.control.world import cluster, operator, region, until

from octofleet.api.quantities import moment_text
from octofleet.core import remembering
from octofleet.core.memory import Cost, Memory, Rush
from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster

NAME = "OCTOBRIDGE_AVERAGE_PARTICIPANT_STRESS"


async def test_new_bridges_tell_jicofo_what_a_person_was_learned_to_cost(
    api: KubernetesCluster,
) -> None:
    known = Cost("", people_squared=1e6, people_stress=2.5e4, weight=500.0)
    memory = Memory(costs=(known,), learned_at=time.time(), rush=Rush(slot=3))
    async with worlds.running(api, "learned") as world:
        await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
        await api.create(
            kube.REGIONS, world.namespace, region(world.namespace, headroom={"joins": 4})
        )
        # As an operator that has since ended left it.
        status = {
            "history": {"learned": remembering.written(memory, "")},
            "lastDecision": {"at": moment_text(time.time()), "wanted": 2},
        }
        await world.set_status(kube.REGIONS, "eu", status)
        async with operator(world):
            pods = await until(world.pods)
    told = {
        each.get("value")
        for pod in pods
        for container in documents.items(pod, "spec", "containers")
        for each in documents.items(container, "env")
        if each.get("name") == NAME
    }
    assert len(told) == 1
    assert 0.0225 < float(str(told.pop())) <= 0.025
