"""Clusters in another Kubernetes: what a join Secret says, and how the operator reaches them.

Such a cluster has no resource here. Its Secret stands for it: where Prosody and the gateway to
Jicofo are, whom to trust there, and who we are. `octofleet join-token` makes the Secret.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from octofleet.api.clusters import JitsiCluster
from octofleet.core.manifests import accounts, inputs, naming
from octofleet.shell import documents, kube
from octofleet.shell.breweries import Breweries, Credentials
from octofleet.shell.credentials import tokens_of
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.jicofo import Gateway, JicofoClient
from octofleet.shell.kube import KubernetesCluster

__all__ = ["Home", "Homes", "RemoteEndpoints", "home_of"]

LENGTH_LIMIT: Final = 16_384
PLAIN_KEYS: Final = (
    "cluster",
    "domain",
    "version",
    "relays",
    "xmppHost",
    "xmppPort",
    "gatewayURL",
)
REGION_KEY: Final = "region"
"""Whom it is for; left out where it is for any region."""
SECRET_KEYS: Final = (
    "gatewayToken",
    "gatewayCertificate",
)
"""Besides what goes with the generation it tells."""


class UnusableError(ValueError):
    """A join Secret can't be used; the text says why and what to do, without its contents."""


@dataclass(frozen=True, slots=True)
class Home:
    """A cluster in another Kubernetes."""

    cluster: JitsiCluster
    """What its resource would be here; only what the Secret says is in it."""
    region: str | None
    """Whom the Secret is for; None: any region."""
    prosody: tuple[str, int]
    gateway: Gateway
    credentials: Credentials


class RemoteEndpoints:
    """Where clusters are: those elsewhere as their Secrets say, the others as ever."""

    def __init__(self, inner: Endpoints) -> None:
        self._inner = inner
        self.homes: dict[ClusterName, Home] = {}

    def jicofo(self, cluster: ClusterName) -> str:
        """Return the base URL of Jicofo's REST, or of the gateway before it."""
        home = self.homes.get(cluster)
        return self._inner.jicofo(cluster) if home is None else _behind(cluster)

    def prosody(self, cluster: ClusterName) -> tuple[str, int]:
        """Return the host and port for XMPP clients."""
        home = self.homes.get(cluster)
        return self._inner.prosody(cluster) if home is None else home.prosody

    def bridge(self, address: str, name: str) -> str:
        """Return the base URL of a bridge's REST: bridges are here always."""
        return self._inner.bridge(address, name)


class Homes:
    """Every cluster elsewhere that a region here has joined."""

    def __init__(
        self,
        api: KubernetesCluster,
        endpoints: RemoteEndpoints,
        breweries: Breweries,
        jicofo: JicofoClient,
    ) -> None:
        self._api = api
        self._endpoints = endpoints
        self._breweries = breweries
        self._jicofo = jicofo
        self._users: dict[str, ClusterName] = {}

    async def join(self, user: str, namespace: str, secret: str, region: str) -> Home:
        """Return the home cluster as the Secret tells now, and be connected to it.

        Args:
            user: Identity of the region that asks; it holds the connection until it leaves.
            namespace: Where the Secret is.
            secret: Its name.
            region: What the bridges there publish as their region.

        Raises:
            UnusableError: There is no such Secret, or something is missing or wrong in it.
            KubeError: The API server can't be asked.
        """
        found = await self._api.get(kube.SECRETS, secret, namespace)
        if found is None:
            raise UnusableError(
                f"Secret {secret} doesn't exist in namespace {namespace}: make it with"
                " octofleet join-token CLUSTER in the home cluster and apply it here"
            )
        name = ClusterName(namespace, f"join.{secret}")
        home = home_of(documents.texts(found, "data"), secret, namespace)
        if home.region not in (None, region):
            raise UnusableError(
                f"Secret {secret} is for region {home.region}, and this one is {region}: make one"
                f" with octofleet join-token CLUSTER --region {region}"
            )
        await self._connect(name, home, secret)
        self._users[user] = name
        return home

    async def leave(self, user: str) -> None:
        """Let go of what a region held; the last one ends the connection."""
        name = self._users.pop(user, None)
        if name is None or name in self._users.values():
            return
        self._breweries.forget(name)
        if self._endpoints.homes.pop(name, None) is not None:
            await self._jicofo.admit(_behind(name), None)

    async def _connect(self, name: ClusterName, home: Home, secret: str) -> None:
        before = self._endpoints.homes.get(name)
        try:
            await self._jicofo.admit(_behind(name), home.gateway)
        except ValueError as error:
            raise _unusable(secret, "gatewayCertificate", str(error)) from error
        if before is not None and before.prosody != home.prosody:
            self._breweries.forget(name)
        self._endpoints.homes[name] = home
        domains = inputs.Domains(home.cluster.spec.domain)
        self._breweries.watch(name, domains, home.credentials)


