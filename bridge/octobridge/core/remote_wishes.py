"""What other bridges want of the sources that come to them from here.

Each says for each source how much its people want at most (AddReceiver); a source counts every
bridge as one more receiver. What is said of a source that isn't known yet is kept until it is:
signalling and messages travel separately. Bounded, since a peer decides the names.

Source: JVB relay/RelayMessageTransport.kt (addReceiver), AbstractEndpoint.kt.
"""

from typing import Final

from octobridge.core.meshes import Meshes
from octobridge.core.pictures import Pictures, Shown

__all__ = ["RemoteWishes"]

MAX_NAMES: Final = 5_000
"""Sources that one bridge may say something of."""
MAX_NAME: Final = 512


class RemoteWishes:
    """Heights by relay and source; 0 isn't kept."""

    def __init__(self, pictures: Pictures, meshes: Meshes) -> None:
        self._pictures = pictures
        self._meshes = meshes
        self._wanted: dict[int, dict[str, int]] = {}
        pictures.newcomers = self.apply

    def add(self, relay: int) -> None:
        """Take in a relay that has said nothing yet."""
        self._wanted.setdefault(relay, {})

    def want(self, relay: int, source: str, height: int) -> bool:
        """Note what a bridge wants of a source; False when it says too much to be noted."""
        wanted = self._wanted.get(relay)
        if wanted is None or len(source) > MAX_NAME:
            return False
        if source not in wanted and len(wanted) >= MAX_NAMES:
            return False
        self._change(relay, source, wanted.get(source, 0), height)
        if height:
            wanted[source] = height
        else:
            wanted.pop(source, None)
        return True

    def remove(self, relay: int) -> None:
        """Let a relay go: it wants nothing any more."""
        for source, height in self._wanted.pop(relay, {}).items():
            self._change(relay, source, height, 0)

    def apply(self, shown: Shown) -> None:
        """Let a source that is new count what was said of it before."""
        for relay, wanted in self._wanted.items():
            self._change(relay, shown.picture.name, 0, wanted.get(shown.picture.name, 0))

    def of(self, relay: int) -> dict[str, int]:
        """Return what a bridge wants, to look at."""
        return dict(self._wanted.get(relay, {}))

    def _change(self, relay: int, source: str, old: int, new: int) -> None:
        shown = self._pictures.find(source)
        if shown is None or old == new or not self._meshes.passes(shown.transport, relay):
            return
        shown.demand.replace(old, new)
        self._pictures.demanded.add(source)
