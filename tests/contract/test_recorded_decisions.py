"""Our view of bridges and our selection come to what the real Jicofo came to.

Presences and allocations of a recording are played to `BridgeView` and `select`; the recorded
`/debug` and the bridge each recorded request went to are the answers.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from tests.contract.recordings import CLIENT, TRANSCRIPTS, Stanza, exchanges, stanzas

from jitsiwire.brewery import find_stats
from jitsiwire.bridge_view import BridgeConfig, BridgeView
from jitsiwire.colibri2 import ConferenceModify
from jitsiwire.colibri2_xml import parse_request
from jitsiwire.jicofo import BridgeReport, parse_debug, report
from jitsiwire.selection import (
    ConferenceBridge,
    Participant,
    SelectionSettings,
    Strategy,
    select,
)


@dataclass
class Watcher:
    """Sees what the focus saw."""

    bridges: dict[str, BridgeView] = field(default_factory=dict[str, BridgeView])

    def presence(self, stanza: Stanza) -> None:
        stats = find_stats(stanza.element)
        if stats is not None:
            jid = str(stanza.element.get("to"))
            known = self.bridges.get(jid) or BridgeView.create(jid, BridgeConfig())
            self.bridges[jid] = known.seen(stats, stanza.at)

    def placed(self, jid: str, at: float) -> None:
        self.bridges[jid] = self.bridges[jid].endpoint_added(at)

    def expired(self, jid: str) -> None:
        self.bridges[jid] = self.bridges[jid].endpoints_removed(1)


def events(file: str) -> Iterator[tuple[Stanza, ConferenceModify | None]]:
    """Every presence, and every request that a focus sent to a bridge."""
    path = TRANSCRIPTS / file
    requests = {exchange.line: exchange.request for exchange in exchanges(path)}
    for stanza in stanzas(path):
        if stanza.element.tag == f"{CLIENT}presence":
            yield stanza, None
        elif stanza.line in requests and stanza.jid.startswith("focus@"):
            yield stanza, parse_request(requests[stanza.line])


def moment(file: str, rest: str) -> float:
    """When a REST answer was taken, on the recording's clock: by the bridge's own timestamps."""

    def parse(text: str) -> datetime:
        return datetime.strptime(text + "+0000", "%Y-%m-%d %H:%M:%S.%f%z")

    for stanza in stanzas(TRANSCRIPTS / file):
        stats = find_stats(stanza.element)
        if stats is not None and stats.current_timestamp is not None:
            taken = json.loads((TRANSCRIPTS / "rest" / rest).read_text())["current_timestamp"]
            return stanza.at + (parse(taken) - parse(stats.current_timestamp)).total_seconds()
    raise AssertionError(f"{file} holds no timestamp")


@pytest.mark.parametrize(
    ("file", "stats", "debug", "restarts"),
    [
        (
            "s1-single-jicofo-jvb.xml",
            "conf-jvb8080-colibri_stats.json",
            "conf-jicofo-debug.json",
            {"jvb1": 2},
        ),
        (
            "s2-octo-jicofo-jvb.xml",
            "octo-conf-jvb8081-colibri_stats.json",
            "octo-conf-jicofo-debug.json",
            {},
        ),
    ],
)
def test_our_view_of_a_bridge_is_jicofos(
    file: str, stats: str, debug: str, restarts: dict[str, int]
) -> None:
    end = moment(file, stats)
    watcher = Watcher()
    for stanza, request in events(file):
        if stanza.at > end:
            break
        if request is None:
            watcher.presence(stanza)
            continue
        jid = str(stanza.element.get("to"))
        for endpoint in request.endpoints:
            if endpoint.create:
                watcher.placed(jid, stanza.at)
            if endpoint.expire:
                watcher.expired(jid)
        if request.expire:
            remaining = watcher.bridges[jid].endpoints
            watcher.bridges[jid] = watcher.bridges[jid].endpoints_removed(remaining)
    recorded = parse_debug(json.loads((TRANSCRIPTS / "rest" / debug).read_text()))
    for jid, said in recorded.bridges.items():
        view = watcher.bridges[jid]
        for _ in range(restarts.get(view.nickname, 0)):  # clients asked for them by Jingle
            view = view.restart_requested(end - 1)
        ours = report(view, end)
        assert ours.corrected_stress == pytest.approx(said.corrected_stress, abs=1e-12)
        assert _without_stress(ours) == _without_stress(said)
        assert ours.stress == said.stress


def _without_stress(said: BridgeReport) -> dict[str, object]:
    values = said.to_json()
    del values["corrected-stress"]
    return values


def test_the_recorded_shutdown_latches() -> None:
    watcher = Watcher()
    drains: list[bool] = []
    for stanza, request in events("s1-single-jicofo-jvb.xml"):
        if request is None:
            watcher.presence(stanza)
            (view,) = watcher.bridges.values()
            if not drains or drains[-1] != view.drain:
                drains.append(view.drain)
    (view,) = watcher.bridges.values()
    assert view.graceful_shutdown
    assert view.shutting_down
    assert drains == [False, True, False]


REGIONS = {"d2fc6095": "region1", "1d9af3dd": "region2", "682696fe": "region1"}
"""Of the participants of s3, as their presences say."""
KILLED = {("s3-region-jicofo-jvb.xml", 68): "jvb2"}
"""Where a recording shows that a bridge was killed: its leaving was delivered, not sent."""


def joined(watcher: Watcher, placed: dict[str, str], at: float) -> list[ConferenceBridge]:
    """The conference's bridges, in the order it came to them."""
    order = list(dict.fromkeys(placed.values()))
    return [
        ConferenceBridge(watcher.bridges[jid].candidate(at), list(placed.values()).count(jid))
        for jid in order
    ]


@pytest.mark.parametrize(
    ("file", "strategy", "regions", "placements"),
    [
        ("s1-single-jicofo-jvb.xml", Strategy.SINGLE, {}, 8),
        ("s2-octo-jicofo-jvb.xml", Strategy.SPLIT, {}, 4),
        ("s3-region-jicofo-jvb.xml", Strategy.REGION_BASED, REGIONS, 4),
    ],
)
def test_our_selection_is_jicofos(
    file: str, strategy: Strategy, regions: dict[str, str], placements: int
) -> None:
    settings = SelectionSettings(multi_bridge=strategy is not Strategy.SINGLE)
    watcher, placed, seen = Watcher(), dict[str, str](), 0
    for stanza, request in events(file):
        if request is None:
            watcher.presence(stanza)
            continue
        theirs = str(stanza.element.get("to"))
        killed = KILLED.get((file, stanza.line))
        watcher.bridges = {j: v for j, v in watcher.bridges.items() if v.nickname != killed}
        for endpoint in request.endpoints:
            if endpoint.expire:
                placed.pop(endpoint.id, None)
            if not endpoint.create:
                continue
            candidates = [view.candidate(stanza.at) for view in watcher.bridges.values()]
            person = Participant(regions.get(endpoint.id))
            using = joined(watcher, placed, stanza.at)
            chosen = select(strategy, candidates, using, person, settings)
            assert chosen is not None
            assert chosen.jid == theirs, f"{file}:{stanza.line}"
            placed[endpoint.id] = chosen.jid
            watcher.placed(chosen.jid, stanza.at)
            seen += 1
        if request.expire:
            placed = {who: where for who, where in placed.items() if where != theirs}
    assert seen == placements
