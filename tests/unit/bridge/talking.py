"""What tests of the message channel begin with: a call whose clients have channels."""

import json
from collections.abc import Iterable
from typing import Any

from tests.unit.bridge import given

from jitsiwire import colibri2 as wire
from jitsiwire.colibri2 import Sctp
from octobridge.core.conference import Conference
from octobridge.core.effects import Effect, SendMessage
from octobridge.core.endpoint import Endpoint
from octobridge.core.messages import Messages
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic


class Call:
    """One conference; everyone's channel is open, their transports count from 2."""

    def __init__(
        self, *names: str, visitors: Iterable[str] = (), policy: Policy | None = None
    ) -> None:
        handler = given.colibri(policy)
        self.registry: Registry = handler.registry
        self.reports = Reports(self.registry, Traffic())
        self.messages = Messages(self.registry)
        self.now = 0.0
        visiting = set(visitors)
        for number, name in enumerate(names):
            role = "visitor" if name in visiting else None
            endpoint = given.new_endpoint(name, muc_role=role, sctp=Sctp())
            request = given.create(endpoint) if number == 0 else given.modify(endpoint)
            given.reply_of(handler.handle(request, 0))
        self.handler = handler
        for endpoint in self.conference.endpoints:
            self.reports.channel_opened(endpoint.transport)
            self.messages.opened(endpoint.transport)

    @property
    def conference(self) -> Conference:
        """The one conference."""
        return self.registry.conferences[0]

    def endpoint(self, name: str) -> Endpoint:
        """Someone in it."""
        found = self.conference.find(name)
        assert found is not None
        return found

    def shows(self, name: str, ssrc: int, layers: int = 1) -> list[Effect]:
        """Let someone switch the camera on."""
        source = given.camera(name, ssrc, layers)
        outcome = self.handler.handle(given.modify(wire.Endpoint(name, sources=(source,))), 0)
        given.reply_of(outcome)
        return list(outcome.effects)

    def step(self) -> list[Effect]:
        """Let adaptation do what is due."""
        self.now += 1.0
        return self.registry.step(self.now)

    def say(self, name: str, message: dict[str, Any] | str) -> list[Effect]:
        """Let someone write a message."""
        text = message if isinstance(message, str) else json.dumps(message)
        return self.messages.received(self.endpoint(name).transport, text, self.now)

    def told(self, effects: Iterable[Effect]) -> dict[str, list[dict[str, Any]]]:
        """What each one is told by these effects."""
        told: dict[str, list[dict[str, Any]]] = {}
        for effect in effects:
            if isinstance(effect, SendMessage):
                found = self.registry.by_transport(effect.transport)
                assert found is not None
                told.setdefault(found[1].id, []).append(json.loads(effect.text))
        return told

    def dropped(self) -> dict[str, int]:
        """Messages that came to nothing."""
        return dict(self.registry.counters.messages_dropped)