def home_of(data: Mapping[str, str], secret: str, namespace: str) -> Home:
    """Return what a join Secret's data (base64) says.

    Raises:
        UnusableError: Something is missing or wrong in it.
    """
    which = _generation(data, secret)
    wanted = (*PLAIN_KEYS, *SECRET_KEYS, *accounts.keys(which))
    said = {key: _decoded(data, key, secret) for key in wanted}
    tokens = {
        key: _decoded(data, key, secret) for key in data if key.startswith(naming.KEY_REST_TOKEN)
    }
    region = _decoded(data, REGION_KEY, secret) if REGION_KEY in data else None
    try:
        cluster = JitsiCluster.model_validate(
            {
                "metadata": {"name": said["cluster"], "namespace": namespace},
                "spec": {
                    "domain": said["domain"],
                    "version": said["version"],
                    # Bridges of one cluster all have relays, or none has.
                    "octo": {"relays": said["relays"]},
                },
            }
        )
    except ValueError as error:
        raise _unusable(
            secret, "cluster, domain, version or relays", "not as in a JitsiCluster"
        ) from error
    return Home(
        cluster=cluster,
        region=region,
        prosody=(said["xmppHost"], _port(said["xmppPort"], secret)),
        gateway=Gateway(
            _url(said["gatewayURL"], secret), said["gatewayToken"], said["gatewayCertificate"]
        ),
        credentials=Credentials(
            bridge=said[accounts.password_key(naming.KEY_JVB_PASSWORD, which)],
            operator=said[accounts.password_key(naming.KEY_OPERATOR_PASSWORD, which)],
            tokens=tokens_of(tokens, which),
            generation=which,
        ),
    )


def _behind(name: ClusterName) -> str:
    """Return what the way to Jicofo is called: each Secret has its own pass for the gateway."""
    return f"gateway:{name.namespace}/{name.name}"


def _generation(data: Mapping[str, str], secret: str) -> int:
    """Return which generation of accounts the Secret is for; older Secrets say nothing of that."""
    if accounts.KEY_GENERATION not in data:
        return accounts.FIRST
    told = _decoded(data, accounts.KEY_GENERATION, secret)
    which = accounts.current({accounts.KEY_GENERATION: told})
    if str(which) != told:
        raise _unusable(secret, accounts.KEY_GENERATION, "it isn't a number")
    return which


def _decoded(data: Mapping[str, str], key: str, secret: str) -> str:
    raw = data.get(key, "")
    if not raw or len(raw) > LENGTH_LIMIT:
        raise _unusable(secret, key, "it is missing" if not raw else "it is too long")
    try:
        return b64decode(raw, validate=True).decode()
    except ValueError as error:  # of base64 and of UTF-8 alike
        raise _unusable(secret, key, "it isn't text") from error


def _port(text: str, secret: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise _unusable(secret, "xmppPort", "it isn't a port")
    return int(text)


def _url(text: str, secret: str) -> str:
    try:
        parts = urlsplit(text)
        fits = parts.scheme == "https" and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
        parts = urlsplit("")
    if not fits or parts.path not in ("", "/") or parts.query or parts.username:
        raise _unusable(secret, "gatewayURL", "it must be https://HOST:PORT")
    return text.rstrip("/")


def _unusable(secret: str, key: str, why: str) -> UnusableError:
    return UnusableError(
        f"Secret {secret}, {key}: {why}; make it anew with octofleet join-token CLUSTER"
    )
