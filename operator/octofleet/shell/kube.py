"""The Kubernetes API as the operator uses it: plain documents, few verbs, bounded concurrency.

Only this module knows the client library. Which verbs are used on which kinds is the table
`USED`, which the chart's RBAC is compared to.
"""

# The client library has no types; nothing of it leaves this module but by a cast.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, cast

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic.exceptions import DynamicApiError

from octofleet.core.manifests import naming
from octofleet.shell import documents
from octofleet.shell.documents import Document
from octofleet.shell.errors import KubeError, kube_error

TIMEOUT_SECONDS: Final = 30
WATCH_SECONDS: Final = 300
AT_ONCE: Final = 20
IN_CLUSTER_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, as the API spells it."""

    api_version: str
    plural: str
    name: str
    namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
        """Return the URL path of a collection, an object or its subresource."""
        root = "/api" if "/" not in self.api_version else "/apis"
        parts = [root, self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural, *(each for each in (name, sub) if each)]
        return "/".join(parts)


CLUSTERS: Final = Kind(naming.API_VERSION, "jitsiclusters", "JitsiCluster")
REGIONS: Final = Kind(naming.API_VERSION, "octoregions", "OctoRegion")
PODS: Final = Kind("v1", "pods", "Pod")
NODES: Final = Kind("v1", "nodes", "Node", namespaced=False)
SECRETS: Final = Kind("v1", "secrets", "Secret")
SERVICES: Final = Kind("v1", "services", "Service")
INGRESSES: Final = Kind("networking.k8s.io/v1", "ingresses", "Ingress")
DEPLOYMENTS: Final = Kind("apps/v1", "deployments", "Deployment")
CONFIG_MAPS: Final = Kind("v1", "configmaps", "ConfigMap")
BUDGETS: Final = Kind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")
LEASES: Final = Kind("coordination.k8s.io/v1", "leases", "Lease")
EVENTS: Final = Kind("events.k8s.io/v1", "events", "Event")
POD_METRICS: Final = Kind("metrics.k8s.io/v1beta1", "pods", "PodMetrics")

USED: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    # kopf lists, watches and patches (its finalizer) the two kinds it serves.
    ("octofleet.io", "jitsiclusters"): frozenset({"get", "list", "watch", "patch"}),
    ("octofleet.io", "octoregions"): frozenset(
        {"get", "list", "watch", "patch", "create", "delete"}
    ),
    ("octofleet.io", "jitsiclusters/status"): frozenset({"patch"}),
    ("octofleet.io", "octoregions/status"): frozenset({"patch"}),
    # blockOwnerDeletion on a child asks for this right on its owner.
    ("octofleet.io", "jitsiclusters/finalizers"): frozenset({"update"}),
    ("octofleet.io", "octoregions/finalizers"): frozenset({"update"}),
    ("", "pods"): frozenset({"get", "list", "watch", "create", "patch", "delete"}),
    ("", "nodes"): frozenset({"list", "watch"}),
    ("", "secrets"): frozenset({"get", "create", "patch"}),
    ("", "services"): frozenset({"get", "list", "create", "patch", "delete"}),
    ("networking.k8s.io", "ingresses"): frozenset({"get", "list", "create", "patch", "delete"}),
    ("apps", "deployments"): frozenset({"get", "create", "patch", "delete"}),
    ("", "configmaps"): frozenset({"get", "create", "patch"}),
    ("policy", "poddisruptionbudgets"): frozenset({"get", "create", "patch", "delete"}),
    ("events.k8s.io", "events"): frozenset({"create", "patch"}),
    ("metrics.k8s.io", "pods"): frozenset({"list"}),
}
"""(API group, resource) -> verbs. The Lease has a Role of its own in the operator's namespace."""


