"""A probe makes one pod, takes it away again, and notes what it found on the bridge's pod."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from slixmpp import ClientXMPP
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from tests.component.control.test_brewery_is_watched import OWN, bridge, watching
from tests.component.control.world import until
from tests.integration.prosody import Prosody
from tests.unit.control.worlds import ready_bridge, region, snapshot

from jitsiwire import colibri2_xml
from jitsiwire.colibri2 import (
    Candidate,
    ConferenceModified,
    ConferenceModify,
    Endpoint,
    IceTransport,
    Transport,
)
from octofleet.core import probing
from octofleet.core.observation import Bridge, Snapshot, Timestamp
from octofleet.shell import documents, kube, pods
from octofleet.shell.endpoints import ClusterName
from octofleet.shell.errors import Unreachable
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.probing import Prober

NAMESPACE = "probed"
REGION = replace(region(), namespace=NAMESPACE)
SEEN = '{"answered": ["192.0.2.1#10000"], "silent": []}'


def offer(request: ConferenceModify) -> ConferenceModified:
    candidate = Candidate(1, "1", 0, "c", 0, "192.0.2.1", 10000, 1, "udp", "host")
    ice = IceTransport("ufrag", "secret", candidates=(candidate,))
    return ConferenceModified(
        tuple(Endpoint(each.id, transport=Transport(ice=ice)) for each in request.endpoints)
    )


@dataclass
class Asked:
    """Stands in for the brewery."""

    refuses: bool = False
    requests: list[ConferenceModify] = field(default_factory=list[ConferenceModify])

    async def ask(
        self, cluster: ClusterName, nickname: str, request: ConferenceModify
    ) -> ConferenceModified:
        self.requests.append(request)
        if self.refuses:
            raise Unreachable("no")
        return offer(request)


@pytest.fixture
async def seen(api: KubernetesCluster) -> AsyncGenerator[tuple[Snapshot, Bridge]]:
    """A bridge's pod, and a region seen with it."""
    namespace = kube.Kind("v1", "namespaces", "Namespace", namespaced=False)
    if await api.get(namespace, NAMESPACE, None) is None:
        await api.create(namespace, "", {"metadata": {"name": NAMESPACE}})
    body: documents.Document = {
        "metadata": {"name": "eu-0", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "bridge", "image": "x"}]},
    }
    made = await api.create(kube.PODS, NAMESPACE, body)
    uid = documents.text(made, "metadata", "uid") or ""
    found = ready_bridge("eu-0", uid=uid, now=time.time())
    taken = snapshot(found)
    at = Timestamp(time.time())
    yield Snapshot(NAMESPACE, "eu", at, taken.cluster, (found,), taken.nodes), found
    for each in await api.list(kube.PODS, NAMESPACE):
        name, uid = (documents.text(each, "metadata", key) or "" for key in ("name", "uid"))
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        await api._call("delete", kube.PODS.path(NAMESPACE, name), body=options)  # pyright: ignore[reportPrivateUsage] - tests play the kubelet


async def _end(api: KubernetesCluster, message: str, code: int = 0) -> documents.Document:
    """Play the kubelet: let the probing pod end with some last words."""

    async def made() -> documents.Document | None:
        return await api.get(kube.PODS, "eu-0-probe", NAMESPACE)

    pod = await until(made)
    ended = {"exitCode": code, "message": message}
    container: dict[str, Any] = {
        "name": "probe", "image": "x", "imageID": "", "ready": False, "restartCount": 0,
        "state": {"terminated": ended},
    }  # fmt: skip
    status = {"phase": "Succeeded", "containerStatuses": [container]}
    await api._call(  # pyright: ignore[reportPrivateUsage] - as above
        "patch",
        kube.PODS.path(NAMESPACE, "eu-0-probe", "status"),
        body={"status": status},
        content_type="application/merge-patch+json",
    )
    return pod


async def _noted(api: KubernetesCluster) -> str | None:
    pod = await api.get(kube.PODS, "eu-0", NAMESPACE)
    return documents.texts(pod, "metadata", "annotations").get("octofleet.io/probe")


