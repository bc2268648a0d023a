"""The operator on a real API server: Prosody and Jicofo get new settings when nobody is hurt."""

import asyncio
import io
from typing import Any

import pytest
from rich.console import Console
from tests.component.control import world as worlds
from tests.component.control.test_fleet_converges import ready, start
from tests.component.control.world import World, operator, until

from octofleet.cli import rollout
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.errors import FleetError, KubeError
from octofleet.shell.kube import KubernetesCluster

OURS = {"jicofo": {"region": "eu"}}
"""A change that restarts Jicofo alone."""


async def begin(world: World) -> None:
    """Wait for a fleet, and have a pod of Prosody and one of Jicofo run as Deployments would."""
    await start(world)

    async def there() -> bool:
        found = await world.api.get(kube.DEPLOYMENTS, "meet-jicofo", world.namespace)
        return found is not None

    await until(there)
    for component in ("prosody", "jicofo"):
        name = f"meet-{component}-1"
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": naming.controller_labels("meet", component)},
            "spec": {"containers": [{"name": component, "image": component}]},
        }
        await world.api.create(kube.PODS, world.namespace, body)
        began = "2020-01-01T00:00:00Z"
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": began}
        container = {
            "name": component, "image": component, "imageID": component, "ready": True,
            "restartCount": 0, "state": {"running": {"startedAt": began}},
        }  # fmt: skip
        status = {"phase": "Running", "conditions": [ready], "containerStatuses": [container]}
        await world.set_status(kube.PODS, name, status)


async def variables(world: World, component: str) -> dict[str, str]:
    found = await world.api.get(kube.DEPLOYMENTS, f"meet-{component}", world.namespace)
    containers = documents.items(found, "spec", "template", "spec", "containers")
    return {
        str(each["name"]): str(each["value"])
        for each in documents.items(containers[0], "env")
        if "value" in each
    }


async def change(world: World, spec: dict[str, Any]) -> None:
    await world.api.merge(kube.CLUSTERS, world.namespace, "meet", {"spec": spec})


async def pending(world: World) -> documents.Document:
    found = await world.api.get(kube.CLUSTERS, "meet", world.namespace)
    conditions = documents.items(found, "status", "conditions")
    nothing: documents.Document = {}
    return next((each for each in conditions if each.get("type") == "RestartPending"), nothing)


async def waits(world: World, reason: str) -> None:
    async def said_so() -> bool:
        found = await pending(world)
        return found.get("status") == "True" and found.get("reason") == reason

    await until(said_so)


async def settled(world: World, region: str) -> None:
    """Wait until Jicofo has been told of its region, and the status says that nothing waits."""

    async def applied() -> bool:
        return (await variables(world, "jicofo")).get("JICOFO_OCTO_REGION") == region

    async def said_so() -> bool:
        return (await pending(world)).get("status") == "False"

    await until(applied)
    await until(said_so)


async def told(world: World, reason: str) -> bool:
    found = await world.api.list(kube.EVENTS, world.namespace)
    return any(each.get("reason") == reason for each in found)


async def test_jicofo_waits_for_people_to_leave_and_nothing_else_does(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "peace") as world, operator(world):
        await begin(world)
        # They come just now: what Jicofo said a moment ago isn't believed.
        world.bridges["eu-0"].people = {"a@muc": 2}
        await change(world, {"controller": {**OURS, "remoteRegions": {"serviceType": "ClusterIP"}}})
        await waits(world, "MeetingsGoOn")
        before = await variables(world, "jicofo")
        assert "JICOFO_OCTO_REGION" not in before

        async def gateway() -> bool:
            return await api.get(kube.SERVICES, "meet-gateway", world.namespace) is not None

        await until(gateway)
        await until(lambda: told(world, "RestartWaits"))
        console = Console(record=True, width=300, file=io.StringIO())
        console.print(await rollout.status(api, "eu", world.namespace))
        assert "MeetingsGoOn" in console.export_text()
        assert await variables(world, "jicofo") == before
        world.bridges["eu-0"].people = {}
        await settled(world, "eu")
        await until(lambda: told(world, "RestartCarriedOut"))


