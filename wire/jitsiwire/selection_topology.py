"""Which of a conference's bridges are linked: Jicofo's cascade and its two topologies.

    cascade, added = connect(Topology.SINGLE_MESH, cascade, node)
    cascade, added = remove(Topology.VISITORS, cascade, relay_id)

A link is one pair of bridges in one mesh. Within a mesh every bridge is linked with every other,
and what came in by a link of a mesh leaves by links of *other* meshes only: so meshes form a tree
and everything reaches every bridge once. `behind` tells whose people are announced over a link,
`paths` over which link each bridge hears of somebody.

Participants' bridges are the core, mesh "0". With the visitors' topology each visitors' bridge
hangs on one other bridge by a mesh of its own; when the bridge between two parts goes, they are
joined anew. Values in, values out: nothing here knows of requests.

Source: jicofo 7ebb13dc, bridge/Cascade.kt, SingleMeshTopologyStrategy.kt,
VisitorTopologyStrategy.kt.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from jitsiwire.errors import LocalProtocolError

__all__ = ["CORE_MESH", "Cascade", "Link", "Node", "Topology", "connect", "remove"]

CORE_MESH = "0"


class Topology(StrEnum):
    """`jicofo.bridge.topology-strategy`."""

    SINGLE_MESH = "SingleMeshTopologyStrategy"
    """Every bridge of a conference linked with every other."""
    VISITORS = "VisitorTopologyStrategy"
    """A core of participants' bridges, visitors' bridges around it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A bridge of the conference."""

    relay_id: str
    visitor: bool = False
    """It was taken for visitors."""
    region: str | None = None
    stress: float = 0.0
    """Corrected."""
    overloaded: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Two bridges joined by relays."""

    first: str
    """The relay id of the one that was there before: it connects, to the other's shared port."""
    second: str
    mesh: str

    def other(self, relay_id: str) -> str | None:
        """The far side, seen from one of the two; None from anywhere else."""
        if relay_id == self.first:
            return self.second
        return self.first if relay_id == self.second else None


@dataclass(frozen=True, slots=True)
class Cascade:
    """A conference's bridges and the links between them."""

    nodes: tuple[Node, ...] = ()
    """In the order they came."""
    links: tuple[Link, ...] = ()
    meshes: int = 0
    """How many meshes besides the core's were ever made: their names are never used again."""

    def node(self, relay_id: str) -> Node | None:
        """Find one bridge."""
        return next((node for node in self.nodes if node.relay_id == relay_id), None)

    def neighbours(self, relay_id: str) -> Iterator[tuple[str, str]]:
        """Whom a bridge is linked with, and in which mesh."""
        for link in self.links:
            other = link.other(relay_id)
            if other is not None:
                yield other, link.mesh

    def paths(self, relay_id: str) -> Iterator[tuple[str, str]]:
        """Every other bridge that what is on this one reaches, with the one it comes from there."""
        pending: list[tuple[str, str, str | None]] = [(relay_id, relay_id, None)]
        while pending:
            here, before, mesh = pending.pop(0)
            if mesh is not None:
                yield here, before
            pending += [
                (other, here, onward) for other, onward in self.neighbours(here) if onward != mesh
            ]

    def behind(self, mesh: str, relay_id: str) -> tuple[str, ...]:
        """This bridge and all whose media it brings into a mesh."""
        found, pending = [relay_id], [(relay_id, mesh)]
        while pending:
            here, came_by = pending.pop(0)
            for other, onward in self.neighbours(here):
                if onward != came_by:
                    found.append(other)
                    pending.append((other, onward))
        return tuple(found)

    def distance(self, relay_id: str) -> int | None:
        """Hops to the nearest bridge of participants; None: there is none to be reached."""
        hops = {relay_id: 0}
        for here, before in self.paths(relay_id):
            hops[here] = hops[before] + 1
        core = [hops[node.relay_id] for node in self.nodes if _is_core(node, hops)]
        return min(core, default=None)


def _is_core(node: Node, reached: Iterable[str]) -> bool:
    return not node.visitor and node.relay_id in reached


