"""A region whose cluster is in another Kubernetes, by a join Secret and the real gateway, with TLS.

Behind the gateway is the world's stand-in for Jicofo. Nothing answers as Prosody.
"""

import contextlib
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from tests.component.control import world as worlds
from tests.component.control.apiserver import free_port
from tests.component.control.world import World, until

from jitsiwire.passes import pass_of, region_of
from octobridge.sidecar.forwarding import BEHIND, application
from octofleet.cli import joining
from octofleet.core import vacating
from octofleet.core.manifests import naming
from octofleet.shell import documents, kube
from octofleet.shell.errors import FleetError
from octofleet.shell.gateways import new_certificate
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.remote import home_of

NAMESPACE = "abroad"
TOKEN = "token-of-the-gateway"
SECRET = "home"


@dataclass
class Home:
    """The home cluster's side: Jicofo and the gateway before it, which may be away."""

    world: World
    folder: Path
    port: int = field(default_factory=free_port)
    calls: list[str] = field(default_factory=list[str])
    token: str = TOKEN

    def __post_init__(self) -> None:
        self.certificate, key = new_certificate(datetime.now(UTC))
        (self.folder / "tls.crt").write_text(self.certificate)
        (self.folder / "tls.key").write_text(key)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Serve while the block lasts."""
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self.folder / "tls.crt", self.folder / "tls.key")
        jicofo = web.Application()
        jicofo.router.add_get("/{path:.*}", self._jicofo)
        async with contextlib.AsyncExitStack() as stack:
            upstream = await _served(stack, jicofo, 0, None)
            door = application(self.token, ("127.0.0.1", upstream), BEHIND["jicofo"])
            await _served(stack, door, self.port, tls)
            yield

    def secret(self, region: str = "eu") -> dict[str, Any]:
        """What `octofleet join-token --region` would print."""
        said = {
            "cluster": "meet",
            "domain": "meet.example.org",
            "version": "stable-9",
            "relays": "Disabled",
            "xmppHost": "127.0.0.1",
            "xmppPort": "9",
            "gatewayURL": f"https://127.0.0.1:{self.port}",
            "region": region,
            "gatewayToken": pass_of(self.token, region),
            "gatewayCertificate": self.certificate,
            naming.KEY_JVB_PASSWORD: "one",
            naming.KEY_OPERATOR_PASSWORD: "two",
            naming.KEY_REST_TOKEN: "three",
        }
        meta = {"name": SECRET, "namespace": self.world.namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": said}

    async def _jicofo(self, request: web.Request) -> web.Response:
        self.calls.append(request.path)
        url = f"{self.world.base}/jicofo/meet{request.path}"
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, params=dict(request.query)) as answer,
        ):
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type="application/json")


async def _served(
    stack: contextlib.AsyncExitStack, app: web.Application, port: int, tls: ssl.SSLContext | None
) -> int:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    return int(runner.addresses[0][1])


def region(namespace: str) -> dict[str, Any]:
    body = worlds.region(namespace, mode="External")
    del body["spec"]["clusterRef"]
    body["spec"]["joinSecretRef"] = {"name": SECRET}
    body["spec"]["replicas"] = 2
    return body


async def said(world: World, kind: str) -> tuple[str, str, str]:
    """A condition's status, reason and message."""
    for each in documents.items(await world.status("eu"), "conditions"):
        if each.get("type") == kind:
            return str(each.get("status")), str(each.get("reason")), str(each.get("message"))
    return "", "", ""


def holds(world: World, kind: str, status: str, reason: str, part: str = "") -> Any:
    async def condition_holds() -> bool:
        found = await said(world, kind)
        return found[:2] == (status, reason) and part in found[2]

    return condition_holds


