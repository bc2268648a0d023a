"""Jicofo's JSON: tolerant to read, never mistaking unknown for zero."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.bridge_view import BridgeConfig, BridgeView
from jitsiwire.errors import RemoteProtocolError
from jitsiwire.jicofo import (
    BridgeReport,
    MoveReply,
    parse_debug,
    parse_move,
    parse_stats,
    report,
)
from jitsiwire.stats import BridgeStats

KEYS = (
    *("bridge_selector", "bridge", "focus_manager", "drain", "stress", "region", "strategy"),
    *("colibri_session_manager", "participants", "movedEndpoints", "conferences"),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(anything)
def test_reading_is_total(data: object) -> None:
    for parse in (parse_debug, parse_stats, parse_move):
        with suppress(RemoteProtocolError):
            parse(data)


def test_no_bridge_selector_is_not_no_bridges() -> None:
    with pytest.raises(RemoteProtocolError, match="bridge_selector"):
        parse_debug({"focus_manager": {}})


def test_null_strings_and_wrong_types_are_unknown() -> None:
    bridge = {"region": "null", "drain": "false", "stress": None, "endpoints": True, "new": 1}
    debug = parse_debug({"bridge_selector": {"bridge": {"b@m/n": bridge}}})
    assert debug.bridges == {"b@m/n": BridgeReport()}


@pytest.mark.parametrize("number", [10**400, float("inf"), float("nan")])
def test_numbers_that_make_no_sense_are_unknown(number: float) -> None:
    bridge = {"stress": number, "endpoints": number}
    selector = {"bridge": {"b@m/n": bridge}, "bridge_count": number}
    debug = parse_debug({"bridge_selector": selector, "focus_manager": {"r@m": number}})
    assert debug.bridges == {"b@m/n": BridgeReport()}
    assert debug.conferences["r@m"].size is None
    assert parse_stats({"bridge_selector": selector}).bridge_count is None


def test_a_move_reply_without_numbers_is_refused() -> None:
    assert parse_move({"movedEndpoints": 3, "conferences": 1}) == MoveReply(3, 1)
    with pytest.raises(RemoteProtocolError):
        parse_move({"movedEndpoints": "3", "conferences": 1})


def test_a_report_survives_json() -> None:
    view = BridgeView.create("b@m/n", BridgeConfig()).seen(
        BridgeStats(stress_level=0.25, drain=False, version="2.1", region="eu"), 5.0
    )
    said = report(view.endpoint_added(5.0), 6.0)
    assert said.corrected_stress == pytest.approx(0.26)
    text = json.dumps({"bridge_selector": {"bridge": {"b@m/n": said.to_json()}}})
    assert parse_debug(json.loads(text)).bridges["b@m/n"] == said
    assert said.to_json()["relay-id"] == "null"