async def test_a_silent_jicofo_is_waited_for_until_somebody_says_now(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "silent-peace") as world, operator(world):
        await begin(world)
        with pytest.raises(FleetError, match="nothing waits"):
            await rollout.now(api, "meet", world.namespace)
        world.jicofo_up = False
        await change(world, {"controller": OURS})
        await waits(world, "PeopleUnknown")
        await rollout.now(api, "meet", world.namespace)
        await settled(world, "eu")
        # What comes later isn't meant.
        await change(world, {"controller": {"jicofo": {"region": "us"}}})
        await waits(world, "PeopleUnknown")
        assert (await variables(world, "jicofo"))["JICOFO_OCTO_REGION"] == "eu"


async def test_jicofo_that_does_not_run_is_mended_while_prosody_waits_with_its_domain(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "mended-peace") as world, operator(world):
        await begin(world)
        releases = {
            documents.texts(each, "metadata", "labels")[naming.LABEL_RELEASE]
            for each in await world.pods()
        }
        world.bridges["eu-0"].people = {"a@muc": 2}
        await change(world, {"domain": "new.example.org"})
        await waits(world, "MeetingsGoOn")
        pod = await api.get(kube.PODS, "meet-jicofo-1", world.namespace)
        uid = documents.uid_of(pod)
        await api.delete(kube.PODS, world.namespace, "meet-jicofo-1", uid)
        await change(world, {"controller": OURS})

        async def mended() -> bool:
            return (await variables(world, "jicofo")).get("JICOFO_OCTO_REGION") == "eu"

        await until(mended)
        for component in ("prosody", "jicofo"):
            assert (await variables(world, component))["XMPP_DOMAIN"] == "meet.example.org"
        # No bridge is made for a domain that isn't served yet.
        assert await ready(world)
        region = await world.status("eu")
        assert documents.text(region, "rollout", "release") in releases
        world.bridges["eu-0"].people = {}

        async def moved() -> bool:
            domains = [
                (await variables(world, each))["XMPP_DOMAIN"] for each in ("prosody", "jicofo")
            ]
            return domains == ["new.example.org"] * 2

        await until(moved)

        async def upgrades() -> bool:
            region = await world.status("eu")
            return documents.text(region, "rollout", "release") not in releases

        await until(upgrades)
        assert world.dropped == []


async def test_an_operator_that_starts_anew_goes_on_waiting(api: KubernetesCluster) -> None:
    async with worlds.running(api, "anew-peace") as world:
        async with operator(world):
            await begin(world)
            world.bridges["eu-0"].people = {"a@muc": 2}
            await change(world, {"controller": OURS})
            await waits(world, "MeetingsGoOn")
        since = (await pending(world))["lastTransitionTime"]
        async with operator(world):
            await asyncio.sleep(3)
            assert "JICOFO_OCTO_REGION" not in await variables(world, "jicofo")
            assert (await pending(world))["lastTransitionTime"] == since
            world.bridges["eu-0"].people = {}
            await settled(world, "eu")


async def test_windows_alone_need_a_window(api: KubernetesCluster) -> None:
    async with worlds.running(api, "no-window") as world:
        meet = worlds.cluster(world.namespace)
        meet["spec"]["controller"] = {"maintenance": {"restarts": "InWindow"}}
        with pytest.raises(KubeError, match="needs a window"):
            await api.create(kube.CLUSTERS, world.namespace, meet)


async def test_a_window_opens_for_everybody(api: KubernetesCluster) -> None:
    async with worlds.running(api, "window-peace") as world, operator(world):
        await begin(world)
        world.bridges["eu-0"].people = {"a@muc": 2}
        never = {"cron": "0 0 29 2 *", "duration": "1s"}
        maintenance = {"restarts": "InWindow", "windows": [never]}
        await change(world, {"controller": {**OURS, "maintenance": maintenance}})
        await waits(world, "OutsideWindow")
        always = {"cron": "* * * * *", "duration": "10m"}
        await change(world, {"controller": {"maintenance": {"windows": [always]}}})
        await settled(world, "eu")
