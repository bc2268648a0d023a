"""The whole operator, kopf and all, on a real API server: fleets grow, shrink and drop nobody."""

import asyncio
from typing import Any

import pytest
from tests.component.control import world as worlds
from tests.component.control.apiserver import ApiServer
from tests.component.control.world import World, cluster, operator, region, until

from octofleet.core.manifests import accounts, naming
from octofleet.shell import documents, kube
from octofleet.shell.cluster_loop import WORD_SECONDS
from octofleet.shell.kube import KubernetesCluster

pytestmark = pytest.mark.timeout(300)


async def ready(world: World, number: int = 2, name: str = "eu") -> bool:
    status = await world.status(name)
    return status.get("readyReplicas") == number and status.get("desiredReplicas") == number


async def condition(world: World, kind: str, name: str = "eu") -> documents.Document:
    conditions = documents.items(await world.status(name), "conditions")
    nothing: documents.Document = {}
    return next((each for each in conditions if each.get("type") == kind), nothing)


async def start(world: World, **autoscaling: Any) -> None:
    """Apply a cluster and a region and wait for the region's two bridges."""
    await world.api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
    await world.api.create(kube.REGIONS, world.namespace, region(world.namespace, **autoscaling))
    await until(lambda: ready(world))


async def names(world: World) -> list[str]:
    return sorted(documents.text(each, "metadata", "name") or "" for each in await world.pods())


async def test_region_gets_its_bridges_each_on_a_node(api: KubernetesCluster) -> None:
    async with worlds.running(api, "converge") as world, operator(world):
        await start(world)
        pods = await world.pods()
        assert await names(world) == ["eu-0", "eu-1"]
        assert len({documents.text(each, "spec", "nodeName") for each in pods}) == 2

        async def is_ready() -> bool:
            return (await condition(world, "Ready")).get("status") == "True"

        await until(is_ready)


async def test_cluster_without_a_region_gets_one_of_its_own(api: KubernetesCluster) -> None:
    async with worlds.running(api, "small") as world, operator(world):
        made = await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
        await until(lambda: ready(world, name="meet"))
        found = await api.get(kube.REGIONS, "meet", world.namespace)
        owner = documents.items(found, "metadata", "ownerReferences")[0]
        assert owner["uid"] == documents.text(made, "metadata", "uid")
        kept = await api.get(kube.SECRETS, "meet-credentials", world.namespace)
        assert set(documents.texts(kept, "data")) >= {
            naming.KEY_JICOFO_PASSWORD,
            naming.KEY_REST_TOKEN,
            *accounts.password_keys(accounts.FIRST),
            *accounts.CURRENT_KEYS.values(),
        }


async def test_people_make_the_fleet_grow_and_their_leaving_makes_it_shrink(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "grow") as world, operator(world):
        await start(world, drain={"patience": "1s", "deadline": "1h"})
        world.bridges["eu-0"].people = {"a@muc": 6, "b@muc": 6}
        world.bridges["eu-1"].people = {"c@muc": 6}
        await until(lambda: ready(world, 3))
        world.bridges["eu-0"].people.pop("b@muc")
        world.bridges["eu-1"].people["c@muc"] = 1
        await until(lambda: ready(world, 2))

        async def two_pods() -> bool:
            return len(await world.pods()) == 2

        await until(two_pods)
        assert world.dropped == []
        assert sum(each.participants for each in world.bridges.values()) == 7


async def test_bridge_with_people_is_drained_moved_off_and_only_then_stopped(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "evacuate") as world, operator(world):
        await start(world, drain={"patience": "1s", "deadline": "1h"})
        world.bridges["eu-0"].people = {"a@muc": 2}
        world.bridges["eu-1"].people = {"b@muc": 1}
        smaller = {"spec": {"autoscaling": {"minBridges": 1}}}
        await api.merge(kube.REGIONS, world.namespace, "eu", smaller)

        async def one_left() -> bool:
            return len(await world.pods()) == 1

        await until(one_left)
        assert world.dropped == []
        assert sum(each.participants for each in world.bridges.values()) == 3


async def test_nothing_shrinks_while_jicofo_is_silent(api: KubernetesCluster) -> None:
    async with worlds.running(api, "silent") as world, operator(world):
        await start(world)
        world.bridges["eu-0"].people = {"a@muc": 20}
        await until(lambda: ready(world, 3))
        world.jicofo_up = False

        async def said_so() -> bool:
            return (await condition(world, "MetricsAvailable")).get("status") == "False"

        await until(said_so)
        world.bridges["eu-0"].people = {}

        async def seen_empty() -> bool:
            found = await api.get(kube.REGIONS, "eu", world.namespace)
            told = documents.items(found, "status", "bridges")
            return [each.get("participants") for each in told] == [0, 0, 0]

        await until(seen_empty)
        assert len(await names(world)) == 3
        assert not any("drain enable" in each.calls for each in world.bridges.values())
        world.jicofo_up = True
        await until(lambda: ready(world, 2))
        assert world.dropped == []


