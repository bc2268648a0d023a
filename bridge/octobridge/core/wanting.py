"""What is wanted of each video source, told to who sends it: a client here, or his bridge.

A source's demand counts the receivers here and the other bridges it goes to. When the most of it
changes, the sender is told: by SenderSourceConstraints one's own client, by AddReceiver the bridge
that the source comes from.

Source: JVB AbstractEndpoint.kt (receiver constraints), relay/RelayedEndpoint.kt.
"""

from jitsiwire.bridge_channel import (
    AddReceiver,
    Message,
    SenderSourceConstraints,
    VideoConstraints,
)
from octobridge.core.effects import Effect, say
from octobridge.core.meshes import Meshes
from octobridge.core.pictures import Pictures, Shown
from octobridge.core.remote_wishes import RemoteWishes

__all__ = ["Wanting"]


class Wanting:
    """See the module.

    Args:
        pictures: The conference's sources.
        meshes: Its relays.
        relay_id: What other bridges call this one.
    """

    def __init__(self, pictures: Pictures, meshes: Meshes, relay_id: str) -> None:
        self.remote = RemoteWishes(pictures, meshes)
        self._pictures = pictures
        self._meshes = meshes
        self._relay_id = relay_id

    def of(self, shown: Shown) -> Message:
        """Return what tells a sender, or its bridge, what it was last told of a source."""
        height, name = shown.demand.told or 0, shown.picture.name
        if shown.transport not in self._meshes:
            return SenderSourceConstraints(source_name=name, max_height=height)
        wanted = VideoConstraints(max_height=height)
        return AddReceiver(bridge_id=self._relay_id, source_name=name, video_constraints=wanted)

    def over(self, relay: int) -> list[Effect]:
        """Return what tells a bridge all that is wanted of its people's sources."""
        return [
            say(relay, self.of(shown))
            for shown in self._pictures
            if shown.transport == relay and shown.demand.told is not None
        ]

    def tell(self, now: float, *, alone: bool) -> list[Effect]:
        """Tell senders what is wanted of them, where that changed.

        Alone, nobody is told anything for the first time: whoever comes may want all of it.
        """
        effects: list[Effect] = []
        demanded, self._pictures.demanded = self._pictures.demanded, set()
        for shown in map(self._pictures.find, demanded):
            if shown is None:
                continue
            demand = shown.demand
            if (alone and demand.told is None) or demand.told == demand.greatest:
                continue
            if demand.may_tell(now):
                demand.told = demand.greatest
                effects.append(say(shown.transport, self.of(shown)))
            else:
                self._pictures.demanded.add(shown.picture.name)
        return effects
