"""The operator's HTTP server: is it alive, is it at work, how is it doing."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from octofleet.shell.telemetry import Telemetry

ALIVE_FLOOR_SECONDS = 90.0


class Health:
    """Judges whether reconciles still complete."""

    def __init__(self, period_seconds: float, clock: Callable[[], float]) -> None:
        self._limit = max(3 * period_seconds, ALIVE_FLOOR_SECONDS)
        self._clock = clock
        self._waiting_since: float | None = None
        self.leading = False

    def expected(self) -> None:
        """Note that a reconcile is due."""
        if self._waiting_since is None:
            self._waiting_since = self._clock()

    def completed(self) -> None:
        """Note that a reconcile has completed, well or badly."""
        self._waiting_since = None

    @property
    def alive(self) -> bool:
        """Return False when something was due and nothing completed for three periods."""
        return self._waiting_since is None or self._clock() - self._waiting_since < self._limit


async def serve(host: str, port: int, health: Health, telemetry: Telemetry) -> web.AppRunner:
    """Start the server; the caller cleans the runner up."""

    async def healthz(_: web.Request) -> web.Response:
        if health.alive:
            return web.Response(text="ok")
        return web.Response(status=503, text="no reconcile completed in three periods")

    async def readyz(_: web.Request) -> web.Response:
        # A standby is ready too: it waits for the Lease, and a Deployment must not wait for it.
        return web.Response(text="leading" if health.leading else "standing by")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(telemetry.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
