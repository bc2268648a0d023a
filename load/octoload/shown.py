"""What should reach a participant: all that was announced, or what its bridge says it sends. Pure.

Whoever asks for a few pictures of many learns by `ForwardedSources` which of them it gets; to
expect the others as well would be to call a bridge's obedience a loss.
"""

from collections.abc import Iterable

from jitsiwire.bridge_channel import ForwardedSources, parse
from jitsiwire.errors import RemoteProtocolError
from octoload.accounting import Expected
from octoload.signalling_media import RemoteSource

__all__ = ["Shown"]


class Shown:
    """The others' sources as one participant should get them.

    Args:
        by_bridge: Whether the bridge's word decides which pictures are expected.
    """

    def __init__(self, *, by_bridge: bool) -> None:
        self._by_bridge = by_bridge
        self._sources: dict[int, RemoteSource] = {}
        self._forwarded: frozenset[str] = frozenset()

    def replace(self, sources: Iterable[RemoteSource]) -> list[Expected]:
        """These are all there are; return what to expect of them."""
        self._sources = {source.ssrc: source for source in sources}
        return self._expected(self._sources.values())

    def change(self, removed: Iterable[int], added: Iterable[RemoteSource]) -> list[Expected]:
        """Some went, some came; return what to expect of those that came."""
        for ssrc in removed:
            self._sources.pop(ssrc, None)
        came = {source.ssrc: source for source in added}
        self._sources |= came
        return self._expected(came.values())

    def heard(self, text: str) -> list[Expected]:
        """Take a message of the bridge; return what to expect now, if that changed."""
        if not self._by_bridge or ForwardedSources.__name__ not in text:
            return []
        try:
            message = parse(text)
        except RemoteProtocolError:
            return []
        if not isinstance(message, ForwardedSources):
            return []
        self._forwarded = frozenset(message.forwarded_sources)
        return self._expected(self._sources.values())

    def _expected(self, sources: Iterable[RemoteSource]) -> list[Expected]:
        return [Expected(one.ssrc, one.muted or self._is_left_out(one)) for one in sources]

    def _is_left_out(self, source: RemoteSource) -> bool:
        return self._by_bridge and source.kind == "video" and source.name not in self._forwarded
