"""What a filter keeps out of the brewery is asked of the bridge: people are known all the same."""

import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.component.control import world as worlds
from tests.component.control.test_acting_is_safe import OWNER, REGION
from tests.component.control.world import FakeBridge, World, until

from jitsiwire.stats import BridgeStats
from octofleet.core.manifests import bridge as bridge_manifest
from octofleet.core.manifests import mapping, naming
from octofleet.core.observation import Bridge, History, Timestamp
from octofleet.shell import kube
from octofleet.shell.bells import Bells
from octofleet.shell.breweries import Breweries
from octofleet.shell.brewery import Member
from octofleet.shell.bridges import BridgeClient, Tokens
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.jicofo import JicofoClient
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.observer import ClusterFacts, Observer, Ports
from octofleet.shell.podwatch import PodWatch


class Pushed(Breweries):
    """A brewery in which every bridge has just told the same."""

    told = BridgeStats()

    def visible(self, cluster: ClusterName) -> bool:
        return True

    def member(self, cluster: ClusterName, nickname: str) -> Member | None:
        return Member(Timestamp(time.time()), self.told)


@contextlib.asynccontextmanager
async def seeing(api: KubernetesCluster, told: BridgeStats) -> AsyncGenerator[tuple[World, Any]]:
    """Give a world with one bridge, and what looks at it."""
    async with worlds.running(api, "filtered") as world, httpx.AsyncClient() as http:
        await worlds.hold(world, {naming.KEY_REST_TOKEN: "token"})
        region = replace(REGION, uid=OWNER.uid, namespace=world.namespace)
        settings = mapping.bridge_settings(region, "meet.example.org")
        body = bridge_manifest.build_bridge("eu-0", world.namespace, OWNER, settings, "abc")
        await api.create(kube.PODS, world.namespace, body)

        async def runs() -> FakeBridge | None:
            return world.bridges.get("eu-0")

        (await until(runs)).people = {"a@muc": 7}
        breweries = Pushed(world, "test", time.time, lambda _: None)
        breweries.told = told
        watch = PodWatch(api, Bells(), "OctoRegion")
        ports = Ports(
            api, JicofoClient(http), BridgeClient(http), breweries, world, watch, time.time
        )
        observer = Observer(ports)
        facts = ClusterFacts(ClusterName(world.namespace, "meet"), True, Tokens("token"))

        async def look() -> Bridge | None:
            seen = await observer.observe(region, facts, History())
            running = [each for each in seen.bridges if each.pod_phase == "Running"]
            return running[0] if running else None

        yield world, look


@pytest.mark.parametrize(
    ("told", "people"),
    [
        (BridgeStats(stress_level=0.2, healthy=True), 7),
        (BridgeStats(stress_level=0.2, local_endpoints=3), 3),
    ],
)
async def test_people_are_known_whatever_the_filter_lets_through(
    api: KubernetesCluster, told: BridgeStats, people: int
) -> None:
    async with seeing(api, told) as (_, look):
        bridge = await until(look)
        assert bridge.participants is not None
        assert bridge.participants.value == people


async def test_a_bridge_that_cannot_be_asked_either_has_unknown_people(
    api: KubernetesCluster,
) -> None:
    async with seeing(api, BridgeStats(stress_level=0.2)) as (world, look):
        world.bridges["eu-0"].reachable = False
        bridge = await until(look)
        assert bridge.participants is None
        assert bridge.stress is not None
        assert bridge.stress.value == 0.2
