"""Logging: one JSON object a line on standard output; secrets never, names only at debug.

What other libraries log is theirs: they may print raw stanzas (with ICE passwords), so only
their critical lines come through, and those go through the same formatter.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

__all__ = ["configure", "logger"]

_SECRET_WORDS: Final = ("password", "pwd", "token", "secret", "key", "ufrag")
_CHATTY: Final = ("slixmpp", "aiortc", "aioice", "aiohttp", "asyncio")


def logger(area: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines say which part of the bridge they come from."""
    # structlog's own type is a union of whatever is configured; ours is set in `configure`.
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(area=area)
    return bound


def configure(level: str) -> None:
    """Send everything of this level and above to standard output."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(stream=sys.stdout, level=logging.CRITICAL, format="%(message)s", force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank values whose name says they are secret: the last line of defence, not the first."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS):
            event[name] = "…"
    return event
