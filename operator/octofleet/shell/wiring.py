"""The operator put together from its parts."""

import asyncio
import time
from collections.abc import Callable, Sequence

import httpx
import structlog

from octofleet.api.effective import DEFAULT_BRIDGE_IMAGE
from octofleet.shell.actuator import Actuator
from octofleet.shell.bells import Bells, Key
from octofleet.shell.breweries import Breweries
from octofleet.shell.bridges import BridgeClient
from octofleet.shell.cluster_loop import ClusterReconciler
from octofleet.shell.credentials import Keeper
from octofleet.shell.endpoints import ClusterName, Endpoints, ServiceEndpoints
from octofleet.shell.handlers import CLUSTER, REGION, Loops
from octofleet.shell.jicofo import JicofoClient
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.linkwatch import LinkPorts, LinkWatch
from octofleet.shell.nodewatch import NodeWatch
from octofleet.shell.observer import Observer, Ports
from octofleet.shell.podwatch import PodWatch
from octofleet.shell.probing import Prober
from octofleet.shell.proving import DEFAULT_LOAD_IMAGE, Prover
from octofleet.shell.publishing import Publisher
from octofleet.shell.reconciling import Boundary
from octofleet.shell.recorder import Recorder
from octofleet.shell.regions import RegionReconciler
from octofleet.shell.remote import Homes, RemoteEndpoints
from octofleet.shell.restarting import Restarter
from octofleet.shell.rotating import Rotator
from octofleet.shell.serving import Health
from octofleet.shell.settings import Settings
from octofleet.shell.surroundings import SurroundingsReader
from octofleet.shell.telemetry import Telemetry
from octofleet.shell.webs import WebKeeper

_log = structlog.get_logger()


class Operator:
    """One operator at work on one API server."""

    def __init__(
        self,
        settings: Settings,
        api: KubernetesCluster,
        health: Health,
        telemetry: Telemetry,
        endpoints: Endpoints | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        endpoints = RemoteEndpoints(endpoints or ServiceEndpoints())
        self.bells = Bells()
        self._http = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        self.breweries = Breweries(endpoints, settings.identity, clock, self._presence)
        self.watch = PodWatch(api, self.bells, REGION)
        jicofo, bridges = JicofoClient(self._http), BridgeClient(self._http)
        self._jicofo = jicofo
        homes = Homes(api, endpoints, self.breweries, jicofo)
        observer = Observer(
            Ports(api, jicofo, bridges, self.breweries, endpoints, self.watch, clock)
        )
        prover = Prover(api, settings.load_image or DEFAULT_LOAD_IMAGE)
        actuator = Actuator(api, bridges, jicofo, endpoints, observer, clock, prover)
        recorder = Recorder(api, settings.identity, clock)
        publisher = Publisher(api, recorder, telemetry, clock)
        image = settings.bridge_image or DEFAULT_BRIDGE_IMAGE
        self._prober = Prober(api, self.breweries, image, clock)
        self._around = SurroundingsReader(api, self.breweries, clock)
        regions = RegionReconciler(
            settings,
            api,
            observer,
            actuator,
            publisher,
            self._prober,
            homes,
            self._around,
            clock,
        )
        links = LinkWatch(LinkPorts(api, observer, bridges, endpoints, clock))
        keeper = Keeper(api, clock)
        rotator = Rotator(api, keeper, self.breweries, endpoints, clock)
        restarter = Restarter(api, observer, clock)
        webs = WebKeeper(api, settings.cluster_domain, clock)
        clusters = ClusterReconciler(
            settings, api, self.breweries, publisher, links, keeper, rotator, restarter, webs, clock
        )
        self.nodes = NodeWatch(api, self._nodes_changed)
        self._observer = observer
        self.loops = Loops(
            self.bells,
            cluster=Boundary(clusters.reconcile, health, telemetry, clock).reconcile,
            region=Boundary(regions.reconcile, health, telemetry, clock).reconcile,
        )

    async def watching(self, namespaces: Sequence[str]) -> None:
        """Watch bridges' pods and nodes for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.watch.run(namespaces))
            group.create_task(self.nodes.run())

    async def close(self) -> None:
        """Let go of every connection."""
        await self._prober.close()
        await self._around.close()
        await self.breweries.close()
        await self._jicofo.close()
        await self._http.aclose()

    def _nodes_changed(self, node: str) -> None:
        """Wake every region: a node has come, is leaving or has gone."""
        _log.debug("Node changed", node=node)
        self._observer.forget_nodes()
        self.bells.ring_all(REGION)

    def _presence(self, cluster: ClusterName) -> None:
        """Wake the regions of a namespace whose brewery has news."""
        self.bells.ring_all(REGION, cluster.namespace)
        self.bells.ring(Key(CLUSTER, cluster.namespace, cluster.name))