async def test_region_without_its_cluster_says_so_and_heals(api: KubernetesCluster) -> None:
    async with worlds.running(api, "lonely") as world, operator(world):
        await api.create(kube.REGIONS, world.namespace, region(world.namespace))

        async def complains() -> bool:
            found = await condition(world, "Ready")
            return found.get("reason") == "ClusterNotFound" and "meet" in str(found["message"])

        await until(complains)
        assert await names(world) == []
        await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
        await until(lambda: ready(world))


async def test_external_size_is_obeyed_through_the_scale_subresource(
    api: KubernetesCluster, apiserver: ApiServer
) -> None:
    async with worlds.running(api, "external") as world, operator(world):
        await start(world, mode="External")
        scaled = apiserver.kubectl("scale", "octoregion/eu", "-n", world.namespace, "--replicas=3")
        assert scaled.returncode == 0, scaled.stderr
        await until(lambda: ready(world, 3))


async def test_operator_that_starts_anew_goes_on_with_a_drain(api: KubernetesCluster) -> None:
    async with worlds.running(api, "anew") as world:
        async with operator(world):
            await start(world, drain={"patience": "1h", "deadline": "2h"})
            world.bridges["eu-0"].people = {"a@muc": 12}
            world.bridges["eu-1"].people = {"b@muc": 6}
            await until(lambda: ready(world, 3))
            world.bridges["eu-2"].people = {"c@muc": 1}
            world.bridges["eu-0"].people = {"a@muc": 2}

            async def drains() -> bool:
                return any(each.drain for each in world.bridges.values())

            await until(drains)
        victim = next(name for name, each in world.bridges.items() if each.drain)
        world.bridges[victim].people = {}
        async with operator(world):

            async def gone() -> bool:
                return victim not in await names(world)

            await until(gone)
        assert world.dropped == []


async def test_deleted_region_drains_before_it_goes(api: KubernetesCluster) -> None:
    async with worlds.running(api, "farewell") as world, operator(world):
        # Past the deadline whoever is known to be there is waited for all the same.
        await start(world, drain={"patience": "1s", "deadline": "1s"})
        world.bridges["eu-0"].people = {"a@muc": 3}
        found = await api.get(kube.REGIONS, "eu", world.namespace)
        uid = documents.text(found, "metadata", "uid") or ""
        await api.delete(kube.REGIONS, world.namespace, "eu", uid)

        async def only_the_occupied() -> bool:
            return await names(world) == ["eu-0"]

        await until(only_the_occupied)
        assert world.bridges["eu-0"].drain

        async def overdue() -> bool:
            return (await condition(world, "Draining")).get("reason") == "DrainOverdue"

        await until(overdue)
        assert await names(world) == ["eu-0"]
        assert await api.get(kube.REGIONS, "eu", world.namespace) is not None
        world.bridges["eu-0"].people = {}

        async def gone() -> bool:
            return await api.get(kube.REGIONS, "eu", world.namespace) is None

        await until(gone)
        assert world.dropped == []


async def test_deleted_cluster_keeps_its_controller_until_every_region_is_empty(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "ending") as world, operator(world):
        await start(world, drain={"patience": "1s", "deadline": "1s"})
        world.bridges["eu-0"].people = {"a@muc": 3}
        found = await api.get(kube.CLUSTERS, "meet", world.namespace)
        uid = documents.text(found, "metadata", "uid") or ""
        await api.delete(kube.CLUSTERS, world.namespace, "meet", uid)

        async def only_the_occupied() -> bool:
            return await names(world) == ["eu-0"]

        await until(only_the_occupied)
        await asyncio.sleep(WORD_SECONDS + 6)  # long after the deadline
        assert await names(world) == ["eu-0"]
        assert await api.get(kube.CLUSTERS, "meet", world.namespace) is not None
        world.bridges["eu-0"].people = {}

        async def gone() -> bool:
            return await api.get(kube.CLUSTERS, "meet", world.namespace) is None

        await until(gone)
        assert world.dropped == []

        async def said_so() -> bool:
            return (await condition(world, "Ready")).get("reason") == "ClusterNotFound"

        await until(said_so)


