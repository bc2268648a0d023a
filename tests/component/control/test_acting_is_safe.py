"""Single actions on a real API server: who is on it is asked anew; unknown is not zero."""

import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import httpx
import pytest
from tests.component.control import world as worlds
from tests.component.control.world import FakeBridge, World, until
from tests.unit.control.worlds import region

from octofleet.core import releases
from octofleet.core.actions import (
    Action,
    CreateBridge,
    DeleteBridge,
    DrainBridge,
    MoveConference,
    ShutDownBridge,
    UndrainBridge,
)
from octofleet.core.manifests import naming
from octofleet.core.observation import Cluster, Snapshot, Timestamp
from octofleet.core.stages import Stage as Upgrade
from octofleet.shell import documents, kube, pods
from octofleet.shell.actuator import Actuator, Outcome, Target
from octofleet.shell.bells import Bells
from octofleet.shell.breweries import Breweries
from octofleet.shell.bridges import BridgeClient, Tokens
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.jicofo import JicofoClient
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.observer import Observer, Ports
from octofleet.shell.podwatch import PodWatch


@dataclass(frozen=True, slots=True)
class Stage:
    """A world with one running bridge, eu-0, and what acts on it."""

    world: World
    actuator: Actuator
    uid: str

    @property
    def bridge(self) -> FakeBridge:
        return self.world.bridges["eu-0"]

    async def target(self) -> Target:
        found = tuple(pods.bridge_of(each) for each in await self.world.pods())
        name = ClusterName(self.world.namespace, "meet")
        cluster = Cluster(name.namespace, name.name, exists=True)
        text = releases.text_of(REGION, "meet.example.org")
        release = releases.name_of(text)
        snapshot = Snapshot(
            self.world.namespace,
            "eu",
            Timestamp(time.time()),
            cluster,
            bridges=found,
            release=release,
            releases={release: text},
        )
        return Target(snapshot, OWNER, REGION, Upgrade(), None, name, tokens=Tokens("token"))

    async def act(self, action: Action) -> Outcome:
        (outcome,) = await self.actuator.run((action,), await self.target())
        return outcome

    async def pod(self, name: str = "eu-0") -> documents.Document | None:
        return await self.world.api.get(kube.PODS, name, self.world.namespace)

    async def notes(self) -> dict[str, str]:
        return documents.texts(await self.pod(), "metadata", "annotations")


# Bridges with their node's own address wait for nothing.
REGION = region({"bridge": {"addresses": {"source": "NodeInternalIP"}}})
OWNER = naming.Owner("OctoRegion", "eu", "00000000-0000-0000-0000-000000000001")


@contextlib.asynccontextmanager
async def stage(api: KubernetesCluster, namespace: str) -> AsyncGenerator[Stage]:
    async with worlds.running(api, namespace) as world, httpx.AsyncClient() as http:
        await worlds.hold(world, {naming.KEY_REST_TOKEN: "token"})
        jicofo, bridges = JicofoClient(http), BridgeClient(http)
        breweries = Breweries(world, "test", time.time, lambda _: None)
        watch = PodWatch(api, Bells(), "OctoRegion")
        ports = Ports(api, jicofo, bridges, breweries, world, watch, time.time)
        actuator = Actuator(api, bridges, jicofo, world, Observer(ports), time.time)
        found = Stage(world, actuator, "")
        assert (await found.act(CreateBridge("eu-0"))).done

        async def runs() -> bool:
            return "eu-0" in world.bridges and (
                documents.text(await found.pod(), "status", "phase") == "Running"
            )

        await until(runs)
        yield Stage(world, actuator, documents.text(await found.pod(), "metadata", "uid") or "")


async def test_creating_again_makes_no_second_bridge(api: KubernetesCluster) -> None:
    async with stage(api, "act-create") as found:
        assert (await found.act(CreateBridge("eu-0"))).done
        assert documents.text(await found.pod(), "metadata", "uid") == found.uid


async def test_drain_says_why_and_since_when_before_it_is_asked_for(
    api: KubernetesCluster,
) -> None:
    async with stage(api, "act-drain") as found:
        found.bridge.reachable = False
        assert not (await found.act(DrainBridge("eu-0", "ScaleIn"))).done
        notes = await found.notes()
        assert notes[naming.ANNOTATION_DRAIN_REASON] == "ScaleIn"
        since = notes[naming.ANNOTATION_DRAINING_SINCE]
        found.bridge.reachable = True
        assert (await found.act(DrainBridge("eu-0", "ScaleIn"))).done
        assert found.bridge.drain
        assert (await found.notes())[naming.ANNOTATION_DRAINING_SINCE] == since


async def test_drain_taken_back_leaves_no_note(api: KubernetesCluster) -> None:
    async with stage(api, "act-undrain") as found:
        await found.act(DrainBridge("eu-0", "ScaleIn"))
        assert (await found.act(UndrainBridge("eu-0"))).done
        assert not found.bridge.drain
        assert naming.ANNOTATION_DRAIN_REASON not in await found.notes()


