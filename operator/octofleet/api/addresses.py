"""What can be said about the addresses that bridges tell their participants."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from octofleet.api.kube import KubeModel, ListOf, Rule, rules

__all__ = [
    "PUBLIC_ADDRESS",
    "AddressDefaults",
    "AddressSettings",
    "AddressSource",
    "Addresses",
    "Audience",
    "addresses_of",
]

PUBLIC_ADDRESS: Final = "octofleet.io/public-address"


class AddressSource(StrEnum):
    """Where a bridge's advertised addresses come from."""

    AUTO = "Auto"
    NODE_EXTERNAL_IP = "NodeExternalIP"
    ANNOTATION = "Annotation"
    STUN = "Stun"
    STATIC = "Static"
    NODE_INTERNAL_IP = "NodeInternalIP"


class Audience(StrEnum):
    """From where people reach bridges."""

    INTERNET = "Internet"
    PRIVATE_NETWORK = "PrivateNetwork"


StaticAddress = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,39})(#[0-9]{1,5})?$", max_length=46
    ),
]
StaticAddresses = Annotated[
    tuple[StaticAddress, ...], Field(min_length=1, max_length=32), ListOf("atomic")
]
StunServer = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+:[0-9]{1,5}$", max_length=128)]
StunServers = Annotated[tuple[StunServer, ...], Field(min_length=1, max_length=8), ListOf("atomic")]
AnnotationKey = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        max_length=127,
    ),
]


class AddressSettings(KubeModel, frozen=True):
    """Which addresses a bridge tells its participants."""

    model_config = rules(
        Rule(
            "!has(self.source) || self.source != 'Static' || has(self.static)",
            "addresses.static must list the addresses when addresses.source is Static",
            ".static",
        ),
        Rule(
            "!has(self.static) || (has(self.source) && self.source == 'Static')",
            "addresses.static is only for addresses.source Static",
            ".static",
        ),
        Rule(
            "!has(self.source) || self.source != 'Stun' || has(self.stunServers)",
            "addresses.stunServers must name a server when addresses.source is Stun",
            ".stunServers",
        ),
    )

    source: AddressSource | None = None
    """Auto: the node's ExternalIP, else its annotation, else what a server of `stunServers` sees,
    else the node's own addresses. NodeExternalIP, Annotation: that alone, and a bridge doesn't
    start on a node without it. Stun: what a server of `stunServers` sees. Static: the list in
    `static`. NodeInternalIP: the node's internal address alone."""
    static: StaticAddresses | None = None
    """Public addresses as IP or IP#port. Every bridge of the region advertises all of them and
    ICE finds the one that leads to it, so list one entry for each node behind NAT."""
    annotation: AnnotationKey | None = None
    """The node annotation that holds its public addresses as IP or IP#port, a comma list;
    octofleet.io/public-address by default."""
    stun_servers: StunServers | None = None
    """STUN servers as host:port for Stun and Auto; none is ever asked that isn't named here."""
    audience: Audience | None = None
    """Internet (the default): people come from anywhere, and bridges need public addresses.
    PrivateNetwork: everyone is in the bridges' own network, and private addresses are right."""


class AddressDefaults(AddressSettings, frozen=True):
    """Which addresses a bridge tells its participants."""

    source: AddressSource = AddressSource.AUTO
    """Auto: the node's ExternalIP, else its annotation, else what a server of `stunServers` sees,
    else the node's own addresses. NodeExternalIP, Annotation: that alone, and a bridge doesn't
    start on a node without it. Stun: what a server of `stunServers` sees. Static: the list in
    `static`. NodeInternalIP: the node's internal address alone."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What holds for a region's bridges, without anything left out."""

    source: AddressSource
    static: tuple[str, ...] = ()
    annotation: str = PUBLIC_ADDRESS
    stun_servers: tuple[str, ...] = ()
    private_network: bool = False


def addresses_of(said: AddressDefaults) -> Addresses:
    """Return what holds where this is said."""
    return Addresses(
        source=said.source,
        static=said.static or (),
        annotation=said.annotation or PUBLIC_ADDRESS,
        stun_servers=said.stun_servers or (),
        private_network=said.audience is Audience.PRIVATE_NETWORK,
    )
