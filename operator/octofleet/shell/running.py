"""The operator's process: connect, hold the Lease, then work until told to stop."""

import asyncio
import contextlib
import logging
import signal
import time
from typing import Final

import kopf
import structlog

from octofleet.shell import handlers, kube, serving
from octofleet.shell.errors import KubeError
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.lease import Lease
from octofleet.shell.serving import Health
from octofleet.shell.settings import Settings
from octofleet.shell.telemetry import Telemetry
from octofleet.shell.wiring import Operator

LEASE_NAME: Final = "octofleet-operator"
CRD_RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 3.0

_log = structlog.get_logger()


def configure_logging(level: str) -> None:
    """Write JSON lines; libraries' own chatter only from WARNING on."""
    numeric = logging.getLevelNamesMapping().get(level, logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
    )
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for name in ("kopf", "httpx", "slixmpp"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def run(settings: Settings) -> int:
    """Run the operator; return the process' exit status."""
    configure_logging(settings.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health, telemetry = Health(settings.period_seconds, time.time), Telemetry()
    server = await serving.serve(settings.listen_host, settings.listen_port, health, telemetry)
    cluster = await KubernetesCluster.connect(settings.kubeconfig)
    try:
        return await _lead(settings, cluster, (health, telemetry), stop)
    finally:
        await cluster.close()
        await server.cleanup()


async def _lead(
    settings: Settings,
    cluster: KubernetesCluster,
    seen_by: tuple[Health, Telemetry],
    stop: asyncio.Event,
) -> int:
    health, telemetry = seen_by
    lease = Lease(cluster, settings.own_namespace, LEASE_NAME, settings.identity, time.time)
    if not await _first(_ready_to_lead(cluster, settings, lease), stop):
        return 0
    health.leading = True
    telemetry.leader.set(1)
    work = asyncio.create_task(_work(settings, cluster, seen_by, stop))
    hold = asyncio.create_task(lease.hold())
    await asyncio.wait((work, hold), return_when=asyncio.FIRST_COMPLETED)
    lost = hold.done()
    stop.set()
    if lost:
        # Another may act from now on: whatever is under way is cut off, not finished.
        work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(work, STOP_SECONDS if lost else None)
    hold.cancel()
    if not lost:
        await lease.release()
    return 1 if lost else 0


async def _first(ready: asyncio.Future[None] | asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Return whether `ready` came before the order to stop."""
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((ready, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ready.done():
        ready.cancel()
        return False
    ready.result()
    return True


def _ready_to_lead(
    cluster: KubernetesCluster, settings: Settings, lease: Lease
) -> asyncio.Task[None]:
    async def steps() -> None:
        # In this order: nobody renews the Lease while the kinds are waited for.
        await _until_served(cluster, settings)
        await lease.acquire()

    return asyncio.create_task(steps())


async def _until_served(cluster: KubernetesCluster, settings: Settings) -> None:
    """Wait until the API server knows both kinds: kopf looks for them only once."""
    namespace = settings.namespaces[0] if settings.namespaces else None
    told = False
    while True:
        try:
            await cluster.list(kube.CLUSTERS, namespace)
            await cluster.list(kube.REGIONS, namespace)
        except KubeError as error:
            if not told:
                _log.warning("Waiting for the CustomResourceDefinitions", error=str(error))
            told = True
        else:
            return
        await asyncio.sleep(CRD_RETRY_SECONDS)


async def _work(
    settings: Settings,
    cluster: KubernetesCluster,
    seen_by: tuple[Health, Telemetry],
    stop: asyncio.Event,
) -> None:
    operator = Operator(settings, cluster, *seen_by)
    watch = asyncio.create_task(operator.watching(settings.namespaces))
    # It ends only by a bug. Then a new process is better than one that sees no pod events.
    watch.add_done_callback(lambda _: stop.set())
    try:
        await kopf.operator(
            registry=handlers.registry(operator.loops),
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            stop_flag=stop,
        )
    finally:
        broken = watch.exception() if watch.done() and not watch.cancelled() else None
        watch.cancel()
        await operator.close()
    if broken is not None:
        raise broken
