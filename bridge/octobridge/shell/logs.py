"""Logging: one JSON object a line on standard output; secrets never, names only at debug.

What libraries log is let through only where it can't hold a stanza or a packet: slixmpp prints
raw XML (with ICE passwords) when it fails to parse it, so it stays silent; errors of asyncio and
aiohttp are bugs of ours and come through.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import Processor

__all__ = ["configure", "logger"]

_SECRET_WORDS: Final = ("password", "pwd", "token", "secret", "key", "ufrag")
_TRUSTED: Final = ("asyncio", "aiohttp")


def logger(area: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines say which part of the bridge they come from."""
    # structlog's own type is a union of whatever is configured; ours is set in `configure`.
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(area=area)
    return bound


def configure(level: str) -> None:
    """Send everything of this level and above to standard output."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        structlog.processors.format_exc_info,
    ]
    _configure_libraries(shared)
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )


def _configure_libraries(shared: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.CRITICAL, force=True)
    for name in _TRUSTED:
        logging.getLogger(name).setLevel(logging.ERROR)


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank values whose name says they are secret: the last line of defence, not the first."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "…"
    return event
