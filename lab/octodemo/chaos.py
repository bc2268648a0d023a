"""Proof: whatever dies, calls go on.

For ten minutes under 40 live participants, at random: the operator, Prosody, the focus, the API
server, a kubelet, a bridge, or two of these at once. After each fault all has to be as before, then
the next one comes. Ends in `chaos: faults=N occupied_deleted=0 dropped=0 killed=N back_s=N
converge_s=N`: bridges that anybody but the test took away under people, people who missed media for
more than 10 s (15 s when the test killed their bridge), people on bridges that the test killed, the
longest they or whoever listens to them missed it, and the longest time until all was as before.

Only people on bridges that the test kills count as killed: when Prosody or the focus dies, media
goes on, and who misses any for too long is dropped.
"""

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console

from octodemo.crowd import Crowd, start_crowd
from octodemo.fleet import watching
from octodemo.kube import Cluster
from octodemo.objects import jitsi_cluster, octo_region, quick
from octodemo.platform import SYSTEM, fresh_platform, install_operator, until
from octodemo.strikes import (
    AWAY,
    BRIDGE,
    FOCUS,
    KINDS,
    KUBELET,
    NICKNAME,
    PROSODY,
    Scene,
    Struck,
    listed,
    strike,
)

__all__ = ["prove_chaos", "rounds_of", "strike_together"]

NAMESPACE: Final = "prove-chaos"
REGION: Final = "meet-chaos"
BRIDGES: Final = 3
CALLS: Final = ("red", "green", "blue", "black", "white")
CALL_SIZE: Final = 8
PEOPLE: Final = CALL_SIZE * len(CALLS)
SECONDS: Final = 600.0
BITRATE: Final = 100_000
BACK_SECONDS: Final = 15
CONVERGED_SECONDS: Final = 180.0
TOGETHER: Final = 0.3
"""Share of the faults that strike two at once."""
APART: Final = frozenset({BRIDGE, PROSODY, FOCUS})
"""Whoever was on a killed bridge needs these two to get another: not at the same time."""
NEVER: Final = frozenset({BRIDGE, KUBELET})
"""Where the kubelet is dead, a bridge whose pod is deleted runs on until it is back: nobody could
tell when its people were killed."""

Object = dict[str, Any]


@dataclass(slots=True)
class Account:
    """What happened."""

    faults: int = 0
    converge: float = 0.0
    told: list[str] = field(default_factory=list[str])


async def prove_chaos(
    cluster: Cluster, console: Console, *, seed: int, lab: str, seconds: float = SECONDS
) -> str:
    """Run the proof; return its line.

    Raises:
        AssertionError: a bound doesn't hold.
    """
    chance = random.Random(seed)  # noqa: S311 - what dies next is no secret
    console.print(f"seed={seed}")
    await install_operator(cluster)
    async with fresh_platform(cluster, NAMESPACE) as platform:
        settings = {**quick(20, most=BRIDGES), "minBridges": BRIDGES}
        await cluster.apply(jitsi_cluster(NAMESPACE), octo_region(NAMESPACE, REGION, settings))
        await platform.wait_ready(REGION, bridges=BRIDGES)
        crowd = await start_crowd(cluster, NAMESPACE)
        for name in CALLS:
            await crowd.call(name, CALL_SIZE, bitrate_bps=BITRATE)
        await crowd.connected(PEOPLE)
        await asyncio.sleep(5)
        await crowd.reset()
        async with watching(platform, REGION) as watcher:
            scene = Scene(platform, crowd, watcher, lab)
            account = await _rage(scene, chance, seconds, console)
            await asyncio.sleep(BACK_SECONDS)
            return await _judge(scene, account, console)


async def _rage(scene: Scene, chance: random.Random, seconds: float, console: Console) -> Account:
    """Strike until the time is over, waiting after each fault until all is as before."""
    account, rounds = Account(), rounds_of(chance)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(chance.uniform(0.0, 6.0))
        began = time.monotonic()
        struck = await asyncio.gather(*(_struck(each, scene, chance) for each in next(rounds)))
        account.faults += len(struck)
        await _converged(scene, struck)
        took = time.monotonic() - began
        account.converge = max(account.converge, took)
        people = await _patiently(scene.crowd)
        console.print(
            f"fault {account.faults}: {' and '.join(each.what for each in struck)}; as before after"
            f" {took:.0f} s; dropped {people['dropped']}, killed {people['killed']},"
            f" longest gaps {people['max_gap_ms']} and {people['killed_max_gap_ms']} ms",
            markup=False,
        )
    return account


