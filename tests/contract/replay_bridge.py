"""Our bridge as the replay drives it: its own Colibri2 handling, on the recorded clock.

Nobody answered ICE in the recording, so the recorded bridge gave those endpoints up: its counters
show ICE failing within 8 s of the peer's credentials, and a look for the dead once a minute at
second 59 (local_endpoints falls from 3 to 0 between two presences, the conference stays). Both
happen here at the recorded times; everything else is octobridge's own.
"""

import itertools
from xml.etree.ElementTree import Element

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
from octobridge.core.registry import Registry
from octobridge.core.reports import Reports
from octobridge.core.traffic import Traffic
from octobridge.shell.iq import answer

ROOM = "jvbbrewery@internal.auth.meet.local"
ICE_FAILS_AFTER = 8.0
EXPIRY_PERIOD = 60.0
EXPIRY_PHASE = 59.0

CANDIDATE = Candidate(1, "1", 0, "c1", 0, "127.0.0.1", 10000, 2130706431, "udp", "host")
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32), "actpass")


class RecordedClockBridge:
    """Answers requests as octobridge answers IQs, in its own code from payload to payload."""

    def __init__(self) -> None:
        numbers = itertools.count(1)

        def entropy(size: int) -> bytes:
            return next(numbers).to_bytes(8, "big").rjust(size, b"\7")[-size:]

        self.registry = Registry(entropy=entropy, candidates=(CANDIDATE,), fingerprint=FINGERPRINT)
        self.colibri = Colibri(self.registry)
        self.reports = Reports(self.registry, Traffic())
        self._told: dict[int, float] = {}
        self._now = 0.0

    async def __call__(self, request: Element, at: float) -> Element:
        """Let the time pass until `at`, then answer."""
        self._pass_time(at)
        given = answer(self, request, ROOM, frozenset({ROOM}), "2.1")
        found = given.result if given.error is None else given.error
        assert found is not None
        return found

    def handle(self, request: ConferenceModify) -> ConferenceModified | Colibri2Error:
        """Handle a request now."""
        outcome = self.colibri.handle(request, self._now)
        for effect in outcome.effects:
            if isinstance(effect, SetRemote) and effect.ufrag is not None:
                self._told.setdefault(effect.transport, self._now)
        return outcome.reply

    def health(self) -> Health:
        """No recorded Colibri2 request asks for it."""
        raise AssertionError("the replay sends no health checks")

    def _pass_time(self, until: float) -> None:
        tick = EXPIRY_PHASE + EXPIRY_PERIOD * ((self._now - EXPIRY_PHASE) // EXPIRY_PERIOD + 1)
        while tick <= until:
            self._fail_ice(tick)
            expire(self.registry, tick)
            tick += EXPIRY_PERIOD
        self._fail_ice(until)
        self._now = until

    def _fail_ice(self, now: float) -> None:
        for transport, since in list(self._told.items()):
            if now - since >= ICE_FAILS_AFTER:
                self.reports.ice_failed(transport)
                del self._told[transport]
