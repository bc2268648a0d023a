"""What the recorded bridges told of themselves ours would have, too: the same names and values.

The recorded requests go to our bridges at their times. A recorded presence tells what was true
some seconds before: bridges look at themselves every five seconds and publish as often. Left aside
is what only media, clients' ICE or the machine decide. Totals count from a recording's first
presence, as some bridges had carried calls before.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from tests.contract.recordings import CLIENT, Exchange, exchanges, stanzas
from tests.contract.replay import RECORDINGS, Recording
from tests.contract.replay_bridge import RecordedBridges

from jitsiwire.brewery import find_stats
from jitsiwire.stats import TYPES, BridgeStats
from octobridge.core.reporting import Surroundings, stats
from octobridge.core.traffic import Traffic

NOW = [
    "conferences",
    "local_endpoints",
    "endpoints",
    "participants",
    "visitors",
    "largest_conference",
    "inactive_conferences",
    "inactive_endpoints",
    "p2p_conferences",
    "octo_conferences",
    "octo_endpoints",
    "local_active_endpoints",
    "receive_only_endpoints",
    "endpoints_sending_audio",
    "endpoints_sending_video",
]
SO_FAR = [
    "total_conferences_created",
    "total_conferences_completed",
    "total_participants",
    "total_visitors",
    "total_relays",
    "num_eps_no_msg_transport_after_delay",
    "num_relays_no_msg_transport_after_delay",
    "total_ice_succeeded",
    "relays_ice_failed",
    "dtls_failed_endpoints",
    "dtls_failed_relays",
    "endpoints_disconnected",
    "endpoints_reconnected",
]
NOT_OURS = {"endpoints_with_spurious_remb", "total_ice_succeeded_relayed"}
"""What nobody counts here: unknown isn't zero."""
LATE = 12.0
"""Seconds by which a presence may be behind, with some to spare."""
STEP = 0.5
AROUND = Surroundings(stress=0.1, healthy=True, timestamp="2026-01-01 00:00:00.000", threads=1)


@dataclass
class Replayed:
    """Our bridges on a recording's clock, and what they would have told when."""

    bridges: RecordedBridges
    now: float = 0.0
    told: dict[str, list[tuple[float, BridgeStats]]] = field(
        default_factory=lambda: defaultdict[str, list[tuple[float, BridgeStats]]](list)
    )

    def until(self, at: float) -> None:
        """Let the time pass."""
        while self.now + STEP < at:
            self.now += STEP
            self.look()

    async def ask(self, exchange: Exchange) -> None:
        """Let a bridge answer."""
        await self.bridges(exchange.request, exchange.at, exchange.bridge)
        self.now = exchange.at
        self.look()

    def look(self) -> None:
        """Note what each would tell now."""
        for name, bridge in self.bridges.bridges.items():
            bridge.pass_time(self.now)
            bridge.reports.readings([], [], self.now)
            found = stats(bridge.registry, Traffic(), Traffic(), AROUND)
            self.told[name].append((self.now, found))

    def lately(self, name: str, at: float) -> list[BridgeStats]:
        """What one of them would have told in time for a presence."""
        return [told for when, told in self.told[name] if at - LATE <= when <= at]


def presences(recording: Recording) -> Iterator[tuple[float, str, BridgeStats]]:
    """Every presence of a bridge: when, by whom, and what it says."""
    for stanza in stanzas(recording.path):
        presence = stanza.element
        if stanza.direction == "C->S" and presence.tag == f"{CLIENT}presence":
            found = find_stats(presence)
            if found is not None:
                yield stanza.at, presence.get("to", "").rpartition("/")[2], found


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: one.path.name[:2])
async def test_our_bridges_tell_of_themselves_what_the_recorded_ones_told(
    recording: Recording,
) -> None:
    ours = Replayed(RecordedBridges(recording.path))
    asked = [e for e in exchanges(recording.path) if e.line not in recording.unheard]
    before: dict[str, BridgeStats] = {}
    compared, wrong = 0, list[str]()
    for at, name, told in presences(recording):
        while asked and asked[0].at <= at:
            ours.until(asked[0].at)
            await ours.ask(asked.pop(0))
        ours.until(at)
        first = before.setdefault(name, told)
        lately = ours.lately(name, at)
        compared += bool(lately)
        for key in (*NOW, *SO_FAR) if lately else ():
            wanted = getattr(told, key) - (getattr(first, key) if key in SO_FAR else 0)
            if wanted not in (found := {getattr(one, key) for one in lately}):
                wrong.append(f"{at:.1f} {name}: {key} recorded {wanted}, ours {sorted(found)}")
    assert wrong == []
    assert compared > 10


def test_our_bridges_publish_every_recorded_name() -> None:
    bridges = RecordedBridges(RECORDINGS[1].path)
    bridge = next(iter(bridges.bridges.values()))
    published = stats(bridge.registry, Traffic(), Traffic(), AROUND)
    ours = {name for name in TYPES if getattr(published, name) is not None}
    recorded = {
        name
        for _, _, told in presences(RECORDINGS[1])
        for name in TYPES
        if getattr(told, name) is not None
    }
    assert recorded - ours == NOT_OURS | {"region"}, "the replayed bridges are in no region"
