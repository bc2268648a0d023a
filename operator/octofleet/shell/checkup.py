"""Looks through a cluster for what keeps Octofleet from working; changes nothing.

What the one who asks isn't allowed to see is left out rather than guessed.
"""

from collections.abc import Sequence
from typing import Final

from octofleet.api.clusters import JitsiCluster
from octofleet.api.controller import domain_in_force, effective_cluster
from octofleet.core import checkup
from octofleet.core.checkup import Complaint, Namespace
from octofleet.core.manifests import naming
from octofleet.core.wording import first_of
from octofleet.shell import documents, kube, pods
from octofleet.shell.documents import Document
from octofleet.shell.errors import Absent, FleetError, KubeError
from octofleet.shell.kube import Kind, KubernetesCluster
from octofleet.shell.observer import available
from octofleet.shell.surroundings import backends_of

__all__ = ["crds_are_there", "operator_complaints", "place_complaints", "web_complaints"]

NAMESPACES: Final = Kind("v1", "namespaces", "Namespace", namespaced=False)
REVIEWS: Final = Kind(
    "authorization.k8s.io/v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
LEVEL: Final = "pod-security.kubernetes.io/enforce"
OPERATOR: Final = {"app.kubernetes.io/name": "octofleet"}
INSTALL: Final = "helm install octofleet helm/octofleet -n octofleet-system --create-namespace"
FORBIDDEN: Final = 403
NAMED: Final = 6


async def crds_are_there(api: KubernetesCluster, namespace: str | None) -> list[Complaint]:
    """Return a complaint when the API server doesn't know our resources.

    Raises:
        FleetError: It can't be asked at all.
    """
    for kind in (kube.CLUSTERS, kube.REGIONS):
        try:
            await api.list(kind, namespace)
        except Absent:
            text = f"the API server doesn't know {kind.name}: {INSTALL}"
            return [Complaint("CustomResourceDefinitions", "CrdsMissing", text)]
        except KubeError as error:
            raise FleetError(f"can't list {kind.plural}: {error}") from error
    return []


async def operator_complaints(api: KubernetesCluster, namespaces: Sequence[str]) -> list[Complaint]:
    """Return complaints about the operator: it isn't there, doesn't run, or lacks rights."""
    try:
        found = await api.list(kube.DEPLOYMENTS, None, OPERATOR)
    except KubeError:
        return []
    if not found:
        return [Complaint("operator", "OperatorMissing", f"no operator is installed: {INSTALL}")]
    complaints: list[Complaint] = []
    for each in found:
        name, where = documents.name_of(each), documents.text(each, "metadata", "namespace") or ""
        if not available(each):
            text = (
                f"its Deployment isn't available: kubectl describe deployment -n {where} {name},"
                " kubectl logs; what the resources say is old"
            )
            complaints.append(Complaint(f"operator {where}/{name}", "OperatorNotRunning", text))
        account = documents.text(each, "spec", "template", "spec", "serviceAccountName")
        user = f"system:serviceaccount:{where}:{account or 'default'}"
        complaints += await _rights(api, user, f"operator {where}/{name}", namespaces)
    return complaints


async def place_complaints(api: KubernetesCluster, namespaces: Sequence[str]) -> list[Complaint]:
    """Return complaints about where bridges are to run: nodes, and namespaces."""
    try:
        nodes = [pods.node_of(each, {}, ()) for each in await api.list(kube.NODES)]
    except KubeError:
        complaints: list[Complaint] = []
    else:
        complaints = checkup.of_nodes(nodes)
    seen: list[Namespace] = []
    for name in namespaces:
        try:
            found = await api.get(NAMESPACES, name, None)
        except KubeError:
            continue
        if found is None:
            text = f"it doesn't exist: kubectl create namespace {name}"
            complaints.append(Complaint(f"namespace {name}", "NamespaceMissing", text))
        else:
            labels = documents.texts(found, "metadata", "labels")
            seen.append(Namespace(name, labels.get(LEVEL)))
    return [*complaints, *checkup.of_namespaces(seen)]


async def web_complaints(
    api: KubernetesCluster, clusters: Sequence[JitsiCluster]
) -> list[Complaint]:
    """Return complaints about Ingresses that lead to web servers by another host than theirs."""
    found: list[Complaint] = []
    for each in clusters:
        cluster, service = effective_cluster(each), naming.web_name(each.metadata.name)
        if not cluster.web.are_managed:
            continue
        try:
            ingresses = await api.list(kube.INGRESSES, cluster.namespace)
        except KubeError:
            continue
        hosts = {
            documents.name_of(one): _hosts(one) for one in ingresses if service in backends_of(one)
        }
        host = cluster.web.public_host(domain_in_force(each))
        found += checkup.of_web(f"JitsiCluster {cluster.namespace}/{cluster.name}", host, hosts)
    return found


def _hosts(ingress: Document) -> list[str]:
    """Return the hosts that an Ingress is for; empty text is any."""
    rules = documents.items(ingress, "spec", "rules")
    return [documents.text(each, "host") or "" for each in rules] or [""]


async def _rights(
    api: KubernetesCluster, user: str, where: str, namespaces: Sequence[str]
) -> list[Complaint]:
    """Return a complaint when the operator may not do what it needs to."""
    lacking: list[str] = []
    for (group, resource), verbs in kube.USED.items():
        for verb in sorted(verbs):
            for namespace in (None,) if resource == "nodes" else namespaces:
                try:
                    allowed = await _may(api, user, (group, resource, verb), namespace)
                except KubeError:
                    return []
                if not allowed:
                    place = f" in {namespace}" if namespace else ""
                    lacking.append(f"{verb} {resource}{place}")
    if not lacking:
        return []
    text = (
        f"{user} may not {first_of(lacking, NAMED)}: helm upgrade octofleet (its roles are"
        " part of the chart), and watchNamespaces must name these namespaces or none"
    )
    return [Complaint(where, "RightsMissing", text)]


async def _may(
    api: KubernetesCluster, user: str, right: tuple[str, str, str], namespace: str | None
) -> bool:
    group, resource, verb = right
    kind, _, sub = resource.partition("/")
    asked: Document = {"group": group, "resource": kind, "subresource": sub, "verb": verb}
    if namespace:
        asked["namespace"] = namespace
    home = user.split(":")[2]
    everyone = "system:serviceaccounts"
    groups = [everyone, f"{everyone}:{home}", "system:authenticated"]
    body: Document = {
        "apiVersion": REVIEWS.api_version,
        "kind": REVIEWS.name,
        "spec": {"user": user, "groups": groups, "resourceAttributes": asked},
    }
    answer = await api.create(REVIEWS, "", body)
    return documents.truth(answer, "status", "allowed") is True
