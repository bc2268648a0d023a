"""Passwords change under bridges with people on them: a real API server, a real Prosody."""

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tests.component.control import world as worlds
from tests.component.control.world import World, until
from tests.integration.prosody import AUTH_DOMAIN, DOMAIN, PASSWORDS, Prosody

from octofleet.core.manifests import naming
from octofleet.shell import credentials, documents, kube, pods, rotating, xmpp
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.xmpp import Account

pytestmark = pytest.mark.timeout(300)
SECRET = "meet-credentials"
HELD = {
    naming.KEY_JICOFO_PASSWORD: PASSWORDS["focus"],
    naming.KEY_JVB_PASSWORD: PASSWORDS["jvb"],
    naming.KEY_OPERATOR_PASSWORD: PASSWORDS["octofleet"],
    naming.KEY_REST_TOKEN: "token",
}


@contextlib.asynccontextmanager
async def fleet(api: KubernetesCluster, prosody: Prosody, namespace: str) -> AsyncGenerator[World]:
    """A cluster with two bridges, whose Prosody knows what is in the Secret."""
    async with worlds.running(api, namespace) as world:
        world.xmpp = (prosody.host, prosody.port)
        await worlds.hold(world, HELD)
        cluster = worlds.cluster(world.namespace)
        cluster["spec"]["domain"] = DOMAIN
        drain = {"patience": "1s", "deadline": "1h"}
        async with worlds.operator(world), trials(world):
            await api.create(kube.CLUSTERS, world.namespace, cluster)
            region = worlds.region(world.namespace, mode="External", drain=drain)
            region["spec"]["replicas"] = 2
            await api.create(kube.REGIONS, world.namespace, region)
            await until(lambda: serving(world), 120)
            yield world


@contextlib.asynccontextmanager
async def trials(world: World) -> AsyncGenerator[None]:
    """Have every call that is tried on a bridge work."""
    ended = {"exitCode": 0, "message": "media both ways", "reason": "Completed"}
    container = {"name": "trial", "ready": False, "restartCount": 0, "image": "x", "imageID": "x"}
    status = {
        "phase": "Succeeded",
        "containerStatuses": [{**container, "state": {"terminated": ended}}],
    }

    async def work() -> None:
        while True:
            # A pod may go with its bridge meanwhile.
            with contextlib.suppress(KubeError):
                await _end_all(world, status)
            await asyncio.sleep(worlds.TICK_SECONDS)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _end_all(world: World, status: dict[str, Any]) -> None:
    labels = {"app.kubernetes.io/component": "trial"}
    for pod in await world.api.list(kube.PODS, world.namespace, labels):
        if not pods.has_ended(pod):
            await world.set_status(kube.PODS, documents.name_of(pod), status)


async def serving(world: World, number: int = 2) -> bool:
    status = await world.status("eu")
    return status.get("readyReplicas") == number and status.get("desiredReplicas") == number


async def held(world: World) -> dict[str, str]:
    return credentials.read_values(await world.api.get(kube.SECRETS, SECRET, world.namespace))


async def used(world: World) -> set[int | None]:
    return {rotating.bridge_generation(pod) for pod in await world.pods()}


async def tokens(world: World) -> set[str]:
    return {world.bridges[documents.name_of(pod)].token for pod in await world.pods()}


async def takes(world: World, user: str, password: str) -> bool | None:
    return await xmpp.accepted(*world.xmpp, Account(f"{user}@{AUTH_DOMAIN}", password))


async def said(world: World) -> tuple[Any, Any]:
    found = await world.api.get(kube.CLUSTERS, "meet", world.namespace)
    for each in documents.items(found, "status", "conditions"):
        if each.get("type") == "Credentials":
            return each.get("status"), each.get("reason")
    return None, None


async def ask(world: World, text: str) -> None:
    note = {"metadata": {"annotations": {credentials.ANNOTATION_ROTATE: text}}}
    await world.api.merge(kube.CLUSTERS, world.namespace, "meet", note)


async def test_bridges_with_other_accounts_and_tokens_replace_the_others_and_nobody_is_dropped(
    api: KubernetesCluster, prosody: Prosody
) -> None:
    async with fleet(api, prosody, "rotate") as world:
        world.bridges["eu-0"].people = {"a@muc": 3}
        await until(lambda: _is(world, ("True", "PasswordsTaken")), 120)
        assert await used(world) == {1}
        assert await tokens(world) == {"token"}
        await ask(world, "please")

        async def switched() -> bool:
            return (await held(world)).get("generation") == "2"

        await until(switched, 120)
        values = await held(world)
        assert values[naming.KEY_JVB_PASSWORD] == PASSWORDS["jvb"]
        later = values[f"{naming.KEY_JVB_PASSWORD}.2"]
        assert await takes(world, "jvb", PASSWORDS["jvb"])
        assert await takes(world, "jvb-2", later)

        async def replaced() -> bool:
            return await used(world) == {2} and await serving(world)

        await until(replaced, 120)

        async def retired() -> bool:
            return not {naming.KEY_JVB_PASSWORD, naming.KEY_REST_TOKEN} & (await held(world)).keys()

        await until(retired, 120)
        # Each bridge took its own token alone: the old ones were drained and stopped by theirs.
        token = values[f"{naming.KEY_REST_TOKEN}.2"]
        assert await tokens(world) == {token} != {"token"}
        assert not world.dropped
        assert await takes(world, "jvb", PASSWORDS["jvb"]) is False
        assert await takes(world, "octofleet", PASSWORDS["octofleet"]) is False
        assert await takes(world, "jvb-2", later)
        await until(lambda: _is(world, ("True", "PasswordsTaken")), 120)
        assert sum(each.participants for each in world.bridges.values()) == 3


async def test_a_deleted_secret_is_put_back_as_it_was(
    api: KubernetesCluster, prosody: Prosody
) -> None:
    async with fleet(api, prosody, "deleted") as world:
        await until(lambda: _is(world, ("True", "PasswordsTaken")), 120)
        before = await held(world)
        uids = {documents.uid_of(pod) for pod in await world.pods()}
        gone = documents.uid_of(await api.get(kube.SECRETS, SECRET, world.namespace))
        await api.delete(kube.SECRETS, world.namespace, SECRET, gone)
        await until(lambda: _is(world, ("True", "SecretRestored")), 120)
        assert await held(world) == before
        assert {documents.uid_of(pod) for pod in await world.pods()} == uids


async def test_passwords_that_prosody_refuses_are_said_and_no_bridge_is_touched(
    api: KubernetesCluster, prosody: Prosody
) -> None:
    async with fleet(api, prosody, "refused") as world:
        uids = {documents.uid_of(pod) for pod in await world.pods()}
        wrong = b64encode(b"nobody-knows-it").decode()
        keys = (naming.KEY_JVB_PASSWORD, naming.KEY_OPERATOR_PASSWORD)
        await api.merge(kube.SECRETS, world.namespace, SECRET, {"data": dict.fromkeys(keys, wrong)})
        await until(lambda: _is(world, ("False", "PasswordsRefused")), 120)
        assert {documents.uid_of(pod) for pod in await world.pods()} == uids
        right = {key: b64encode(HELD[key].encode()).decode() for key in keys}
        await api.merge(kube.SECRETS, world.namespace, SECRET, {"data": right})
        await until(lambda: _is(world, ("True", "PasswordsTaken")), 120)


async def _is(world: World, wanted: tuple[str, str]) -> bool:
    return await said(world) == wanted
