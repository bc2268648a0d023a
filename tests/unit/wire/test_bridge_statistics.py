"""A bridge's statistics: absent is None, broken counts as absent, the rest round-trips."""

import json
from dataclasses import fields, replace
from typing import Any
from xml.etree.ElementTree import fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsiwire.brewery import Software, build_version, find_stats, nickname, parse_version, room
from jitsiwire.errors import LocalProtocolError, RemoteProtocolError
from jitsiwire.stats import (
    FILTER,
    TYPES,
    BridgeStats,
    build_presence,
    from_json,
    parse_presence,
    to_json,
)

COLIBRI = "http://jitsi.org/protocol/colibri"

by_type: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(-(10**17), 10**17),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    str: st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")),
}
statistics = st.builds(
    BridgeStats, **{name: st.none() | by_type[kind] for name, kind in TYPES.items()}
)


@given(statistics)
def test_statistics_survive_presence(stats: BridgeStats) -> None:
    element = fromstring(tostring(build_presence(stats), encoding="utf-8"))
    assert parse_presence(element) == stats


@given(statistics)
def test_statistics_survive_json(stats: BridgeStats) -> None:
    assert from_json(json.loads(json.dumps(to_json(stats)))) == stats


def presence(*pairs: tuple[str, str]) -> BridgeStats:
    inner = "".join(f"<stat name='{name}' value='{value}'/>" for name, value in pairs)
    return parse_presence(fromstring(f"<stats xmlns='{COLIBRI}'>{inner}</stats>"))


@pytest.mark.parametrize(
    "pair",
    [
        ("stress_level", "NaN"),
        ("stress_level", "Infinity"),
        ("stress_level", ""),
        ("local_endpoints", "1.5"),
        ("local_endpoints", "many"),
        ("local_endpoints", "9" * 30),
        ("no_such_statistic", "1"),
    ],
)
def test_what_cannot_be_read_is_absent_and_never_zero(pair: tuple[str, str]) -> None:
    assert presence(pair) == BridgeStats()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("no", False)])
def test_a_flag_is_true_only_when_it_says_so(text: str, value: bool) -> None:
    assert presence(("drain", text)).drain is value


def test_javas_notation_of_small_numbers_is_read() -> None:
    assert presence(("stress_level", "1.0E-4")).stress_level == pytest.approx(0.0001)


@pytest.mark.parametrize(
    "data",
    [
        {"local_endpoints": True, "stress_level": "0.1", "drain": 0, "version": 2},
        {"local_endpoints": 1.0, "stress_level": float("inf"), "healthy": None},
        {"local_endpoints": 10**400, "stress_level": 10**400, "threads": -(10**18)},
        {},
    ],
)
def test_json_of_the_wrong_type_is_absent(data: dict[str, object]) -> None:
    assert from_json(data) == BridgeStats()


def test_json_that_is_no_object_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="list"):
        from_json([])


def test_a_filter_leaves_what_jicofo_reads() -> None:
    stats = replace(
        BridgeStats(), stress_level=0.5, version="1", drain=False, local_endpoints=3, threads=7
    )
    kept = parse_presence(build_presence(stats, FILTER))
    assert kept == BridgeStats(stress_level=0.5, version="1", drain=False)
    assert {field.name for field in fields(BridgeStats)} >= FILTER


def test_nonsense_of_ours_is_not_published() -> None:
    with pytest.raises(LocalProtocolError, match="stress_level is nan"):
        build_presence(BridgeStats(stress_level=float("nan")))


def test_a_member_without_statistics_is_no_bridge() -> None:
    assert find_stats(fromstring("<presence xmlns='jabber:client'/>")) is None
    found = find_stats(
        fromstring(
            f"<presence><stats xmlns='{COLIBRI}'>"
            "<stat name='drain' value='true'/></stats></presence>"
        )
    )
    assert found == BridgeStats(drain=True)


def test_two_sets_of_statistics_are_refused() -> None:
    stats = f"<stats xmlns='{COLIBRI}'/>"
    with pytest.raises(RemoteProtocolError, match="more than one"):
        find_stats(fromstring(f"<presence>{stats}{stats}</presence>"))


def test_a_version_survives_the_wire() -> None:
    software = Software("JVB", "2.3.1", "Linux")
    assert parse_version(build_version(software)) == software


def test_addresses_in_the_brewery() -> None:
    assert room("JvbBrewery", "internal-muc.meet.jitsi") == "jvbbrewery@internal-muc.meet.jitsi"
    assert nickname("jvbbrewery@internal-muc.meet.jitsi/eu-0/x") == "eu-0/x"
