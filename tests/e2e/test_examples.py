"""The examples for a medium and a global platform run as they are, but for what nodes must hold."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from octodemo.crowd import start_crowd
from octodemo.examples import lab_sized
from octodemo.on_nodes import on_host
from octodemo.platform import SCENARIO, Platform, condition, until

# How a browser's client begins a session by HTTP (XEP-0206).
HELLO = (
    "<body xmlns='http://jabber.org/protocol/httpbind' to='meet.example.org' rid='1000' wait='5'"
    " hold='1' ver='1.6' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>"
)
REGION_LABEL = "topology.kubernetes.io/region"
MEDIA_LABEL = "node-role.example.org/media"
Object = dict[str, Any]


async def test_medium_runs_five_bridges_over_several_zones_and_carries_a_meeting(
    fleet: Platform, region: str
) -> None:
    nodes = [one["metadata"]["name"] for one in await fleet.cluster.items("/api/v1/nodes")]
    async with (
        _without_bridges(fleet, region),
        _labelled(fleet, dict.fromkeys(nodes, "true"), MEDIA_LABEL),
        _example(fleet, "medium.yaml", "e2e-medium") as medium,
    ):
        await medium.wait_ready("eu-west", bridges=5)
        spread = await medium.wait_condition("eu-west", "Spread", "True")
        assert spread["reason"] == "SeveralZones"
        held = [pod["spec"]["nodeName"] for pod in await medium.bridge_pods()]
        assert len(set(held)) == 5
        crowd = await start_crowd(fleet.cluster, medium.namespace)
        await crowd.call("all-hands", 10, bitrate_bps=100_000)
        await crowd.connected(10, seconds=180)
        await _cluster_says(medium, "WebReady", "True", "WebServes")
        await _goes_a_browsers_way(medium, "eu-west")


async def test_global_puts_everyone_near_in_one_meeting_and_names_a_link_that_is_cut(
    fleet: Platform, region: str
) -> None:
    nodes = sorted(one["metadata"]["name"] for one in await fleet.cluster.items("/api/v1/nodes"))
    places = dict(zip(nodes, ("eu", "us", "asia"), strict=False))
    async with (
        _without_bridges(fleet, region),
        _labelled(fleet, places, REGION_LABEL),
        _example(fleet, "global.yaml", "e2e-global", bridges=1) as world,
    ):
        for name in places.values():
            await world.wait_ready(name, bridges=1)
        # Beside the bridge of asia, so that what is cut below is cut between bridges alone.
        there = {"kubernetes.io/hostname": nodes[2]}
        crowd = await start_crowd(fleet.cluster, world.namespace, node_selector=there)
        for number, name in enumerate(places.values(), 1):
            await crowd.call("world", 2 * number, bitrate_bps=100_000, region=name)
        await crowd.connected(6, seconds=180)
        assert await _bridges_of_people(world) == {"eu": 2, "us": 2, "asia": 2}
        for kind, reason in (("Meshed", "AllLinked"), ("Near", "PeopleNear")):
            await _cluster_says(world, kind, "True", reason)
        linked = (await world.jitsi())["status"]["links"]
        pairs = {(one["first"], one["second"]): one["connected"] for one in linked}
        assert pairs == {("asia", "eu"): 1, ("asia", "us"): 1, ("eu", "us"): 1}
        pods = await world.bridge_pods()
        # Other nodes may be in these regions, too.
        held = {
            pod["metadata"]["labels"]["octofleet.io/region"]: pod["spec"]["nodeName"]
            for pod in pods
        }
        async with _cut(world, held["eu"], held["us"]):
            broken = await _cluster_says(world, "Meshed", "False", "LinkBroken")
            assert "(eu)" in broken["message"]
            assert "(us)" in broken["message"]
            assert "(asia)" not in broken["message"]
        await _cluster_says(world, "Meshed", "True", "AllLinked")


@contextlib.asynccontextmanager
async def _cut(world: Platform, node: str, other: str) -> AsyncGenerator[None]:
    """Have a node's firewall drop what passes between the bridges of two nodes, for a while."""
    address = await _address(world, other)
    ways = ("INPUT -s", "OUTPUT -d")
    ends = ("--sport", "--dport")
    rules = [f"{way} {address} -p udp {end} 10000 -j DROP" for way in ways for end in ends]
    adding = " && ".join(f"iptables -w -I {rule}" for rule in rules)
    removing = "; ".join(f"iptables -w -D {rule}" for rule in rules)
    try:
        await on_host(world, node, "cut", adding)
        yield
    finally:
        await on_host(world, node, "mend", f"{removing}; :")


