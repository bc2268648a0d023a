"""The classic mistakes, each with how it is really made and how it is taken back.

All are made as people make them: with kubectl on resources, by another process on a node, by a
firewall, by a bridge of somebody else's in the same brewery.
"""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from octodemo.objects import API_VERSION, octo_region, quick
from octodemo.on_nodes import gone, on_host, pod_of, run_on_node
from octodemo.platform import Platform, until

__all__ = ["MISTAKES", "Mistake", "Patient"]

Object = dict[str, Any]
PUBLIC: Final = "octofleet.io/public-address"
ZONE: Final = "topology.kubernetes.io/zone"
LEVEL: Final = "pod-security.kubernetes.io/enforce"
RULE: Final = "-p udp --dport 10000 -j DROP"


@dataclass(frozen=True, slots=True)
class Patient:
    """The platform, and the region whose bridge suffers."""

    platform: Platform
    region: str
    node: str
    zone: str
    """The node's zone, as it was."""
    other_node: str
    """That of the other region's bridge, in another zone."""

    @property
    def pods(self) -> str:
        """Return the API path of the namespace's pods."""
        return f"/api/v1/namespaces/{self.platform.namespace}/pods"

    async def bridge(self) -> Object:
        """Return the region's bridge pod."""
        pods = await self.platform.bridge_pods()
        return next(
            p for p in pods if p["metadata"]["labels"]["octofleet.io/region"] == self.region
        )


Step = Callable[[Patient], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake by the name that the doctor gives it."""

    name: str
    words: str
    make: Step
    undo: Step


async def _balance(patient: Patient) -> None:
    await patient.platform.cluster.apply(_service(patient, "media", "LoadBalancer", "UDP"))


def _service(patient: Patient, name: str, kind: str, protocol: str) -> Object:
    """Return a Service for the bridges' port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": patient.platform.namespace},
        "spec": {
            "type": kind,
            "selector": {"octofleet.io/region": patient.region},
            "ports": [{"name": "media", "port": 10000, "protocol": protocol}],
        },
    }


async def _unbalance(patient: Patient) -> None:
    await patient.platform.cluster.delete(
        f"/api/v1/namespaces/{patient.platform.namespace}/services/media"
    )


async def _proxy(patient: Patient) -> None:
    """Lead an Ingress to the bridges, as one would to a web server."""
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "proxy", "namespace": patient.platform.namespace},
        "spec": {
            "defaultBackend": {"service": {"name": "proxied", "port": {"number": 10000}}},
        },
    }
    service = _service(patient, "proxied", "ClusterIP", "TCP")
    await patient.platform.cluster.apply(service, ingress)