async def test_a_probe_asks_from_another_node_notes_the_answer_and_leaves_nothing(
    api: KubernetesCluster, seen: tuple[Snapshot, Bridge]
) -> None:
    asked = Asked()
    prober = Prober(api, asked, "bridge-image", time.time)
    prober.consider(REGION, seen[0])
    pod = await _end(api, SEEN)
    spec = documents.mapping(pod, "spec")
    (container,) = documents.items(spec, "containers")
    (variable,) = documents.items(container, "env")
    assert json.loads(str(variable["value"]))["targets"] == ["192.0.2.1#10000"]
    text = json.dumps(documents.mapping(spec, "affinity"))
    assert '"NotIn", "values": ["node-eu-0"]' in text
    noted = await until(lambda: _noted(api))
    assert json.loads(noted)["answered"] == ["192.0.2.1#10000"]
    found = pods.bridge_of(await api.get(kube.PODS, "eu-0", NAMESPACE) or {})
    assert found.probe == probing.read(noted)

    async def gone() -> bool:
        left = await api.get(kube.PODS, "eu-0-probe", NAMESPACE)
        return left is None or documents.text(left, "metadata", "deletionTimestamp") is not None

    await until(gone)
    assert [each.expire for each in asked.requests] == [False, True]
    await prober.close()


async def test_an_operator_that_ends_takes_its_probe_along(
    api: KubernetesCluster, seen: tuple[Snapshot, Bridge]
) -> None:
    asked = Asked()
    prober = Prober(api, asked, "bridge-image", time.time)
    prober.consider(REGION, seen[0])

    async def made() -> bool:
        return await api.get(kube.PODS, "eu-0-probe", NAMESPACE) is not None

    await until(made)
    await prober.close()
    left = await api.get(kube.PODS, "eu-0-probe", NAMESPACE)
    assert left is None or documents.text(left, "metadata", "deletionTimestamp") is not None
    assert asked.requests[-1].expire


async def test_a_bridge_that_gives_no_place_is_noted_with_the_reason(
    api: KubernetesCluster, seen: tuple[Snapshot, Bridge]
) -> None:
    prober = Prober(api, Asked(refuses=True), "bridge-image", time.time)
    prober.consider(REGION, seen[0])
    noted = await until(lambda: _noted(api))
    assert json.loads(noted)["failure"] == "no"
    await prober.close()


async def test_whoever_wants_no_probe_gets_none(
    api: KubernetesCluster, seen: tuple[Snapshot, Bridge]
) -> None:
    asked = Asked()
    prober = Prober(api, asked, "bridge-image", time.time)
    unwanted = replace(REGION, bridge=replace(REGION.bridge, probes=False))
    prober.consider(unwanted, seen[0])
    await asyncio.sleep(0)
    assert asked.requests == []
    await prober.close()


async def test_a_bridge_is_asked_for_a_place_through_the_brewery(prosody: Prosody) -> None:
    async with watching(prosody, OWN) as watcher, bridge(prosody, "eu-0-abc") as one:
        client: ClientXMPP = one._client  # pyright: ignore[reportPrivateUsage] - made to answer

        def answer(stanza: StanzaBase) -> None:
            (child,) = list(stanza.xml)
            reply = client.make_iq_result(stanza["id"], ito=stanza["from"])  # pyright: ignore[reportUnknownMemberType]
            reply.append(colibri2_xml.build_reply(offer(colibri2_xml.parse_request(child))))
            client.send(reply)

        path = f"{{jabber:client}}iq/{colibri2_xml.MODIFY}"
        client.register_handler(Callback("colibri", MatchXPath(path), answer))

        async def joined() -> bool:
            one.publish(local_endpoints=0)
            return "eu-0-abc" in watcher.members

        await until(joined)
        reply = await watcher.ask("eu-0-abc", probing.allocation("octofleet-probe-1"))
        ice = probing.offered(reply)
        assert ice is not None
        assert (ice.ufrag, ice.pwd) == ("ufrag", "secret")
        with pytest.raises(Unreachable, match="no place"):
            await watcher.ask("nobody", probing.allocation("octofleet-probe-2"))
