"""Where news of transports comes in: each is told to the core, and what follows is done at once.

Links and the engine's events report here; a report about a transport that is gone is no news.
"""

import asyncio
from collections.abc import Callable, Sequence

from octobridge.core.conversations import Conversations, Level
from octobridge.core.effects import Effect
from octobridge.core.messages import Messages
from octobridge.core.reports import Reports
from octobridge.shell.logs import logger

__all__ = ["Reception"]

_log = logger("bridge")


class Reception:
    """Implements `link.Reporter`.

    Args:
        reports: Takes what concerns connections.
        conversations: Takes audio levels.
        apply: Does what follows.
    """

    def __init__(
        self,
        reports: Reports,
        conversations: Conversations,
        apply: Callable[[list[Effect]], None],
    ) -> None:
        self._reports = reports
        self._messages = Messages(reports.registry)
        self._conversations = conversations
        self._apply = apply

    # ---- connections ----------------------------------------------------------------------

    def ice_connected(self, transport: int) -> None:
        """See `core.reports`."""
        self._apply(self._reports.ice_connected(transport, self._now()))

    def ice_failed(self, transport: int) -> None:
        """See `core.reports`."""
        _log.info("ICE failed", transport=transport)
        self._reports.ice_failed(transport)

    def ice_restarted(self, transport: int, generation: int) -> None:
        """See `core.reports`."""
        _log.info("ICE restarted", transport=transport, generation=generation)
        self._reports.ice_restarted(transport, generation)

    def ice_restart_failed(self, transport: int, generation: int) -> None:
        """See `core.reports`."""
        _log.info("ICE restart failed", transport=transport, generation=generation)
        self._reports.ice_restart_failed(transport, generation)

    def consent_lost(self, transport: int) -> None:
        """See `core.reports`."""
        self._apply(self._reports.consent_lost(transport))

    def dtls_connected(self, transport: int) -> None:
        """See `core.reports`."""
        self._reports.dtls_connected(transport, self._now())

    def dtls_failed(self, transport: int) -> None:
        """See `core.reports`."""
        self._reports.dtls_failed(transport)

    # ---- message channels -----------------------------------------------------------------

    def channel_opened(self, transport: int) -> None:
        """See `core.reports` and `core.messages`."""
        self._reports.channel_opened(transport)
        self._apply(self._messages.opened(transport))

    def channel_closed(self, transport: int) -> None:
        """See `core.reports`."""
        self._reports.channel_closed(transport)

    def channel_text(self, transport: int, text: str) -> None:
        """See `core.messages`."""
        self._apply(self._messages.received(transport, text, self._now()))

    # ---- media ----------------------------------------------------------------------------

    def audio_levels(self, levels: Sequence[Level]) -> None:
        """See `core.conversations`."""
        self._apply(self._conversations.levels(levels, self._now()))

    def bandwidth(self, transport: int, bps: int) -> None:
        """See `core.reports`."""
        self._reports.bandwidth(transport, bps)

    def encoding_activity(self, transport: int, ssrc: int, active: bool) -> None:
        """See `core.reports`."""
        self._reports.encoding_activity(transport, ssrc, active=active)

    def picture_size(self, transport: int, ssrc: int, width: int, height: int) -> None:
        """See `core.reports`."""
        self._reports.picture_size(transport, ssrc, width, height)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
