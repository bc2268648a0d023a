"""`octofleet join-token`: the Secret by which a region in another Kubernetes joins a cluster.

It holds what such a region needs and nothing else: where Prosody and the gateway to Jicofo are
reached from there, a pass for the gateway and its certificate, and the passwords of the bridges'
account and of the operator's own. The token of the bridges' REST there is another than here.
"""

import hashlib
import hmac
from base64 import b64decode
from typing import Final

import yaml

from jitsiwire import passes
from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import effective_cluster
from octofleet.api.octo import Relays
from octofleet.cli import reading
from octofleet.core.manifests import accounts, naming
from octofleet.core.meshing import mesh_of
from octofleet.shell import clusters, credentials, documents, kube
from octofleet.shell.documents import Document
from octofleet.shell.errors import FleetError
from octofleet.shell.kube import KubernetesCluster

__all__ = ["Places", "join_token"]

PURPOSE: Final = b"octofleet: bridges of regions in another Kubernetes"

Places = tuple[str | None, str | None]
"""HOST:PORT of Prosody and of the gateway, where somebody names them."""


async def join_token(
    api: KubernetesCluster,
    cluster: str,
    namespace: str | None,
    places: Places,
    region: str | None = None,
) -> str:
    """Return the Secret as YAML.

    Args:
        api: The home cluster's.
        cluster: The JitsiCluster's name.
        namespace: Its namespace; None while the name is unique.
        places: Where it is reached.
        region: Which region it is for: it moves nobody off other regions' bridges. None: any.

    Raises:
        FleetError: Something it needs isn't there; the message says what to do.
    """
    found = await reading.cluster(api, cluster, namespace)
    where = found.metadata.namespace
    if found.spec.controller.remote_regions.service_type is None:
        raise FleetError(
            f"JitsiCluster {where}/{cluster} lets no regions elsewhere in: set"
            " spec.controller.remoteRegions.serviceType"
        )
    passwords = await _secret(api, naming.secret_name(cluster), where)
    gateway = await _secret(api, naming.gateway_name(cluster), where)
    prosody = places[0] or await _address(
        api, naming.remote_prosody_name(cluster), where, "--prosody"
    )
    jicofo = places[1] or await _address(api, naming.gateway_name(cluster), where, "--gateway")
    host, _, port = prosody.rpartition(":")
    said = {
        "cluster": cluster,
        "domain": found.spec.domain,
        "version": found.spec.version,
        "relays": await _relays(api, found),
        "xmppHost": host.strip("[]"),
        "xmppPort": port,
        "gatewayURL": f"https://{jicofo}",
        **({} if region is None else {"region": region}),
        "gatewayToken": _pass(_key(gateway, naming.KEY_GATEWAY_TOKEN), region),
        "gatewayCertificate": _key(gateway, naming.KEY_GATEWAY_CERTIFICATE),
        **_passwords(passwords),
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": cluster},
            "stringData": said,
        },
        sort_keys=False,
    )


async def _relays(api: KubernetesCluster, cluster: JitsiCluster) -> str:
    """Return whether the cluster's bridges have relays: then those that join must, too."""
    regions = await api.list(kube.REGIONS, cluster.metadata.namespace)
    joined = clusters.regions_of(regions, cluster.metadata.name)
    mesh = mesh_of(effective_cluster(cluster), clusters.places_of(joined))
    return (Relays.ENABLED if mesh.relays else Relays.DISABLED).value


async def _secret(api: KubernetesCluster, name: str, namespace: str) -> Document:
    found = await api.get(kube.SECRETS, name, namespace)
    if found is None:
        raise FleetError(
            f"Secret {namespace}/{name} isn't there (yet): the operator makes it; see"
            " kubectl logs -n octofleet-system deploy/octofleet"
        )
    return found


def _passwords(secret: Document) -> dict[str, str]:
    """Return what goes with every generation that is good, and which is the current one.

    Bridges there that log in with the one before still read theirs when they start again, and the
    operator there needs their token. Tokens are others there than here.
    """
    values = credentials.read_values(secret)
    which = accounts.current(values)
    good = accounts.generations(values) | {which}
    found: dict[str, str] = {}
    for each in sorted(each for each in good if each <= which):
        found |= {key: _key(secret, key) for key in accounts.password_keys(each)}
        token = accounts.password_key(naming.KEY_REST_TOKEN, each)
        found[token] = _derived(_key(secret, token))
    return found if which == accounts.FIRST else {accounts.KEY_GENERATION: str(which), **found}


def _key(secret: Document, key: str) -> str:
    raw = documents.texts(secret, "data").get(key)
    if not raw:
        name = documents.text(secret, "metadata", "name")
        raise FleetError(f"Secret {name} has no {key}: delete it, and the operator makes it anew")
    return b64decode(raw).decode()


def _pass(token: str, region: str | None) -> str:
    try:
        return token if region is None else passes.pass_of(token, region)
    except ValueError as error:
        raise FleetError(
            f"--region {region}: {error}, as in the OctoRegion's spec.region"
        ) from error


def _derived(token: str) -> str:
    """Return a token of its own for the bridges there: the same each time, and no way back."""
    return hmac.digest(token.encode(), PURPOSE, hashlib.sha256).hex()


async def _address(api: KubernetesCluster, name: str, namespace: str, option: str) -> str:
    """Return HOST:PORT at which a Service is reached from outside.

    Raises:
        FleetError: It can't be told from the Service.
    """
    service = await api.get(kube.SERVICES, name, namespace)
    ports = documents.items(service, "spec", "ports")
    if documents.text(service, "spec", "type") == "NodePort" and ports:
        port = documents.number(ports[0], "nodePort")
        node = next(iter(await _nodes(api)), None)
        if node is not None and port:
            return _joined(node, port)
    for ingress in documents.items(service, "status", "loadBalancer", "ingress"):
        host = documents.text(ingress, "ip") or documents.text(ingress, "hostname")
        port = documents.number(ports[0], "port") if ports else None
        if host and port:
            return _joined(host, port)
    raise FleetError(
        f"Service {namespace}/{name} has no address outside its cluster (yet): name one with"
        f" {option} HOST:PORT"
    )


async def _nodes(api: KubernetesCluster) -> list[str]:
    """Return addresses of ready nodes, public ones first."""
    ready = [node for node in await api.list(kube.NODES) if _is_ready(node)]
    return [
        address
        for kind in ("ExternalIP", "InternalIP")
        for node in ready
        for each in documents.items(node, "status", "addresses")
        if each.get("type") == kind and (address := documents.text(each, "address"))
    ]


def _is_ready(node: Document) -> bool:
    return documents.condition(node, "Ready").get("status") == "True"


def _joined(host: str, port: float) -> str:
    return f"[{host}]:{port:.0f}" if ":" in host else f"{host}:{port:.0f}"
