"""What passes through: the routes octobridge's own REST has, spelled out one by one.

Whatever isn't here is 404, so that a stock bridge's other private routes (adding brewery accounts,
dumping packets, switching features) stay on loopback. Names in a path are letters, digits,
dashes and underscores, so that no path can become another on its way.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["ROUTES", "Route"]

_NAME: Final = r"[A-Za-z0-9_\-]{1,128}"
_CONFERENCES: Final = "/colibri/v2/conferences"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path that pass."""

    method: str
    path: str
    """As aiohttp's router reads it."""
    queries: tuple[str, ...] = ()
    """Query parameters that pass along."""


ROUTES: Final = (
    Route("GET", "/about/health"),
    Route("GET", "/about/version"),
    Route("GET", "/metrics"),
    Route("GET", "/debug", queries=("full",)),
    Route("GET", f"/debug/{{conference:{_NAME}}}"),
    Route("GET", f"/debug/{{conference:{_NAME}}}/{{endpoint:{_NAME}}}"),
    Route("GET", "/colibri/drain"),
    Route("POST", "/colibri/drain/enable"),
    Route("POST", "/colibri/drain/disable"),
    Route("GET", "/colibri/stats"),
    Route("POST", "/colibri/shutdown"),
    Route("POST", _CONFERENCES),
    Route("POST", f"{_CONFERENCES}/"),
    Route("PATCH", f"{_CONFERENCES}/{{meeting:{_NAME}}}"),
    Route("GET", _CONFERENCES),
    Route("GET", f"{_CONFERENCES}/{{meeting:{_NAME}}}"),
    Route("GET", f"{_CONFERENCES}/{{meeting:{_NAME}}}/dominant-speaker-identification"),
)
