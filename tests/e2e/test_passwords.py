"""Bridges and the operator get other passwords under a call."""

import base64
import time
from typing import Any

from octodemo.crowd import Crowd
from octodemo.fleet import watching
from octodemo.objects import quick
from octodemo.platform import Platform


async def test_passwords_change_under_a_call_and_the_old_accounts_go(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    await fleet.patch_region(region, {"autoscaling": quick(None, mode="External"), "replicas": 2})
    await fleet.wait_ready(region, bridges=2)
    await crowd.reset()
    before = _generation(await _held(fleet))

    async def changed() -> bool | None:
        held = await _held(fleet)
        others = [key for key in held if key.startswith("JVB_AUTH_PASSWORD")]
        # The current one's, and what Prosody starts with: the old account is gone from both.
        return True if _generation(held) == before + 1 and len(others) == 2 else None

    async with watching(fleet, region) as watcher:
        await crowd.call("secret", 4, bitrate_bps=100_000)
        await crowd.connected(4)
        asked = {"octofleet.io/rotate-credentials": f"e2e-{time.time():.0f}"}
        path = fleet.path("jitsiclusters", fleet.name)
        await fleet.cluster.patch(path, {"metadata": {"annotations": asked}})
        await fleet.wait(region, "the old passwords are gone", changed, seconds=300)
        await fleet.wait_ready(region, bridges=2)
        people = await crowd.people()
        await crowd.call("secret", 0)
    assert watcher.occupied_deleted == []
    assert (people.dropped, people.present) == (0, 4)
    users = {_user(pod) for pod in await fleet.bridge_pods()}
    assert users == {f"jvb-{before + 1}"}


async def _held(fleet: Platform) -> dict[str, str]:
    path = f"/api/v1/namespaces/{fleet.namespace}/secrets/{fleet.name}-credentials"
    data = (await fleet.cluster.get(path))["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def _generation(held: dict[str, str]) -> int:
    return int(held["generation"])


def _user(pod: dict[str, Any]) -> str:
    env = pod["spec"]["containers"][0]["env"]
    return next(each["value"] for each in env if each["name"] == "JVB_AUTH_USER")
