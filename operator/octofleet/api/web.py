"""The web servers of a cluster: the pages that people open, and their way to Prosody."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from octofleet.api.bridges import NodeSelector, ResourceRequirements, Tolerations
from octofleet.api.kube import Image, Int32, KubeModel, Rule, rules

__all__ = ["RegionWeb", "Web", "WebIngress", "WebMode", "WebTls", "public_host", "public_url"]

HOST_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"


class WebMode(StrEnum):
    """Who runs the web servers."""

    MANAGED = "Managed"
    OFF = "Off"


class WebTls(KubeModel, frozen=True):
    """Where the Ingress ends TLS."""

    secret_name: Annotated[
        str,
        Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253),
    ]
    """The Secret with the certificate of the host: yours to provide, or a certificate manager's."""


class WebIngress(KubeModel, frozen=True):
    """How people's browsers reach the web servers."""

    host: (
        Annotated[str, Field(pattern=f"^{HOST_PATTERN}$", min_length=1, max_length=253)] | None
    ) = None
    """The host name; the default is that of `publicUrl`, which in turn is the domain's."""
    class_name: (
        Annotated[
            str,
            Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253),
        ]
        | None
    ) = None
    """The IngressClass; left out: the cluster's default one."""
    annotations: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32)
    ] = Field(default_factory=dict)
    """Annotations for its controller, or for a certificate manager."""
    tls: WebTls | None = None
    """Where TLS ends; left out: somewhere before the Ingress. Browsers give no page a camera
    without TLS."""


class Web(KubeModel, frozen=True):
    """The web servers: they hold nothing, and media never passes through them."""

    model_config = rules(
        Rule(
            "!has(self.publicUrl) || !has(self.ingress) || !has(self.ingress.host)"
            " || self.publicUrl == 'https://' + self.ingress.host"
            " || self.publicUrl.startsWith('https://' + self.ingress.host + ':')",
            "web.ingress.host must be the host of web.publicUrl, where pages send people: make"
            " them the same, or leave one out",
            ".ingress.host",
        )
    )

    mode: WebMode = WebMode.MANAGED
    """Managed: the operator runs them. Off: it doesn't, and takes away those that it ran; yours are
    told what they need by the ConfigMap REGION-web of each region."""
    image: Image | None = None
    """Their container image; the default is the stock image of `version`."""
    replicas: Annotated[Int32, Field(ge=1, le=100)] | None = None
    """How many; the default follows `size`: 1, 2 or 3."""
    resources: ResourceRequirements | None = None
    """What each asks for and may use at most; the default follows `size`."""
    public_url: (
        Annotated[str, Field(pattern=f"^https://{HOST_PATTERN}(:[0-9]{{1,5}})?$", max_length=270)]
        | None
    ) = None
    """The address that people open. The default is https:// and the Ingress' host, or the
    domain."""
    ingress: WebIngress | None = None
    """Set, the operator makes an Ingress to them. Left out, there is only their Service,
    CLUSTER-web: whatever leads to it is yours."""
    node_selector: NodeSelector | None = None
    """Labels of the nodes that they run on."""
    tolerations: Tolerations | None = None
    """Node taints that they put up with."""


class RegionWeb(KubeModel, frozen=True):
    """Web servers of a region's own: their pages tell Jicofo that people are here."""

    replicas: Annotated[Int32, Field(ge=1, le=100)] | None = None
    """How many; the default is the JitsiCluster's number."""
    ingress: WebIngress | None = None
    """Set, the operator makes an Ingress to them: of the class of what people near here come in by.
    Its host is the JitsiCluster's, if none is named. Left out, there is only their Service,
    REGION-web."""
    node_selector: NodeSelector | None = None
    """Labels of the nodes that they run on, besides `placement.region`; the default is the
    JitsiCluster's for its own."""
    tolerations: Tolerations | None = None
    """Node taints that they put up with; the default is the JitsiCluster's for its own."""


def public_url(web: Web, domain: str) -> str:
    """Return the address that people open."""
    host = web.ingress.host if web.ingress else None
    return web.public_url or f"https://{host or domain}"


def public_host(web: Web, domain: str) -> str:
    """Return the host of that address."""
    return public_url(web, domain).removeprefix("https://").partition(":")[0]
