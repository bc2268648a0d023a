"""Where the parts of a cluster are reached: by Service in the cluster, by node for bridges."""

from dataclasses import dataclass
from typing import Protocol

from octofleet.core.manifests import naming


@dataclass(frozen=True, slots=True)
class ClusterName:
    """A JitsiCluster's namespace and name."""

    namespace: str
    name: str


class Endpoints(Protocol):
    """Says where things are; another one serves an operator that runs outside the cluster."""

    def jicofo(self, cluster: ClusterName) -> str:
        """Return the base URL of Jicofo's REST."""
        ...

    def prosody(self, cluster: ClusterName) -> tuple[str, int]:
        """Return the host and port for XMPP clients."""
        ...

    def bridge(self, address: str, name: str) -> str:
        """Return the base URL of the REST of the bridge pod `name` on a node's `address`."""
        ...


class ServiceEndpoints:
    """The addresses inside a Kubernetes cluster."""

    def jicofo(self, cluster: ClusterName) -> str:
        """Return the base URL of Jicofo's REST."""
        host = naming.service_host(naming.jicofo_name(cluster.name), cluster.namespace)
        return f"http://{host}:{naming.JICOFO_REST_PORT}"

    def prosody(self, cluster: ClusterName) -> tuple[str, int]:
        """Return the host and port for XMPP clients."""
        host = naming.service_host(naming.prosody_name(cluster.name), cluster.namespace)
        return host, naming.XMPP_PORT

    def bridge(self, address: str, name: str) -> str:
        """Return the base URL of a bridge's REST, which listens on its node's address."""
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{naming.BRIDGE_REST_PORT}"
