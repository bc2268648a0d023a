"""What passes through, spelled out route by route.

Of a bridge: what octobridge's own REST has. Of Jicofo: its view of bridges and conferences, and
the call that moves people, as the operator uses them; with a region's pass only off its bridges.

Whatever isn't here is 404, so that other private routes (adding brewery accounts, dumping packets,
pinning versions) stay behind. Names in a path are letters, digits,
dashes and underscores, so that no path can become another on its way.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["BRIDGE", "JICOFO", "Route"]

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
    acts_on: str = ""
    """The one of them that names a bridge, which must be of the region whose pass is shown."""


BRIDGE: Final = (
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

JICOFO: Final = (
    Route("GET", "/debug", queries=("full",)),
    Route(
        "GET",
        "/move-endpoints/move-endpoints",
        queries=("bridge", "conference", "numEndpoints"),
        acts_on="bridge",
    ),
)