async def _address(world: Platform, node: str) -> str:
    """Return a node's internal address."""
    found = await world.cluster.get(f"/api/v1/nodes/{node}")
    told = found["status"]["addresses"]
    return next(each["address"] for each in told if each["type"] == "InternalIP")


async def _cluster_says(platform: Platform, kind: str, status: str, reason: str) -> Object:
    """Wait for a condition of the cluster; return it."""

    async def said() -> Object | None:
        found = condition(await platform.jitsi(), kind)
        return found if found and (found["status"], found["reason"]) == (status, reason) else None

    try:
        return await until(f"{kind}={status} {reason}", said, seconds=120, every=1)
    except TimeoutError as late:
        raise TimeoutError(f"{late}: {await platform.jitsi()}") from late


async def _goes_a_browsers_way(platform: Platform, region: str) -> None:
    """Open a page, read where it sends people, and begin a session with Prosody through it."""
    http = platform.cluster.http

    async def page() -> str | None:
        answer = await http.get(platform.web("AnyRoom"))
        return answer.text if answer.is_success else None

    async def session() -> str | None:
        told = {"Content-Type": "text/xml"}
        answer = await http.post(platform.web("http-bind"), content=HELLO, headers=told)
        return answer.text if answer.is_success else None

    assert "config.js" in await until("a page", page, seconds=60, every=1)
    settings = (await http.get(platform.web("config.js"))).text
    assert "config.hosts.domain = 'meet.example.org';" in settings
    assert "config.bosh = 'https://meet.example.org/http-bind';" in settings
    assert f"config.deploymentInfo.userRegion = '{region}';" in settings
    begun = await until("a session with Prosody", session, seconds=60, every=1)
    assert "from='meet.example.org'" in begun
    assert "sid='" in begun


async def _bridges_of_people(platform: Platform) -> dict[str, int]:
    """How many people are on the bridges of each region, by the focus' own word."""
    selector = (await platform.cluster.get(platform.jicofo("debug")))["bridge_selector"]["bridge"]
    found: dict[str, int] = {}
    for seen in selector.values():
        found[seen["region"]] = found.get(seen["region"], 0) + seen["endpoints"]
    return found


@contextlib.asynccontextmanager
async def _without_bridges(fleet: Platform, region: str) -> AsyncGenerator[None]:
    """Give the shared region's nodes away for a while; `fleet` brings its bridges back."""
    by_hand = {"mode": "External"}
    await fleet.patch_region(region, {"replicas": 0, "autoscaling": by_hand})

    async def none() -> bool | None:
        return True if not await fleet.bridge_pods() else None

    await fleet.wait(region, "no bridge", none, seconds=120)
    yield


@contextlib.asynccontextmanager
async def _labelled(fleet: Platform, values: Mapping[str, str], label: str) -> AsyncGenerator[None]:
    """Label nodes, each with its value, and give them their own labels back."""
    found = {one["metadata"]["name"]: one for one in await fleet.cluster.items("/api/v1/nodes")}
    await asyncio.gather(*(_label(fleet, name, label, value) for name, value in values.items()))
    try:
        yield
    finally:
        before = {name: found[name]["metadata"]["labels"].get(label) for name in values}
        await asyncio.gather(*(_label(fleet, name, label, old) for name, old in before.items()))


async def _label(fleet: Platform, node: str, label: str, value: str | None) -> None:
    await fleet.cluster.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {label: value}}})


@contextlib.asynccontextmanager
async def _example(
    fleet: Platform, name: str, namespace: str, bridges: int | None = None
) -> AsyncGenerator[Platform]:
    """Run an example in a namespace of its own, beside the shared one."""
    labels = {"pod-security.kubernetes.io/enforce": "privileged", SCENARIO: "true"}
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": labels},
    }
    await fleet.cluster.apply(space)
    made = Platform(fleet.cluster, namespace)
    try:
        await fleet.cluster.apply(*lab_sized(name, namespace, bridges=bridges))
        yield made
    finally:
        await made.remove()
