"""OctoRegion: a fleet of videobridges in one region, joined to a JitsiCluster."""

from typing import Annotated, Literal

from pydantic import Field

from octofleet.api.autoscaling import AutoscalingSettings
from octofleet.api.bridges import BridgeSettings
from octofleet.api.kube import KubeModel, ListOf, Name, ObjectMeta, Rule, rules
from octofleet.api.status import RegionStatus
from octofleet.api.web import RegionWeb

__all__ = ["ClusterRef", "JoinSecretRef", "OctoRegion", "OctoRegionSpec", "Placement"]

LabelValue = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", min_length=1, max_length=63)
]


class ClusterRef(KubeModel, frozen=True):
    """The JitsiCluster that a region joins, in the region's namespace."""

    name: Annotated[Name, Field(max_length=40)]
    """The JitsiCluster's name."""


class JoinSecretRef(KubeModel, frozen=True):
    """The Secret, in the region's namespace, that joins it to a JitsiCluster elsewhere."""

    name: Annotated[Name, Field(max_length=40)]
    """The Secret's name; `octofleet join-token` makes it."""


class Placement(KubeModel, frozen=True):
    """Where on the map the region's bridges run, by the labels that clouds put on nodes."""

    region: LabelValue | None = None
    """Only nodes with this value of topology.kubernetes.io/region. Left out: wherever
    bridge.nodeSelector allows."""
    zones: (
        Annotated[tuple[LabelValue, ...], Field(min_length=1, max_length=16), ListOf("set")] | None
    ) = None
    """Only nodes in one of these zones (topology.kubernetes.io/zone). Bridges are spread over
    zones in any case."""


class OctoRegionSpec(KubeModel, frozen=True):
    """What a region's fleet should be."""

    model_config = rules(
        Rule(
            "has(self.clusterRef) != has(self.joinSecretRef)",
            "exactly one of clusterRef and joinSecretRef must be set",
            ".clusterRef",
        ),
        Rule(
            "has(self.clusterRef) == has(oldSelf.clusterRef)"
            " && (!has(self.clusterRef) || self.clusterRef == oldSelf.clusterRef)",
            "clusterRef can't be changed: make a new OctoRegion instead",
            ".clusterRef",
        ),
        Rule(
            "has(self.joinSecretRef) == has(oldSelf.joinSecretRef)"
            " && (!has(self.joinSecretRef) || self.joinSecretRef == oldSelf.joinSecretRef)",
            "joinSecretRef can't be changed: make a new OctoRegion instead",
            ".joinSecretRef",
        ),
        Rule(
            "!has(self.web) || has(self.clusterRef)",
            "web needs a JitsiCluster in this Kubernetes: from another one only Prosody's port for"
            " bridges is reached",
            ".web",
        ),
    )

    cluster_ref: ClusterRef | None = None
    """The JitsiCluster that the region joins, in this Kubernetes."""
    join_secret_ref: JoinSecretRef | None = None
    """Instead of clusterRef: the JitsiCluster is in another Kubernetes, and this is how to reach
    it. What its resource would say by default (size, bridge, autoscaling) is then said here."""
    region: Name
    """The region's name, as Jicofo and the participants know it."""
    region_group: Name | None = None
    """Regions of one group count as near one another: people of a meeting that is on a bridge of
    the group already are put there, rather than on another one of their own region; and where a
    region is full, they go to another of its group. Only for regions with little delay between."""
    placement: Placement = Placement()
    """Where on the map the region's bridges run."""
    bridge: BridgeSettings = BridgeSettings()
    """How the region's bridges run; what is left out comes from the JitsiCluster."""
    replicas: Annotated[int, Field(ge=0, le=1000)] = 2
    """Number of bridges in modes External and Recommend, obeyed as it is. Never written by the
    operator."""
    autoscaling: AutoscalingSettings = AutoscalingSettings()
    """How the region is sized; what is left out comes from the JitsiCluster."""
    web: RegionWeb | None = None
    """Set, the region has web servers of its own, whatever `controller.web.mode` of its
    JitsiCluster says of those that are everyone's. Image and resources are the same as theirs."""

    @property
    def cluster(self) -> str:
        """What its cluster is called here: no JitsiCluster that is here can have a dot in it."""
        if self.join_secret_ref is not None:
            return f"join.{self.join_secret_ref.name}"
        return "" if self.cluster_ref is None else self.cluster_ref.name


class OctoRegion(KubeModel, frozen=True):
    """A fleet of videobridges in one region, joined to a JitsiCluster."""

    model_config = rules(
        Rule(
            "size(self.metadata.name) <= 50",
            "metadata.name must be at most 50 characters: the bridge pods' names start with it",
        )
    )

    api_version: Literal["octofleet.io/v1alpha1"] = "octofleet.io/v1alpha1"
    kind: Literal["OctoRegion"] = "OctoRegion"
    metadata: ObjectMeta
    spec: OctoRegionSpec
    status: RegionStatus | None = None