async def test_it_runs_bridges_for_home_moves_people_there_and_survives_a_cut(
    api: KubernetesCluster, tmp_path: Path
) -> None:
    async with worlds.running(api, NAMESPACE) as world, worlds.operator(world):
        home = Home(world, tmp_path)
        await api.create(kube.REGIONS, world.namespace, region(world.namespace))
        missing = "octofleet join-token"
        await until(holds(world, "Linked", "False", "JoinSecretUnusable", missing), 60)
        assert not await world.pods()
        async with home.open():
            await api.create(kube.SECRETS, world.namespace, home.secret("us"))
            await until(holds(world, "Linked", "False", "JoinSecretUnusable", "--region eu"), 60)
            assert not await world.pods()
            await api.merge(kube.SECRETS, world.namespace, SECRET, home.secret())
            await until(holds(world, "Ready", "True", "AllReady"), 60)
            await until(holds(world, "Linked", "False", "LinkDown", "Prosody"), 60)
            await _reads_its_secret_alone(world)
            first = min(world.bridges)
            world.bridges[first].people["red"] = 3
            note = {"metadata": {"annotations": {naming.ANNOTATION_DRAIN_REQUEST: vacating.NOW}}}
            await api.merge(kube.PODS, world.namespace, first, note)
            moved = "/move-endpoints/move-endpoints"

            async def are_moved() -> bool:
                old = world.bridges.get(first)
                return moved in home.calls and (old is None or not old.participants)

            await until(are_moved, 90)

            async def has_settled() -> bool:
                pods = await world.pods()
                names = {documents.text(each, "metadata", "name") for each in pods}
                status = await world.status("eu")
                return len(names) == 2 and first not in names and status.get("readyReplicas") == 2

            await until(has_settled, 90)
            assert sum(each.participants for each in world.bridges.values()) == 3
        await until(holds(world, "Linked", "False", "LinkDown", "gateway"), 60)
        home.token = "made anew"
        async with home.open():
            await until(holds(world, "Linked", "False", "JoinSecretRefused", missing), 60)
            pods = {documents.uid_of(each) for each in await world.pods()}
            await api.merge(kube.SECRETS, world.namespace, SECRET, home.secret())
            await until(holds(world, "Linked", "False", "LinkDown", "Prosody"), 60)
        assert pods <= {documents.uid_of(each) for each in await world.pods()}
        assert not world.dropped


PLACES = ("198.51.100.7:30522", "198.51.100.7:30443")


async def token_of(api: KubernetesCluster, namespace: str) -> str:
    """The pass in what `octofleet join-token` prints for region us."""
    text = await joining.join_token(api, "meet", namespace, PLACES, "us")
    data = {
        k: b64encode(v.encode()).decode() for k, v in yaml.safe_load(text)["stringData"].items()
    }
    home = home_of(data, "meet", "far")
    assert (home.region, home.prosody) == ("us", ("198.51.100.7", 30522))
    assert home.gateway.url == "https://198.51.100.7:30443"
    return home.gateway.token


async def test_a_gateway_whose_secret_is_deleted_starts_anew_with_another(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "revoked") as world, worlds.operator(world):
        body = worlds.cluster(world.namespace)
        body["spec"]["controller"] = {"remoteRegions": {"serviceType": "NodePort"}}
        await api.create(kube.CLUSTERS, world.namespace, body)
        name = naming.gateway_name("meet")

        async def serves_with() -> str | None:
            """Which credentials the gateway's pods are made with."""
            found = await api.get(kube.DEPLOYMENTS, name, world.namespace)
            notes = documents.mapping(found, "spec", "template", "metadata", "annotations")
            return documents.text(notes, naming.ANNOTATION_CREDENTIALS)

        first = await until(serves_with, 90)
        secret = await api.get(kube.SECRETS, name, world.namespace)
        own = b64decode(documents.texts(secret, "data")[naming.KEY_GATEWAY_TOKEN]).decode()
        given = await token_of(api, world.namespace)
        assert region_of(own, given) == "us"
        with pytest.raises(FleetError, match="--region US"):
            await joining.join_token(api, "meet", world.namespace, PLACES, "US")
        await api.delete(kube.SECRETS, world.namespace, name, documents.uid_of(secret))

        async def are_others() -> bool:
            return await serves_with() not in (None, first)

        await until(are_others, 150)
        fresh = await api.get(kube.SECRETS, name, world.namespace)
        assert documents.texts(fresh, "data") != documents.texts(secret, "data")
        assert await token_of(api, world.namespace) != given


async def _reads_its_secret_alone(world: World) -> None:
    """A bridge's pod reaches home's Prosody, with credentials from the join Secret."""
    pod = (await world.pods())[0]
    (container,) = documents.items(pod, "spec", "containers")
    env = {str(each["name"]): each for each in documents.items(container, "env")}
    assert env["XMPP_SERVER"]["value"] == "127.0.0.1"
    assert env["XMPP_PORT"]["value"] == "9"
    for key in (naming.KEY_JVB_PASSWORD, naming.KEY_REST_TOKEN):
        source = documents.mapping(env[key], "valueFrom", "secretKeyRef")
        assert source["name"] == SECRET
