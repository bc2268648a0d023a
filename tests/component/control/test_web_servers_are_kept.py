"""The operator on a real API server: a cluster's web servers come, change, and go again."""

from typing import Any

from tests.component.control import world as worlds
from tests.component.control.test_fleet_converges import start
from tests.component.control.world import World, operator, until

from octofleet.cli import doctor
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.webs import KINDS

DEPLOYED = {kube.DEPLOYMENTS, kube.SERVICES}
NAME = "meet-web"


async def there(world: World, name: str = NAME) -> set[kube.Kind]:
    """Return the kinds of which there is one for the web servers."""
    found = [each for each in KINDS if await world.api.get(each, name, world.namespace)]
    return set(found)


async def says(world: World, kind: str) -> tuple[object, object]:
    found = await world.api.get(kube.CLUSTERS, "meet", world.namespace)
    told = documents.condition(found, kind)
    return told.get("status"), told.get("reason")


async def change(world: World, **said: Any) -> None:
    spec = {"spec": {"controller": {"web": said}}}
    await world.api.merge(kube.CLUSTERS, world.namespace, "meet", spec)


async def variables(world: World, name: str = NAME) -> dict[str, object]:
    found = await world.api.get(kube.DEPLOYMENTS, name, world.namespace)
    containers = documents.items(found, "spec", "template", "spec", "containers")
    return {str(e["name"]): e["value"] for each in containers for e in documents.items(each, "env")}


async def test_web_servers_come_with_the_cluster_and_go_when_switched_off(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "web") as world, operator(world):
        await start(world)

        async def are(*wanted: kube.Kind) -> bool:
            return await there(world) == set(wanted)

        async def serve() -> bool:
            return await says(world, "WebReady") == ("True", "WebServes")

        await until(serve)
        assert await there(world) == DEPLOYED
        told = await variables(world)
        assert told["XMPP_DOMAIN"] == "meet.example.org"
        assert told["DEPLOYMENTINFO_USERREGION"] == "eu"
        await change(world, replicas=2, ingress={"tls": {"secretName": "meet-tls"}})
        await until(lambda: are(*DEPLOYED, kube.BUDGETS, kube.INGRESSES))
        await change(world, replicas=None, ingress=None)
        await until(lambda: are(*DEPLOYED))
        await change(world, mode="Off")
        await until(lambda: are())

        async def silent() -> bool:
            return await says(world, "WebReady") == (None, None)

        await until(silent)


async def test_new_settings_of_theirs_wait_for_nobody(api: KubernetesCluster) -> None:
    async with worlds.running(api, "web-rolls") as world, operator(world):
        await start(world)
        world.bridges["eu-0"].people = {"a@muc": 2}

        async def tells(url: str) -> bool:
            return (await variables(world)).get("PUBLIC_URL") == url

        await until(lambda: tells("https://meet.example.org"))
        await change(world, publicUrl="https://video.example.org")
        await until(lambda: tells("https://video.example.org"))
        assert world.bridges["eu-0"].people
        found = await api.get(kube.CONFIG_MAPS, "eu-web", world.namespace)
        assert found is not None

        async def passed_on() -> bool:
            settings = await api.get(kube.CONFIG_MAPS, "eu-web", world.namespace)
            return documents.text(settings, "data", "PUBLIC_URL") == "https://video.example.org"

        await until(passed_on)


async def test_a_regions_own_tell_where_people_are_and_everyones_dont(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "web-regions") as world, operator(world):
        await start(world)
        other: Any = worlds.region(world.namespace)
        other["metadata"]["name"] = "us"
        web = {"replicas": 2, "ingress": {"className": "us"}}
        other["spec"] |= {"region": "us", "placement": {"region": "us"}, "web": web}
        await api.create(kube.REGIONS, world.namespace, other)

        async def us_has(*wanted: kube.Kind) -> bool:
            return await there(world, "us-web") == set(wanted)

        async def tell_none() -> bool:
            found = await variables(world)
            return bool(found) and "DEPLOYMENTINFO_USERREGION" not in found

        await until(lambda: us_has(*KINDS))
        await until(tell_none)
        assert (await variables(world, "us-web"))["DEPLOYMENTINFO_USERREGION"] == "us"
        assert await there(world, "eu-web") == set()
        made = await api.get(kube.DEPLOYMENTS, "us-web", world.namespace)
        (owner,) = documents.items(made, "metadata", "ownerReferences")
        assert (owner["kind"], owner["name"]) == ("OctoRegion", "us")
        pod = documents.texts(made, "spec", "template", "spec", "nodeSelector")
        assert pod == {"topology.kubernetes.io/region": "us"}
        await change(world, mode="Off")
        await until(lambda: us_has(*KINDS))
        await api.merge(kube.REGIONS, world.namespace, "us", {"spec": {"web": None}})
        await until(lambda: us_has())


async def test_web_servers_of_the_users_own_are_left_alone_and_named(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "web-own") as world:
        ports = [{"name": "http", "port": 80}]
        own = {"metadata": {"name": NAME}, "spec": {"selector": {"app": "own"}, "ports": ports}}
        before = await api.create(kube.SERVICES, world.namespace, own)
        async with operator(world):
            await start(world)

            async def refused() -> bool:
                return await says(world, "WebReady") == ("False", "WebRefused")

            await until(refused)
            assert await there(world) == {kube.SERVICES}
            assert await api.get(kube.SERVICES, NAME, world.namespace) == before

            async def ready() -> bool:
                return await says(world, "Ready") == ("True", "ControllerReady")

            await until(ready)
            await change(world, mode="Off")

            async def silent() -> bool:
                return await says(world, "WebReady") == (None, None)

            await until(silent)
            assert await api.get(kube.SERVICES, NAME, world.namespace) == before


async def test_the_doctor_names_an_ingress_that_leads_there_by_another_host(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "web-host") as world:
        await api.create(kube.CLUSTERS, world.namespace, worlds.cluster(world.namespace))
        backend = {"service": {"name": naming.web_name("meet"), "port": {"name": "http"}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        rule = {"host": "old.example.org", "http": {"paths": [path]}}
        body: Any = {"metadata": {"name": "old"}, "spec": {"rules": [rule]}}
        await api.create(kube.INGRESSES, world.namespace, body)
        found = await doctor.examine(api, world.namespace)
        (told,) = [each for each in found if each.name == "WebHostDiffers"]
        assert "old.example.org" in told.message
        rule["host"] = "meet.example.org"
        await api.merge(kube.INGRESSES, world.namespace, "old", {"spec": {"rules": [rule]}})
        found = await doctor.examine(api, world.namespace)
        assert "WebHostDiffers" not in {each.name for each in found}