class KubernetesCluster:
    """One API server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        # Not awaited: discovery is never needed, the paths above are all there is.
        self._dynamic = DynamicClient(client)
        self._slots = asyncio.Semaphore(AT_ONCE)

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """Connect as the pod's account in a cluster, else by kubeconfig.

        Raises:
            KubeError: Neither is there.
        """
        configuration = Configuration()
        try:
            if kubeconfig is None and IN_CLUSTER_TOKEN.exists():
                config.load_incluster_config(client_configuration=configuration)
            else:
                await config.load_kube_config(kubeconfig, client_configuration=configuration)
        except ConfigException as error:
            raise KubeError(0, f"no usable kubeconfig: {error}") from error
        return cls(ApiClient(configuration))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def get(self, kind: Kind, name: str, namespace: str | None) -> Document | None:
        """Return the object, None when it doesn't exist."""
        try:
            return await self._call("get", kind.path(namespace, name))
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Document]:
        """Return every object of a kind, of one namespace or of all."""
        selector = naming.selector_text(labels) if labels else None
        found = await self._call("get", kind.path(namespace), label_selector=selector)
        return documents.items(found, "items")

    async def create(self, kind: Kind, namespace: str, body: Document) -> Document:
        """Create an object; `Conflict` when it is there already."""
        return await self._call("post", kind.path(namespace), body=body)

    async def apply(
        self,
        kind: Kind,
        namespace: str,
        body: Document,
        sub: str | None = None,
        *,
        rehearsed: bool = False,
    ) -> Document:
        """Make the fields in `body` so, by server-side apply; return the object as it is then.

        Rehearsed, nothing is changed.
        """
        name = documents.name_of(body)
        return await self._call(
            "patch",
            kind.path(namespace, name, sub),
            body=body,
            content_type="application/apply-patch+yaml",
            field_manager=naming.FIELD_MANAGER,
            force_conflicts=True,
            **({"dry_run": "All"} if rehearsed else {}),
        )

    async def merge(self, kind: Kind, namespace: str, name: str, body: Document) -> Document:
        """Change the fields in `body` by merge patch."""
        return await self._call(
            "patch",
            kind.path(namespace, name),
            body=body,
            content_type="application/merge-patch+json",
        )

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete exactly the object with this `uid`; `Conflict` when it is another by now."""
        body = {"preconditions": {"uid": uid}}
        await self._call("delete", kind.path(namespace, name), body=body)

    async def replace(self, kind: Kind, namespace: str, body: Document) -> Document:
        """Replace an object; `Conflict` when its resourceVersion has moved on."""
        name = documents.name_of(body)
        return await self._call("put", kind.path(namespace, name), body=body)

    async def watch(
        self, kind: Kind, namespace: str | None, labels: Mapping[str, str]
    ) -> AsyncIterator[tuple[str, Document]]:
        """Yield (event type, object) until the server ends the watch.

        It starts with an ADDED for everything there is, so that a reader who begins anew on
        each call misses nothing.
        """
        response = await self._request(
            "get",
            kind.path(namespace),
            label_selector=naming.selector_text(labels),
            watch="true",
            timeout_seconds=WATCH_SECONDS,
            _request_timeout=aiohttp.ClientTimeout(total=WATCH_SECONDS + 30, sock_connect=10),
        )
        with _as_kube_error():
            async with response:
                async for line in response.content:
                    event = _document(line)
                    found = documents.mapping(event, "object")
                    yield documents.text(event, "type") or "ERROR", found

    async def _call(self, method: str, path: str, **options: object) -> Document:
        async with self._slots:
            response = await self._request(
                method, path, _request_timeout=TIMEOUT_SECONDS, **options
            )
            with _as_kube_error():
                async with response:
                    return _document(await response.read())

    async def _request(self, method: str, path: str, **options: object) -> aiohttp.ClientResponse:
        # The library is untyped: this is its raw response, as asked for by serialize=False.
        # Fresh containers, because it keeps adding to the lists that are its own defaults.
        request = self._dynamic.request
        with _as_kube_error():
            found = await request(
                method, path, serialize=False, query_params=[], header_params={}, **options
            )
        return cast("aiohttp.ClientResponse", found)


@contextlib.contextmanager
def _as_kube_error() -> Generator[None]:
    """Raise whatever goes wrong between us and the server as `KubeError`.

    Answers are read inside it too: the server may go away in the middle of one.
    """
    try:
        yield
    except DynamicApiError as error:
        raise kube_error(error.status or 0, _reason(error)) from error
    except ApiException as error:
        raise kube_error(error.status or 0, str(error.reason)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise KubeError(0, f"API server can't be reached: {error!r}") from error


def _document(raw: bytes) -> Document:
    try:
        found: object = json.loads(raw) if raw else {}
    except ValueError as error:
        raise KubeError(0, "API server answered with something other than JSON") from error
    return documents.mapping(found)


def _reason(error: DynamicApiError) -> str:
    try:
        found: object = json.loads(error.body or "{}")
    except (TypeError, ValueError):
        found = {}
    return documents.text(found, "message") or str(error.reason)