async def _unproxy(patient: Patient) -> None:
    cluster, namespace = patient.platform.cluster, patient.platform.namespace
    await cluster.delete(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/proxy")
    await cluster.delete(f"/api/v1/namespaces/{namespace}/services/proxied")


async def _advertise_nonsense(patient: Patient) -> None:
    """Name loopback as the node's public address, and have a bridge made that is told so."""
    await _annotate_node(patient, f"{PUBLIC}=127.0.0.1")


async def _advertise_nothing(patient: Patient) -> None:
    await _annotate_node(patient, f"{PUBLIC}-")


async def _annotate_node(patient: Patient, note: str) -> None:
    await patient.platform.cluster.kubectl("annotate", "node", patient.node, note, "--overwrite")
    await _renew(patient)


async def _join_without_secret(patient: Patient) -> None:
    """Ask for a region of a platform elsewhere, whose Secret nobody brought here."""
    namespace = patient.platform.namespace
    scaling = {**quick(mode="External"), "minBridges": 1}
    far = octo_region(namespace, "far", scaling, replicas=1, region="far")
    del far["spec"]["clusterRef"]
    far["spec"]["joinSecretRef"] = {"name": "of-the-other-kubernetes"}
    await patient.platform.cluster.apply(far)


async def _join_nothing(patient: Patient) -> None:
    path = f"/apis/{API_VERSION}/namespaces/{patient.platform.namespace}/octoregions/far"
    await patient.platform.cluster.delete(path)


async def _go_public(patient: Patient) -> None:
    await patient.platform.patch_cluster({"bridge": {"addresses": {"audience": "Internet"}}})


async def _go_private(patient: Patient) -> None:
    await patient.platform.patch_cluster({"bridge": {"addresses": {"audience": "PrivateNetwork"}}})


async def _choose_blindly(patient: Patient) -> None:
    blind = {"strategy": "SingleBridgeSelectionStrategy"}
    await patient.platform.patch_cluster({"controller": {"jicofo": blind}})


async def _choose_by_region(patient: Patient) -> None:
    await patient.platform.patch_cluster({"controller": {"jicofo": {"strategy": None}}})


async def _one_zone(patient: Patient) -> None:
    other = await patient.platform.cluster.get(f"/api/v1/nodes/{patient.other_node}")
    await _zone(patient, str(other["metadata"]["labels"][ZONE]))


async def _two_zones(patient: Patient) -> None:
    await _zone(patient, patient.zone)


async def _zone(patient: Patient, zone: str) -> None:
    await patient.platform.cluster.kubectl(
        "label", "node", patient.node, f"{ZONE}={zone}", "--overwrite"
    )


async def _forbid(patient: Patient) -> None:
    await _level(patient, "baseline")


async def _allow(patient: Patient) -> None:
    await _level(patient, "privileged")


async def _level(patient: Patient, level: str) -> None:
    path = f"/api/v1/namespaces/{patient.platform.namespace}"
    await patient.platform.cluster.patch(path, {"metadata": {"labels": {LEVEL: level}}})


def _secret(patient: Patient) -> str:
    platform = patient.platform
    return f"/api/v1/namespaces/{platform.namespace}/secrets/{platform.name}-credentials"


async def _spoil_password(patient: Patient) -> None:
    """Change the password that new bridges are given, and have one made."""
    cluster, path = patient.platform.cluster, _secret(patient)
    right = (await cluster.get(path))["data"]["JVB_AUTH_PASSWORD"]
    wrong = base64.b64encode(b"not-the-password").decode()
    notes = {"prove-doctor/right": right}
    body = {"metadata": {"annotations": notes}, "data": {"JVB_AUTH_PASSWORD": wrong}}
    await cluster.patch(path, body)
    await _renew(patient)


async def _mend_password(patient: Patient) -> None:
    cluster, path = patient.platform.cluster, _secret(patient)
    notes = (await cluster.get(path))["metadata"].get("annotations", {})
    right = notes.get("prove-doctor/right")
    if right is not None:
        body = {
            "metadata": {"annotations": {"prove-doctor/right": None}},
            "data": {"JVB_AUTH_PASSWORD": right},
        }
        await cluster.patch(path, body)
    await _renew(patient)


async def _renew(patient: Patient) -> None:
    """Have the region's bridge made anew; nobody is on it."""
    old = (await patient.bridge())["metadata"]
    await patient.platform.cluster.delete(f"{patient.pods}/{old['name']}")

    async def renewed() -> bool | None:
        pods = await patient.platform.bridge_pods()
        mine = [p for p in pods if p["metadata"]["labels"]["octofleet.io/region"] == patient.region]
        return True if mine and all(p["metadata"]["uid"] != old["uid"] for p in mine) else None

    await until("the bridge is made anew", renewed, seconds=120)


async def _squat(patient: Patient) -> None:
    """Have a process of the node take the port while the bridge is away."""
    await patient.platform.patch_region(patient.region, {"replicas": 0})

    async def away() -> bool | None:
        pods = await patient.platform.bridge_pods()
        names = [p["metadata"]["labels"]["octofleet.io/region"] for p in pods]
        return True if patient.region not in names else None

    await until("no bridge", away, seconds=120)
    code = (
        "import socket,time\n"
        "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
        "s.bind(('0.0.0.0',10000))\n"
        "print('bound',flush=True)\n"
        "time.sleep(900)\n"
    )
    await run_on_node(patient.platform, patient.node, "squatter", ["python", "-c", code], user=1000)
    await patient.platform.patch_region(patient.region, {"replicas": 1})


async def _leave_port(patient: Patient) -> None:
    await gone(patient.platform, "squatter")
    pods = await patient.platform.bridge_pods()
    for pod in pods:
        if pod["metadata"]["labels"]["octofleet.io/region"] == patient.region:
            await patient.platform.cluster.delete(f"{patient.pods}/{pod['metadata']['name']}")


async def _block(patient: Patient) -> None:
    """Have the node's own firewall drop what comes for the bridges' port."""
    await on_host(patient.platform, patient.node, "firewall", f"iptables -w -I INPUT {RULE}")
    await _probe_again(patient)


async def _unblock(patient: Patient) -> None:
    await gone(patient.platform, "firewall")
    await on_host(patient.platform, patient.node, "firewall", f"iptables -w -D INPUT {RULE} || :")
    await gone(patient.platform, "firewall")
    await _probe_again(patient)


async def _probe_again(patient: Patient) -> None:
    """Forget what the last probe found, so that the next one needn't be waited for."""
    name = (await patient.bridge())["metadata"]["name"]
    notes = {"metadata": {"annotations": {"octofleet.io/probe": None}}}
    await patient.platform.cluster.patch(f"{patient.pods}/{name}", notes)


async def _stray_without_relay_id(patient: Patient) -> None:
    await _stray(patient, {"ENABLE_OCTO": "0", "JVB_OCTO_RELAY_ID": ""})


async def _stray_of_another_version(patient: Patient) -> None:
    await _stray(patient, {"OCTOBRIDGE_VERSION": "other-1", "JVB_OCTO_RELAY_ID": "stray"})


async def _stray(patient: Patient, variables: dict[str, str]) -> None:
    """Start a bridge of nobody's with the platform's credentials, as a forgotten VM would be."""
    (container,) = (await patient.bridge())["spec"]["containers"]
    own = {
        "JVB_MUC_NICKNAME": "stray",
        "OCTOBRIDGE_REST_ADDRESS": "0.0.0.0",  # noqa: S104 - in a pod's own network
        "JVB_ADVERTISE_IPS": "",
        **variables,
    }
    env = [each for each in container["env"] if each["name"] not in own]
    env += [{"name": name, "value": value} for name, value in own.items()]
    pod = pod_of(patient.platform, "stray", {"image": container["image"], "env": env})
    await patient.platform.cluster.apply(pod)


async def _remove_stray(patient: Patient) -> None:
    await gone(patient.platform, "stray")


MISTAKES: Final[tuple[Mistake, ...]] = (
    Mistake(
        "LoadBalancerInFront", "a LoadBalancer Service for the bridges' UDP", _balance, _unbalance
    ),
    Mistake(
        "PrivateAddress", "people from the Internet, bridges at private addresses",
        _go_public, _go_private,
    ),
    Mistake(
        "StrategyNotRegional", "two regions, and a strategy that looks at none",
        _choose_blindly, _choose_by_region,
    ),
    Mistake("RegionsInOneZone", "both regions in one zone", _one_zone, _two_zones),
    Mistake("PodSecurityForbids", "a pod-security level without hostNetwork", _forbid, _allow),
    Mistake("UdpBlocked", "a firewall that drops UDP 10000", _block, _unblock),
    Mistake(
        "RelayIdMissing", "a bridge without relay id in the brewery",
        _stray_without_relay_id, _remove_stray,
    ),
    Mistake(
        "VersionsDiffer", "a bridge of another version in the brewery",
        _stray_of_another_version, _remove_stray,
    ),
    Mistake(
        "WrongCredentials", "bridges with a password that Prosody doesn't know",
        _spoil_password, _mend_password,
    ),
    Mistake(
        "LoadBalancerInFront", "an Ingress that leads to the bridges", _proxy, _unproxy
    ),
    Mistake(
        "WrongAddress", "loopback as a node's public address",
        _advertise_nonsense, _advertise_nothing,
    ),
    Mistake(
        "JoinSecretUnusable", "a region elsewhere without the Secret that holds its passwords",
        _join_without_secret, _join_nothing,
    ),
    Mistake("PortTaken", "another process on the node has the port", _squat, _leave_port),
)  # fmt: skip