def rounds_of(chance: random.Random) -> Iterator[tuple[str, ...]]:
    """Yield one or two kinds of faults to strike at once, at random, none forgotten for long."""
    bag: list[str] = []
    while True:
        if not bag:
            bag = list(KINDS)
            chance.shuffle(bag)
        first = bag.pop()
        if bag and chance.random() < TOGETHER and strike_together(first, bag[-1]):
            yield first, bag.pop()
        else:
            yield (first,)


def strike_together(one: str, other: str) -> bool:
    """Tell whether two kinds may be struck at once."""
    both = {one, other}
    return len(both) == 2 and not both <= APART and not both <= NEVER


async def _struck(kind: str, scene: Scene, chance: random.Random) -> Struck:
    """Strike; what another fault made unreachable for a moment is tried again."""
    for _ in range(60):
        with contextlib.suppress(*AWAY):
            return await strike(kind, scene, chance)
        await asyncio.sleep(1)
    raise AssertionError(f"{kind} can't be struck: what it takes can't be reached")


async def _converged(scene: Scene, struck: list[Struck]) -> None:
    """Wait until all is as before the fault."""
    gone = frozenset[str]().union(*(each.pods for each in struck))

    async def as_before() -> bool | None:
        with contextlib.suppress(*AWAY):
            return await _is_whole(scene, gone) or None
        return None

    what = f"all as before {' and '.join(each.what for each in struck)}"
    await scene.platform.wait(REGION, what, as_before, seconds=CONVERGED_SECONDS)


async def _is_whole(scene: Scene, gone: frozenset[str]) -> bool:
    """Tell whether every part serves, Jicofo lists every bridge, and everybody has a place."""
    platform, cluster = scene.platform, scene.platform.cluster
    ours = await cluster.items(f"/api/v1/namespaces/{platform.namespace}/pods")
    operator = await cluster.items(
        f"/api/v1/namespaces/{SYSTEM}/pods", labelSelector="app.kubernetes.io/name=octofleet"
    )
    bridges = await platform.bridge_pods()
    pods = [*ours, *operator]
    if any(pod["metadata"]["uid"] in gone or not _serves(pod) for pod in pods):
        return False
    parts = {pod["metadata"]["labels"].get("app.kubernetes.io/component") for pod in ours}
    if not operator or len(bridges) != BRIDGES or not {"prosody", "jicofo"} <= parts:
        return False
    names = {pod["metadata"]["annotations"][NICKNAME] for pod in bridges}
    known = await listed(platform)
    seen = {
        jid.rsplit("/", 1)[-1]
        for jid, one in known.items()
        if one["operational"] and not one["drain"]
    }
    # A focus that came back knows nobody: people's media goes on where they were before.
    placed = sum(int(one["endpoints"]) for one in known.values())
    status = (await platform.region(REGION)).get("status", {})
    sized = status.get("readyReplicas") == status.get("desiredReplicas") == BRIDGES
    return names == seen and sized and placed == PEOPLE == await scene.crowd.present()


def _serves(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


async def _patiently(crowd: Crowd) -> Object:
    """Return the accounting, however long the API server takes to pass it on."""

    async def total() -> Object | None:
        with contextlib.suppress(*AWAY):
            return (await crowd.report())["total"]
        return None

    return await until("what the participants lived through", total, seconds=60)


async def _judge(scene: Scene, account: Account, console: Console) -> str:
    report = await scene.crowd.report()
    people, deleted = report["total"], scene.watcher.occupied_deleted
    back = math.ceil(people["killed_max_gap_ms"] / 1000)
    line = (
        f"chaos: faults={account.faults} occupied_deleted={len(deleted)}"
        f" dropped={people['dropped']} killed={people['killed']} back_s={back}"
        f" converge_s={math.ceil(account.converge)}"
    )
    for drop in report["drops"]:
        console.print(f"dropped: {drop}", markup=False)
    wrong = deleted or people["dropped"] or people["present"] != PEOPLE
    if wrong or not people["killed"] or back > BACK_SECONDS:
        raise AssertionError(f"{line} present={people['present']} deleted={deleted}")
    return line