async def test_pod_of_somebody_else_is_never_taken_over(api: KubernetesCluster) -> None:
    async with worlds.running(api, "foreign") as world:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "eu-0", "namespace": world.namespace},
            "spec": {"containers": [{"name": "x", "image": "x"}]},
        }
        theirs = await api.create(kube.PODS, world.namespace, pod)
        async with operator(world):
            await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
            await api.create(kube.REGIONS, world.namespace, region(world.namespace))

            async def other_one_runs() -> bool:
                return await names(world) == ["eu-1"]

            await until(other_one_runs)

            async def said_so() -> bool:
                found = await condition(world, "ScalingLimited")
                told = "a foreign pod is named eu-0" in str(found.get("message"))
                return found.get("reason") == "BridgeNotCreated" and told

            await until(said_so)
        found = await api.get(kube.PODS, "eu-0", world.namespace)
        assert documents.text(found, "metadata", "uid") == documents.text(theirs, "metadata", "uid")


async def test_namespace_that_forbids_bridges_is_named_with_the_reason(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "strict") as world, operator(world):
        kind = kube.Kind("v1", "namespaces", "Namespace", namespaced=False)
        labels = {"pod-security.kubernetes.io/enforce": "baseline"}
        await api.merge(kind, "", world.namespace, {"metadata": {"labels": labels}})
        await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
        await api.create(kube.REGIONS, world.namespace, region(world.namespace))

        async def said_so() -> bool:
            found = await condition(world, "ScalingLimited")
            told = "hostNetwork" in str(found.get("message"))
            return found.get("reason") == "PodSecurityForbids" and told

        await until(said_so)
        lifted = {"pod-security.kubernetes.io/enforce": "privileged"}
        await api.merge(kind, "", world.namespace, {"metadata": {"labels": lifted}})
        await until(lambda: ready(world))


async def test_bridges_that_cannot_run_are_made_anew_once_their_settings_are_mended(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "mended") as world, operator(world):
        world.admit = False
        await api.create(kube.CLUSTERS, world.namespace, cluster(world.namespace))
        await api.create(kube.REGIONS, world.namespace, region(world.namespace))

        async def two_wait() -> bool:
            return await names(world) == ["eu-0", "eu-1"]

        await until(two_wait)
        await asyncio.sleep(2)
        before = {documents.text(each, "metadata", "uid") for each in await world.pods()}
        mended = {"spec": {"bridge": {"image": "docker.io/mended:2"}}}
        await api.merge(kube.REGIONS, world.namespace, "eu", mended)

        async def both_are_new() -> bool:
            images = [
                documents.items(each, "spec", "containers")[0]["image"]
                for each in await world.pods()
            ]
            return images == ["docker.io/mended:2"] * 2

        await until(both_are_new)
        after = {documents.text(each, "metadata", "uid") for each in await world.pods()}
        assert not before & after
        world.admit = True
        await until(lambda: ready(world))


async def test_budget_of_somebody_else_keeps_no_region_from_working(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "unguarded") as world, operator(world):
        owner = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "theirs",
            "uid": "1",
            "controller": True,
        }
        theirs = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "eu", "namespace": world.namespace, "ownerReferences": [owner]},
            "spec": {"minAvailable": 0, "selector": {"matchLabels": {"a": "b"}}},
        }
        await api.create(kube.BUDGETS, world.namespace, theirs)
        await start(world)
        kept = await api.get(kube.BUDGETS, "eu", world.namespace)
        assert documents.number(kept, "spec", "minAvailable") == 0


@pytest.mark.parametrize("kind", [kube.SERVICES, kube.SECRETS])
async def test_children_of_somebody_else_are_refused(
    api: KubernetesCluster, kind: kube.Kind
) -> None:
    name = {"services": "meet-prosody", "secrets": "meet-credentials"}[kind.plural]
    async with worlds.running(api, f"taken-{kind.plural}") as world:
        namespace = world.namespace
        owner = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "theirs",
            "uid": "1",
            "controller": True,
        }
        body = {
            "apiVersion": "v1",
            "kind": kind.name,
            "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
            **({"spec": {"ports": [{"port": 1}]}} if kind is kube.SERVICES else {}),
        }
        await api.create(kind, namespace, body)
        async with operator(world):
            await api.create(kube.CLUSTERS, namespace, cluster(namespace))

            async def refused() -> bool:
                found = await api.get(kube.CLUSTERS, "meet", namespace)
                conditions = documents.items(found, "status", "conditions")
                return any("belongs to ConfigMap theirs" in str(c["message"]) for c in conditions)

            await until(refused)
