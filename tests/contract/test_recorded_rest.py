"""The recorded REST answers of Jicofo and of the bridge parse, and are written the same way."""

import json
from typing import Any

import pytest
from tests.contract.recordings import TRANSCRIPTS

from jitsiwire.jicofo import parse_debug, parse_stats
from jitsiwire.stats import TYPES, from_json, to_json

REST = TRANSCRIPTS / "rest"
SINCE_THEN = {"tcc_unmatched_feedback", "release", "relay_id"}
"""Statistics a recorded bridge doesn't have: newer, unset, or only with relays."""


def load(name: str) -> Any:
    return json.loads((REST / name).read_text())


@pytest.mark.parametrize("path", sorted(REST.glob("*colibri_stats.json")), ids=lambda p: p.name)
def test_a_bridges_statistics_are_rebuilt_the_same(path: Any) -> None:
    data = load(path.name)
    assert to_json(from_json(data)) == data
    assert set(data) | SINCE_THEN >= set(TYPES)


@pytest.mark.parametrize("path", sorted(REST.glob("*jicofo-debug*.json")), ids=lambda p: p.name)
def test_every_bridge_in_debug_is_rebuilt_the_same(path: Any) -> None:
    data = load(path.name)
    debug = parse_debug(data)
    recorded = data["bridge_selector"]["bridge"]
    assert {jid: report.to_json() for jid, report in debug.bridges.items()} == recorded
    assert debug.strategy == data["bridge_selector"]["strategy"]
    assert len(debug.conferences) == len(data["focus_manager"])


def test_brief_and_full_debug_say_the_same() -> None:
    brief, full = (
        parse_debug(load("conf-jicofo-debug.json")),
        parse_debug(load("conf-jicofo-debug_full_true.json")),
    )
    room = "conf2@conference.meet.local"
    assert brief.bridges == full.bridges
    assert brief.conferences[room].size == full.conferences[room].size == 3
    assert full.conferences[room].placements == dict.fromkeys(
        ("100ae523", "6a3b0f67", "e274fa56"), "jvb1"
    )
    assert full.conferences[room].meeting_id == "2432019f-0061-4aeb-83ae-5fc7a32b124d"


@pytest.mark.parametrize(
    ("name", "conferences", "participants", "bridges", "lost"),
    [("idle", 0, 0, 1, 0), ("conf", 1, 3, 1, 3), ("octo-conf", 1, 3, 2, 0)],
)
def test_jicofos_statistics_parse(
    name: str, conferences: int, participants: int, bridges: int, lost: int
) -> None:
    stats = parse_stats(load(f"{name}-jicofo-stats.json"))
    assert (stats.conferences, stats.participants) == (conferences, participants)
    assert (stats.bridge_count, stats.operational_bridge_count) == (bridges, bridges)
    assert (stats.lost_bridges, stats.in_shutdown_bridge_count) == (lost, 0)
    assert stats.version == "1.1.build.git"
