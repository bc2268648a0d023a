"""Several bridges' cores in one process, linked as a focus does it, with their messages passed on.

No clock runs but the one that `settle` moves; what one bridge sends another arrives in order.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.unit.bridge import given

from jitsiwire import bridge_channel as wire
from jitsiwire.colibri2 import ConferenceModify, Endpoint, MediaSource, Relay
from octobridge.core import effects as fx
from octobridge.core.colibri import Colibri
from octobridge.core.conference import Conference
from octobridge.core.messages import Messages
from octobridge.core.policy import Policy
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic


@dataclass
class Person:
    """Somebody, and what he was told, oldest first."""

    name: str
    bridge: str
    sources: tuple[MediaSource, ...]
    told: list[wire.Message] = field(default_factory=list[wire.Message])

    def last_wanted(self, source: str) -> int | None:
        """What he was last told is wanted of one of his sources."""
        told = [m for m in self.told if isinstance(m, wire.SenderSourceConstraints)]
        return next((m.max_height for m in reversed(told) if m.source_name == source), None)


class Core:
    """One bridge."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.colibri = Colibri(given.registry(Policy(relay_id=name)))
        self.reports = Reports(self.colibri.registry, Traffic())
        self.messages = Messages(self.colibri.registry)
        self.created = False

    @property
    def conference(self) -> Conference:
        """The meeting's part here."""
        return self.colibri.registry.conferences[0]


class Bridges:
    """See the module."""

    def __init__(self, names: Iterable[str]) -> None:
        self.cores = {name: Core(name) for name in names}
        self.people: dict[str, Person] = {}
        self.now = 0.0
        self._links: dict[tuple[str, str], str] = {}
        """Meshes by pair of bridges."""
        self._on_its_way: deque[tuple[Core, int, str]] = deque()
        for core in self.cores.values():
            # Somebody sits on each bridge, so that the conference is there.
            self._modify(core, given.new_endpoint(f"host-{core.name}"))

    def link(self, one: str, other: str, mesh: str) -> None:
        """Link two bridges, both sides of it."""
        self._links[one, other] = self._links[other, one] = mesh
        for here, there in ((one, other), (other, one)):
            # Over a link come those of its bridge, and of bridges of other meshes behind it.
            people = [
                given.relayed(p.name, *p.sources)
                for p in self.people.values()
                if p.bridge == there or self._comes_through(p.bridge, here, there)
            ]
            self._ask(here, given.new_relay(there, *people, mesh=mesh, opens=here == one))
        for here, there in ((one, other), (other, one)):
            transport = self._transport(here, there)
            core = self.cores[here]
            core.reports.channel_opened(transport)
            self._apply(core, core.messages.opened(transport))
        # Bridges of other meshes learn who comes by way of the new link.
        for person in self.people.values():
            self._announce(person, given.relayed(person.name, *person.sources))

    def join(self, bridge: str, name: str, *sources: MediaSource) -> None:
        """Let somebody in."""
        person = self.people[name] = Person(name, bridge, sources)
        core = self.cores[bridge]
        self._modify(core, given.new_endpoint(name))
        self._modify(core, Endpoint(name, sources=sources))
        transport = self._client(person)
        core.reports.channel_opened(transport)
        self._apply(core, core.messages.opened(transport))
        self._announce(person, given.relayed(name, *sources))

    def leave(self, name: str) -> None:
        """Let somebody go."""
        person = self.people.pop(name)
        gone = Endpoint(name, expire=True)
        self._modify(self.cores[person.bridge], gone)
        self._announce(person, gone)

    def say(self, name: str, message: wire.Message) -> None:
        """Let somebody write a message."""
        person = self.people[name]
        core = self.cores[person.bridge]
        text = wire.build(message)
        self._apply(core, core.messages.received(self._client(person), text, self.now))

    def settle(self, seconds: int = 20) -> None:
        """Let time pass until everything that follows has followed."""
        for _ in range(seconds):
            self.now += 1.0
            for core in self.cores.values():
                self._apply(core, core.colibri.registry.step(self.now))
            self._deliver()

    # ---- signalling -----------------------------------------------------------------------

    def _comes_through(self, bridge: str, here: str, there: str) -> bool:
        mesh, behind = self._links[here, there], self._links.get((there, bridge))
        return bridge != here and behind is not None and behind != mesh

    def _announce(self, person: Person, endpoint: Endpoint) -> None:
        for here, there in self._links:
            if there == person.bridge or self._comes_through(person.bridge, here, there):
                self._ask(here, Relay(there, endpoints=(endpoint,)))

    def _modify(self, core: Core, endpoint: Endpoint) -> None:
        request = given.modify(endpoint) if core.created else given.create(endpoint)
        core.created = True
        outcome = core.colibri.handle(request, self.now)
        given.reply_of(outcome)
        self._apply(core, outcome.effects)

    def _ask(self, bridge: str, relay: Relay) -> None:
        core = self.cores[bridge]
        request = ConferenceModify(given.MEETING, relays=(relay,))
        outcome = core.colibri.handle(request, self.now)
        given.reply_of(outcome)
        self._apply(core, outcome.effects)

    # ---- messages -------------------------------------------------------------------------

    def _client(self, person: Person) -> int:
        endpoint = self.cores[person.bridge].conference.find(person.name)
        assert endpoint is not None
        return endpoint.transport

    def _transport(self, here: str, there: str) -> int:
        relay = self.cores[here].conference.find_relay(there)
        assert relay is not None
        return relay.transport

    def _apply(self, core: Core, effects: Iterable[fx.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, fx.SendMessage):
                self._on_its_way.append((core, effect.transport, effect.text))

    def _deliver(self) -> None:
        passed = 0
        while self._on_its_way:
            core, transport, text = self._on_its_way.popleft()
            passed += 1
            assert passed < 10_000, "messages go round in circles"
            found = core.colibri.registry.peer(transport)
            if found is None:
                continue
            name = found[1].id
            if name in self.people:
                self.people[name].told.append(wire.parse(text))
            elif name in self.cores:
                other = self.cores[name]
                back = self._transport(name, core.name)
                self._apply(other, other.messages.received(back, text, self.now))