def connect(topology: Topology, cascade: Cascade, node: Node) -> tuple[Cascade, tuple[Link, ...]]:
    """Take a bridge in; return the cascade with it, and the links that must be made.

    Raises:
        LocalProtocolError: a bridge with that relay id is in it already.
    """
    if cascade.node(node.relay_id) is not None:
        raise LocalProtocolError(f"two bridges of one conference have relay id {node.relay_id!r}")
    cascade, mesh = _mesh_for(topology, cascade, node)
    members = _members(cascade, mesh)
    if cascade.nodes and (len(cascade.nodes) == 1 or not members):
        members = (_contact(topology, cascade, node),)
    links = tuple(Link(member, node.relay_id, mesh) for member in members)
    grown = replace(cascade, nodes=(*cascade.nodes, node), links=(*cascade.links, *links))
    return grown, links


def remove(topology: Topology, cascade: Cascade, relay_id: str) -> tuple[Cascade, tuple[Link, ...]]:
    """Take a bridge out; return the cascade without it, and the links that mend what broke."""
    gone = {mesh for _, mesh in cascade.neighbours(relay_id)}
    parts = _parts_around(cascade, relay_id)
    rest = replace(
        cascade,
        nodes=tuple(node for node in cascade.nodes if node.relay_id != relay_id),
        links=tuple(link for link in cascade.links if link.other(relay_id) is None),
    )
    if len(gone) < 2:
        return rest, ()
    return _mended(topology, rest, parts)


def _mesh_for(topology: Topology, cascade: Cascade, node: Node) -> tuple[Cascade, str]:
    if topology is Topology.SINGLE_MESH or not node.visitor:
        return cascade, CORE_MESH
    return _new_mesh(cascade)


def _new_mesh(cascade: Cascade) -> tuple[Cascade, str]:
    number = cascade.meshes + 1
    return replace(cascade, meshes=number), str(number)


def _members(cascade: Cascade, mesh: str) -> tuple[str, ...]:
    """Who has a link in a mesh."""
    linked = {end for link in cascade.links if link.mesh == mesh for end in _ends(link)}
    return tuple(node.relay_id for node in cascade.nodes if node.relay_id in linked)


def _ends(link: Link) -> tuple[str, str]:
    return link.first, link.second


def _contact(topology: Topology, cascade: Cascade, node: Node) -> str:
    """The one bridge that a new mesh begins at."""
    if topology is Topology.SINGLE_MESH or not node.visitor:
        return cascade.nodes[0].relay_id
    return _best_contact(cascade, node, cascade.nodes).relay_id


def _best_contact(cascade: Cascade, node: Node, among: Sequence[Node]) -> Node:
    """Near the core and little loaded; one that isn't overloaded before one in the same region."""

    def order(one: Node) -> tuple[float, float]:
        hops = cascade.distance(one.relay_id)
        return float("inf") if hops is None else hops, one.stress

    ordered = sorted(among, key=order)
    free = [one for one in ordered if not one.overloaded]
    near = [one for one in free if one.region == node.region]
    same = [one for one in ordered if one.region == node.region]
    return next(iter([*near, *free, *same, *among]))


def _parts_around(cascade: Cascade, relay_id: str) -> tuple[tuple[Node, ...], ...]:
    """What hangs on a bridge, one part for each of its meshes."""
    parts: dict[str, list[str]] = {}
    for other, mesh in cascade.neighbours(relay_id):
        parts.setdefault(mesh, []).extend(cascade.behind(mesh, other))
    return tuple(
        tuple(node for node in cascade.nodes if node.relay_id in part) for part in parts.values()
    )


def _mended(
    topology: Topology, cascade: Cascade, parts: tuple[tuple[Node, ...], ...]
) -> tuple[Cascade, tuple[Link, ...]]:
    if topology is Topology.SINGLE_MESH:
        raise LocalProtocolError("a bridge of a single mesh was in several")
    core = next((part for part in parts if any(not node.visitor for node in part)), parts[0])
    added: list[Link] = []
    for part in parts:
        if part is core:
            continue
        contact = _best_contact(cascade, part[0], core)
        cascade, mesh = _new_mesh(cascade)
        link = Link(part[0].relay_id, contact.relay_id, mesh)
        added.append(link)
    mended = replace(cascade, links=(*cascade.links, *added))
    return mended, tuple(added)
