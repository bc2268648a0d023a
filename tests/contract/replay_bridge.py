"""Our bridges as the replay drives them: their own Colibri2 handling, on the recorded clock.

No client answered ICE in the recordings, so the recorded bridges gave those endpoints up: their
counters show ICE failing within 8 s of the peer's credentials, and a look for the dead once a
minute, at a moment that each recording's presences tell (local_endpoints falls to 0 between two of
them, the conference stays). The bridges did reach one another. All of that happens here at the
recorded times; everything else is octobridge's own.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

from tests.contract.recordings import CLIENT, stanzas

from jitsiwire.brewery import find_stats
from jitsiwire.colibri2 import (
    Candidate,
    Colibri2Error,
    ConferenceModified,
    ConferenceModify,
    Fingerprint,
)
from octobridge.core.colibri import Colibri
from octobridge.core.effects import SetRemote
from octobridge.core.expiry import expire
from octobridge.core.health import Health
from octobridge.core.policy import Policy
from octobridge.core.registry import Registry
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic
from octobridge.shell.iq import answer

ROOM = "jvbbrewery@internal.auth.meet.local"
ICE_FAILS_AFTER = 8.0
EXPIRY_PERIOD = 60.0
EXPIRY_PHASES = {"s1": 59.0, "s2": 56.0, "s3": 48.7}
"""Seconds of the recording at which the recorded bridges looked for the dead."""

CANDIDATE = Candidate(1, "1", 0, "c1", 0, "127.0.0.1", 10000, 2130706431, "udp", "host")
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32), "actpass")


class RecordedBridges:
    """The bridges of one recording, by nickname, with the relay ids that they had there."""

    def __init__(self, path: Path) -> None:
        phase = EXPIRY_PHASES[path.name[:2]]
        self.bridges = {
            nickname: RecordedClockBridge(relay_id, phase)
            for nickname, relay_id in _relay_ids(path).items()
        }

    async def __call__(self, request: Element, at: float, bridge: str) -> Element:
        """Let a bridge answer a request."""
        return await self.bridges[bridge](request, at)


def _relay_ids(path: Path) -> dict[str, str | None]:
    """What each bridge published of itself."""
    found: dict[str, str | None] = {}
    for stanza in stanzas(path):
        presence = stanza.element
        if stanza.direction != "C->S" or presence.tag != f"{CLIENT}presence":
            continue
        stats = find_stats(presence)
        if stats is not None:
            found[presence.get("to", "").rpartition("/")[2]] = stats.relay_id
    return found


class OwnPorts:
    """One port of its own for each that asks, as the recorded bridges had."""

    def open(self, transport: int) -> tuple[Candidate, ...]:
        return (replace(CANDIDATE, port=30_000 + transport),)


class RecordedClockBridge:
    """Answers requests as octobridge answers IQs, in its own code from payload to payload."""

    def __init__(self, relay_id: str | None, phase: float) -> None:
        numbers = itertools.count(1)

        def entropy(size: int) -> bytes:
            return next(numbers).to_bytes(8, "big").rjust(size, b"\7")[-size:]

        self.registry = Registry(
            entropy=entropy,
            candidates=(CANDIDATE,),
            fingerprint=FINGERPRINT,
            policy=Policy(relay_id=relay_id),
            ports=OwnPorts(),
        )
        self._phase = phase
        self.colibri = Colibri(self.registry)
        self.reports = Reports(self.registry, Traffic())
        self._told: dict[int, float] = {}
        self._now = 0.0

    async def __call__(self, request: Element, at: float) -> Element:
        """Let the time pass until `at`, then answer."""
        self.pass_time(at)
        given = answer(self, request, ROOM, frozenset({ROOM}), "2.1")
        found = given.result if given.error is None else given.error
        assert found is not None
        return found

    def handle(self, request: ConferenceModify) -> ConferenceModified | Colibri2Error:
        """Handle a request now."""
        outcome = self.colibri.handle(request, self._now)
        for effect in outcome.effects:
            if not isinstance(effect, SetRemote) or effect.ufrag is None:
                continue
            if self.registry.relay_by_transport(effect.transport) is not None:
                self.reports.ice_connected(effect.transport, self._now)
                self.reports.dtls_connected(effect.transport, self._now)
                self.reports.channel_opened(effect.transport)
            else:
                self._told.setdefault(effect.transport, self._now)
        return outcome.reply

    def health(self) -> Health:
        """No recorded Colibri2 request asks for it."""
        raise AssertionError("the replay sends no health checks")

    def pass_time(self, until: float) -> None:
        """Let happen what did until then without being asked for."""
        tick = self._phase + EXPIRY_PERIOD * ((self._now - self._phase) // EXPIRY_PERIOD + 1)
        while tick <= until:
            self._fail_ice(tick)
            for _, relay in self.registry.relays():
                relay.heard(tick)
            expire(self.registry, tick)
            tick += EXPIRY_PERIOD
        self._fail_ice(until)
        self._now = until

    def _fail_ice(self, now: float) -> None:
        for transport, since in list(self._told.items()):
            if now - since >= ICE_FAILS_AFTER:
                self.reports.ice_failed(transport)
                del self._told[transport]
