"""A model of the engine's forwarding, and a conference to try on it.

The model takes effects as the engine takes commands, and refuses what would make no sense there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.unit.bridge import given

from jitsiwire import bridge_channel as wire
from jitsiwire.colibri2 import Capability, ConferenceModify, Endpoint, MediaSource, Relay
from octobridge.core import effects as fx
from octobridge.core.adaptation import Adaptation
from octobridge.core.messages import Messages
from octobridge.core.policy import Policy
from octobridge.core.relay import Relay as CoreRelay
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic

REWRITING = (*given.CAPABILITIES, str(Capability.SSRC_REWRITING), str(Capability.RTP_MID_DEMUX))
RATES = {
    0: (50_000, 80_000, 120_000),
    1: (200_000, 300_000, 450_000),
    2: (800_000, 1_200_000, 2_000_000),
}
"""Of the encodings of a camera."""


@dataclass
class Model:
    """See the module."""

    sources: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])
    subscriptions: dict[tuple[int, int, int], fx.Subscribe] = field(
        default_factory=dict[tuple[int, int, int], fx.Subscribe]
    )
    targets: dict[tuple[int, int, int], tuple[int, int]] = field(
        default_factory=dict[tuple[int, int, int], tuple[int, int]]
    )
    probing: dict[int, int] = field(default_factory=dict[int, int])
    told: list[tuple[int, wire.Message]] = field(default_factory=list[tuple[int, wire.Message]])
    alive: dict[int, int] = field(default_factory=dict[int, int])
    """Transports with their meshes."""

    def apply(self, effects: Iterable[fx.Effect]) -> None:
        for effect in effects:
            self._apply(effect)
            outgoing = [(s.receiver, s.out_ssrc or s.ssrc) for s in self.subscriptions.values()]
            assert len(outgoing) == len(set(outgoing)), effect

    def _apply(self, effect: fx.Effect) -> None:
        match effect:
            case fx.CreateTransport(transport=transport, mesh=mesh):
                self.alive[transport] = mesh
            case fx.RemoveTransport(transport):
                del self.alive[transport]
                self.sources = {k: v for k, v in self.sources.items() if k[0] != transport}
                self._drop(lambda receiver, sender, _: transport in (receiver, sender))
                self.probing.pop(transport, None)
            case fx.AddSource(transport, ssrc, kind):
                self.sources[transport, ssrc] = kind
            case fx.RemoveSource(transport, ssrc):
                del self.sources[transport, ssrc]
                self._drop(lambda _, sender, of: (sender, of) == (transport, ssrc))
            case fx.Subscribe(receiver, sender, ssrc, whole=whole):
                assert receiver in self.alive
                assert receiver != sender
                assert whole == (self.alive[receiver] > 0)
                assert not whole or self.alive[receiver] != self.alive[sender]
                assert self.sources[sender, ssrc] in ("audio", "video")
                assert (receiver, sender, ssrc) not in self.subscriptions
                self.subscriptions[receiver, sender, ssrc] = effect
            case fx.Unsubscribe(receiver, sender, ssrc):
                del self.subscriptions[receiver, sender, ssrc]
                self.targets.pop((receiver, sender, ssrc), None)
            case fx.SetTarget(receiver, sender, ssrc, encoding, temporal):
                assert self.sources[sender, ssrc] == "video"
                assert not self.subscriptions[receiver, sender, ssrc].whole
                assert self.targets.get((receiver, sender, ssrc)) != (encoding, temporal)
                self.targets[receiver, sender, ssrc] = encoding, temporal
            case fx.SetProbing(transport, bps):
                assert transport in self.alive
                assert self.probing.get(transport, 0) != bps
                self.probing[transport] = bps
            case fx.SendMessage(transport, text):
                assert transport in self.alive
                self.told.append((transport, wire.parse(text)))
            case _:
                pass

    def _drop(self, gone: Callable[[int, int, int], bool]) -> None:
        self.subscriptions = {k: v for k, v in self.subscriptions.items() if not gone(*k)}
        self.targets = {k: v for k, v in self.targets.items() if not gone(*k)}


class Call:
    """A conference on a model, driven by its signalling and its clients' messages."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.handler = given.colibri(policy)
        self.model = Model()
        self.now = 0.0
        self._begun = False

    @property
    def adaptation(self) -> Adaptation:
        return self.handler.registry.conferences[0].adaptation

    def modify(self, endpoint: Endpoint) -> None:
        request = given.modify(endpoint) if self._begun else given.create(endpoint)
        self._begun = True
        outcome = self.handler.handle(request, self.now)
        self.model.apply(outcome.effects)

    def join(
        self, name: str, *sources: MediaSource, rewrites: bool = False, channel: bool = True
    ) -> int:
        """Let someone in; return the transport."""
        capabilities = REWRITING if rewrites else given.CAPABILITIES
        self.modify(given.new_endpoint(name, capabilities=capabilities))
        self.modify(Endpoint(name, sources=sources))
        if channel:
            Reports(self.handler.registry, Traffic()).channel_opened(self.transport(name))
            self.model.apply(Messages(self.handler.registry).opened(self.transport(name)))
        return self.transport(name)

    def leave(self, name: str) -> None:
        self.modify(Endpoint(name, expire=True))

    def ask_relay(self, relay: Relay) -> Relay:
        """Ask for something about a relay that must work."""
        outcome = self.handler.handle(ConferenceModify(given.MEETING, relays=(relay,)), self.now)
        self.model.apply(outcome.effects)
        return given.reply_of(outcome).relays[0]

    def link(self, name: str, *people: Endpoint, mesh: str = "0", opens: bool = False) -> int:
        """Link another bridge with people on it, and open the message channel; its transport."""
        self.ask_relay(given.new_relay(name, *people, mesh=mesh, opens=opens))
        relay = self.relay(name)
        registry = self.handler.registry
        Reports(registry, Traffic()).channel_opened(relay.transport)
        self.model.apply(Messages(registry).opened(relay.transport))
        return relay.transport

    def relay(self, name: str) -> CoreRelay:
        """A link by the other bridge's relay id."""
        found = self.handler.registry.conferences[0].find_relay(name)
        assert found is not None
        return found

    def say(self, transport: int, message: wire.Message) -> None:
        """Write into a message channel."""
        effects = Messages(self.handler.registry).received(transport, wire.build(message), self.now)
        self.model.apply(effects)

    def transport(self, name: str) -> int:
        endpoint = self.handler.registry.conferences[0].find(name)
        assert endpoint is not None
        return endpoint.transport

    def want(self, name: str, **constraints: object) -> None:
        """Say ReceiverVideoConstraints; names as in Python."""
        message = wire.ReceiverVideoConstraints.model_validate(constraints)
        self.model.apply(self.adaptation.set_receiver_constraints(name, message))

    def arrive(self, transport: int, *ssrcs: int, height: int = 180) -> None:
        """Let encodings of a camera arrive, lowest first."""
        for number, ssrc in enumerate(ssrcs):
            self.adaptation.set_reading(
                transport, ssrc, layer_bps=[RATES[number]], height=height << number
            )

    def step(self, seconds: float = 0.2) -> None:
        self.now += seconds
        self.model.apply(self.handler.registry.step(self.now))

    def whole(self, relay: int) -> dict[tuple[int, int], int]:
        """What is sent over a relay: the SSRC of repairs by sender and SSRC."""
        return {
            (sender, ssrc): subscription.out_rtx_ssrc
            for (r, sender, ssrc), subscription in self.model.subscriptions.items()
            if r == relay and subscription.whole
        }

    def seen(self, receiver: int) -> dict[tuple[int, int], tuple[int, int]]:
        """What a receiver is sent: encoding and temporal layer by sender and SSRC."""
        return {
            (sender, ssrc): target
            for (r, sender, ssrc), target in self.model.targets.items()
            if r == receiver and target[0] >= 0
        }

    def told(self, transport: int, kind: type[wire.Message]) -> list[wire.Message]:
        """What a client was told of one kind; forgets everything told so far."""
        found = [m for t, m in self.model.told if t == transport and isinstance(m, kind)]
        self.model.told.clear()
        return found