async def test_bridge_that_somebody_joined_is_not_shut_down(api: KubernetesCluster) -> None:
    async with stage(api, "act-shutdown") as found:
        found.bridge.people = {"a@muc": 1}
        outcome = await found.act(ShutDownBridge("eu-0"))
        assert (outcome.done, outcome.message) == (False, "1 people are on it by now")
        assert found.bridge.calls == []
        found.bridge.people = {}
        assert (await found.act(ShutDownBridge("eu-0"))).done
        assert found.bridge.calls == ["shutdown"]
        assert naming.ANNOTATION_SHUTDOWN_SENT_AT in await found.notes()


async def test_bridge_that_does_not_answer_is_not_shut_down(api: KubernetesCluster) -> None:
    async with stage(api, "act-mute") as found:
        found.bridge.reachable = False
        assert not (await found.act(ShutDownBridge("eu-0"))).done
        assert naming.ANNOTATION_SHUTDOWN_SENT_AT not in await found.notes()


@pytest.mark.parametrize("reachable", [True, False])
async def test_running_bridge_with_people_is_not_deleted(
    api: KubernetesCluster, reachable: bool
) -> None:
    async with stage(api, f"act-delete-{reachable}".lower()) as found:
        found.bridge.people = {"a@muc": 2}
        found.bridge.reachable = reachable
        outcome = await found.act(DeleteBridge("eu-0", found.uid, "test"))
        assert (outcome.done, outcome.message) == (False, "2 people are on it by now")
        assert await found.pod() is not None


async def test_running_bridge_of_which_nothing_is_known_is_not_deleted(
    api: KubernetesCluster,
) -> None:
    async with stage(api, "act-unknown") as found:
        found.bridge.reachable = False
        found.world.jicofo_up = False
        assert not (await found.act(DeleteBridge("eu-0", found.uid, "test"))).done
        found.world.jicofo_up = True
        assert (await found.act(DeleteBridge("eu-0", found.uid, "test"))).done


async def test_bridge_that_runs_and_does_not_answer_is_not_deleted_on_jicofos_word(
    api: KubernetesCluster,
) -> None:
    """A Jicofo that has just restarted knows of nobody."""
    async with stage(api, "act-hearsay") as found:
        found.bridge.people = {"a@muc": 2}
        found.bridge.reachable = found.bridge.registered = False
        running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        container = {"name": "bridge", "image": "x", "imageID": "x", "ready": True}
        statuses = [{**container, "restartCount": 1, "state": running}]
        await found.world.set_status(kube.PODS, "eu-0", {"containerStatuses": statuses})
        found.world.forgetful = True
        assert not (await found.act(DeleteBridge("eu-0", found.uid, "test"))).done
        assert await found.pod() is not None


async def test_shutdown_means_the_incarnation_that_was_judged(api: KubernetesCluster) -> None:
    """Actions before it may have taken long; another bridge may be on that node by now."""
    async with stage(api, "act-shutdown-uid") as found:
        target = await found.target()
        other = tuple(replace(each, uid="another") for each in target.snapshot.bridges)
        stale = replace(target, snapshot=replace(target.snapshot, bridges=other))
        (outcome,) = await found.actuator.run((ShutDownBridge("eu-0"),), stale)
        assert (outcome.done, outcome.message) == (False, "another pod was judged")
        assert found.bridge.calls == []


async def test_delete_means_the_incarnation_that_was_judged(api: KubernetesCluster) -> None:
    async with stage(api, "act-uid") as found:
        assert (await found.act(DeleteBridge("eu-0", "another", "test"))).done
        assert documents.text(await found.pod(), "metadata", "uid") == found.uid


async def test_move_takes_a_whole_conference_and_is_noted(api: KubernetesCluster) -> None:
    async with stage(api, "act-move") as found:
        await found.act(CreateBridge("eu-1"))

        async def both() -> bool:
            return len(found.world.bridges) == 2

        await until(both)
        found.bridge.people = {"a@muc": 3, "b@muc": 1}
        assert (await found.act(MoveConference("eu-0", "a@muc", 3))).done
        assert found.bridge.people == {"b@muc": 1}
        assert found.world.bridges["eu-1"].people == {"a@muc": 3}
        assert naming.ANNOTATION_MOVED_AT in await found.notes()


async def test_a_step_of_a_move_takes_so_many_and_no_more(api: KubernetesCluster) -> None:
    async with stage(api, "act-step") as found:
        await found.act(CreateBridge("eu-1"))

        async def both() -> bool:
            return len(found.world.bridges) == 2

        await until(both)
        found.bridge.people = {"a@muc": 30}
        assert (await found.act(MoveConference("eu-0", "a@muc", 10, whole=False))).done
        assert found.bridge.people == {"a@muc": 20}
        assert found.world.bridges["eu-1"].people == {"a@muc": 10}
