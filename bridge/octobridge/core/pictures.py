"""The video sources of one conference: what they show, what of them arrives, who wants them.

Everything here is shared by all receivers: the ranking by speech is made once, a source's layers
once per reading, and what is worth sending of them once per constraint.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jitsiwire.bridge_channel import VideoType
from octobridge.core.allocation import Considered, Layer, Limits, consider
from octobridge.core.constraints import Ranking
from octobridge.core.demand import Demand
from octobridge.core.layers import Encoding, Rates, layers_of
from octobridge.core.slots import Key
from octobridge.core.sources import Picture

__all__ = ["SHOWS_NOTHING", "Pictures", "Shown"]

MAX_ANNOUNCED: Final = 20
"""Sources that one person may say something of before they are signalled."""
SHOWS_NOTHING: Final = (VideoType.DISABLED, VideoType.NONE)


@dataclass(slots=True)
class Shown:
    """One video source, with what is known of it."""

    picture: Picture
    owner: str
    """Endpoint id."""
    transport: int
    video_type: VideoType
    encodings: list[Encoding]
    demand: Demand = field(default_factory=Demand)
    watchers: set[int] = field(default_factory=set[int])
    """Transports of the receivers that may get it."""
    _layers: tuple[Layer, ...] | None = None
    _considered: dict[tuple[int, bool], Considered] = field(
        default_factory=dict[tuple[int, bool], Considered]
    )

    @property
    def key(self) -> Key:
        """What subscriptions name it by."""
        return self.transport, self.picture.ssrc

    def considered(self, max_height: int, *, on_stage: bool, limits: Limits) -> Considered:
        """Return what of it is worth sending under a constraint (kept until it changes)."""
        if self._layers is None:
            self._layers = layers_of(self.encodings)
            self._considered.clear()
        known = self._considered.get((max_height, on_stage))
        if known is None:
            known = consider(
                self._layers, self.video_type, max_height, on_stage=on_stage, limits=limits
            )
            # A client may ask for any height; nobody needs many.
            if len(self._considered) >= 64:
                self._considered.clear()
            self._considered[max_height, on_stage] = known
        return known

    def read(self, ssrc: int, layer_bps: Sequence[Rates] | None, height: int) -> bool:
        """Take what was measured; return whether receivers should be allocated for anew.

        Args:
            ssrc: One of its encodings.
            layer_bps: See `layers.Encoding`; None = not measured now.
            height: 0 = unknown.
        """
        encoding = next(one for one in self.encodings if one.ssrc == ssrc)
        changed = encoding.resize(height)
        if layer_bps is not None:
            changed |= encoding.measure(layer_bps)
        self._layers = None
        return changed

    def become(self, video_type: VideoType) -> bool:
        """Show something else; return whether it is something else."""
        if video_type is self.video_type:
            return False
        self.video_type = video_type
        self._layers = None
        return True

    def take_shape(self, picture: Picture) -> None:
        """Follow what is signalled now; encodings that stay keep what was measured."""
        known = {encoding.ssrc: encoding for encoding in self.encodings}
        if picture.video_type is not self.picture.video_type:
            self.video_type = picture.video_type
        self.picture = picture
        self.encodings = [known.get(ssrc) or Encoding(ssrc) for ssrc in picture.ssrcs]
        self._layers = None


class Pictures:
    """All of them, by name and by SSRC."""

    def __init__(self) -> None:
        self._by_name: dict[str, Shown] = {}
        self._by_ssrc: dict[Key, Shown] = {}
        self.demanded: set[str] = set()
        """Names of sources whose demand may have changed; whoever tells their senders clears it."""
        self.newcomers: Callable[[Shown], None] | None = None
        """Is told of each source that is new."""
        self._speech: tuple[str, ...] = ()
        self._ranking: Ranking | None = None
        self._announced: dict[str, dict[str, VideoType]] = {}
        """What people said their sources show before these were signalled."""

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Shown]:
        return iter(self._by_name.values())

    def find(self, name: str) -> Shown | None:
        """Return the source of this name."""
        return self._by_name.get(name)

    def carrying(self, transport: int, ssrc: int) -> Shown | None:
        """Return the source one of whose encodings this is."""
        return self._by_ssrc.get((transport, ssrc))

    def add(self, picture: Picture, owner: str, transport: int) -> Shown | None:
        """Take in a source; None when the name is somebody else's."""
        if picture.name in self._by_name:
            return None
        encodings = [Encoding(ssrc) for ssrc in picture.ssrcs]
        video_type = self._announced.get(owner, {}).pop(picture.name, picture.video_type)
        shown = Shown(picture, owner, transport, video_type, encodings)
        self._by_name[picture.name] = shown
        self._index(shown)
        self._ranking = None
        self.demanded.add(picture.name)
        if self.newcomers is not None:
            self.newcomers(shown)
        return shown

    def reshape(self, shown: Shown, picture: Picture) -> None:
        """Let a source have other encodings, the first one staying."""
        for encoding in shown.encodings:
            self._by_ssrc.pop((shown.transport, encoding.ssrc), None)
        shown.take_shape(picture)
        self._index(shown)
        self._ranking = None

    def remove(self, shown: Shown) -> None:
        """Let a source go."""
        del self._by_name[shown.picture.name]
        for encoding in shown.encodings:
            self._by_ssrc.pop((shown.transport, encoding.ssrc), None)
        self._ranking = None

    def retype(self, shown: Shown, video_type: VideoType) -> bool:
        """Let a source show something else; return whether that's news."""
        if not shown.become(video_type):
            return False
        self._ranking = None
        return True

    def announce(self, owner: str, name: str, video_type: VideoType) -> None:
        """Keep what somebody says of a source that isn't signalled yet: the two ways race."""
        known = self._announced.setdefault(owner, {})
        if name in known or len(known) < MAX_ANNOUNCED:
            known[name] = video_type

    def forget_announced(self, owner: str) -> None:
        """Forget what somebody said who is gone."""
        self._announced.pop(owner, None)

    def set_speech(self, order: Sequence[str]) -> bool:
        """Note who spoke last; return whether that changes the order."""
        if tuple(order) == self._speech:
            return False
        self._speech = tuple(order)
        self._ranking = None
        return True

    @property
    def speech(self) -> Mapping[str, int]:
        """Endpoints by their place in the order of speech."""
        return {endpoint_id: place for place, endpoint_id in enumerate(self._speech)}

    @property
    def ranking(self) -> Ranking:
        """The sources in order of speech; those of people who never spoke, as they came."""
        if self._ranking is None:
            place, last = self.speech, len(self._speech)
            ordered = sorted(self, key=lambda shown: place.get(shown.owner, last))
            self._ranking = Ranking(
                [s.picture.name for s in ordered if s.video_type not in SHOWS_NOTHING],
                [s.picture.name for s in ordered if s.video_type in SHOWS_NOTHING],
            )
        return self._ranking

    def _index(self, shown: Shown) -> None:
        for encoding in shown.encodings:
            self._by_ssrc[shown.transport, encoding.ssrc] = shown
