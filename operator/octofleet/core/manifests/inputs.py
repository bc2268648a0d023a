"""What the builders are told, apart from how the resources spell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octofleet.core.manifests.naming import Manifest, Owner


@dataclass(frozen=True, slots=True)
class Domains:
    """The XMPP domains of a cluster, all under its public domain."""

    main: str

    @property
    def auth(self) -> str:
        """Return the domain of service accounts."""
        return f"auth.{self.main}"

    @property
    def muc(self) -> str:
        """Return the domain of meeting rooms."""
        return f"muc.{self.main}"

    @property
    def internal_muc(self) -> str:
        """Return the domain of the brewery."""
        return f"internal-muc.{self.main}"

    def variables(self) -> dict[str, str]:
        """Return the stock images' variables."""
        return {
            "XMPP_DOMAIN": self.main,
            "XMPP_AUTH_DOMAIN": self.auth,
            "XMPP_MUC_DOMAIN": self.muc,
            "XMPP_INTERNAL_MUC_DOMAIN": self.internal_muc,
            "XMPP_HIDDEN_DOMAIN": f"hidden.{self.main}",
            "XMPP_GUEST_DOMAIN": f"guest.{self.main}",
        }


@dataclass(frozen=True, slots=True)
class Workload:
    """How a container is to run."""

    image: str
    pull_policy: str | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    resources: Manifest = field(default_factory=dict[str, object])
    node_selector: Mapping[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[Manifest, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Extra variables; they win over ours."""
    zones: tuple[str, ...] = ()
    """Only nodes in one of these zones; none: in any."""


@dataclass(frozen=True, slots=True)
class JicofoSettings:
    """What Jicofo is told through its variables; None leaves the image's default."""

    strategy: str | None = None
    stress_threshold: float | None = None
    participant_stress: float | None = None
    max_bridge_participants: int | None = None
    load_redistribution: bool | None = None
    region_groups: tuple[tuple[str, ...], ...] = ()
    """Regions that count as near one another."""
    local_region: str | None = None
    relays: bool = False
    """A meeting may be on several bridges."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What web servers are told."""

    domains: Domains
    public_url: str
    """The address that people open."""
    prosody: str | None
    """The host of Prosody's HTTP, by its whole name: their nginx asks the DNS itself, without a
    search list. None: it isn't reached from where they are."""
    region: str | None = None
    """Where those are who open their pages; None: anywhere."""


@dataclass(frozen=True, slots=True)
class WebPlace:
    """Whose web servers: a cluster's for everyone, or a region's own."""

    name: str
    """Of all their objects."""
    namespace: str
    owner: Owner
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WebFront:
    """The Ingress before web servers."""

    host: str
    class_name: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    certificate: str | None = None
    """The Secret with its certificate."""


@dataclass(frozen=True, slots=True)
class Home:
    """How bridges reach a cluster that is in another Kubernetes."""

    prosody_host: str
    prosody_port: int
    secret: str
    """The Secret here that holds its credentials."""


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """What a region's bridges are told."""

    cluster: str
    """The JitsiCluster's name."""
    cluster_namespace: str
    region: str
    """The OctoRegion's name."""
    domains: Domains
    workload: Workload
    region_code: str | None = None
    """What the bridges publish as their region."""
    relays: bool = False
    """They are joined to other bridges by relays, each with an id of its own."""
    port: int = 10000
    advertise: str = ""
    """Addresses to advertise besides the node's: `ip` or `ip#port`, comma list."""
    address_source: str | None = "NodeInternalIP"
    """Where they come from; None: that depends on the node, so the pod waits to be told."""
    stun_servers: tuple[str, ...] = ()
    """Asked which public address the bridge has, as host:port."""
    bind_node_address: bool = False
    """Use the node's internal address alone for media, not every address of the node."""
    drain_deadline_seconds: int = 4 * 3600
    shutdown_delay_seconds: int = 5
    priority_class: str | None = None
    initial_drain: bool = False
    """It starts drained, and serves once that is taken back."""
    participant_stress: float | None = None
    """What one more person adds to a bridge's stress, as far as that was learned."""
    sidecar_image: str | None = None
    """For the stock videobridge: the image of what stands before its REST. None: octobridge."""
    home: Home | None = None
    """Set, the cluster is in another Kubernetes."""
    generation: int = 1
    """Which accounts they log in with."""
