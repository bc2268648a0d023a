"""Candidates: what is offered, in which order of preference."""

import pytest
from tests.unit.bridge.given import counting_entropy

from octobridge.core.candidates import (
    LocalAddress,
    Mapping,
    PortRange,
    is_private,
    local_candidates,
    parse_mapping,
    parse_port_range,
)
from octobridge.core.minting import Mint

MINT = Mint(counting_entropy())
INSIDE = LocalAddress("10.0.0.7", 10000)


def test_one_address_and_one_mapping_have_the_usual_priorities() -> None:
    host, public = local_candidates([INSIDE], [Mapping("203.0.113.9")], MINT)
    assert (host.type, host.ip, host.port, host.priority) == ("host", "10.0.0.7", 10000, 2130706431)
    assert (public.type, public.ip, public.port) == ("srflx", "203.0.113.9", 10000)
    assert public.priority == 1694498815
    assert (public.rel_addr, public.rel_port) == ("10.0.0.7", 10000)
    assert host.foundation != public.foundation
    assert host.id != public.id


def test_mapped_port_is_offered() -> None:
    _, public = local_candidates([INSIDE], [parse_mapping("203.0.113.9#20000")], MINT)
    assert public.port == 20000


def test_earlier_addresses_are_preferred_and_all_priorities_differ() -> None:
    addresses = [INSIDE, LocalAddress("10.0.1.7", 10000), LocalAddress("fd00::1", 10000)]
    made = local_candidates(addresses, [Mapping("203.0.113.9"), Mapping("203.0.113.10")], MINT)
    priorities = [c.priority for c in made]
    assert priorities == sorted(set(priorities), reverse=True)
    assert all(0 < p < 2**31 for p in priorities)


def test_mapping_of_a_family_that_is_not_listened_on_is_left_out() -> None:
    assert len(local_candidates([INSIDE], [Mapping("2001:db8::9")], MINT)) == 1


def test_mapping_of_an_own_address_repeats_nothing() -> None:
    own = LocalAddress("8.8.8.8", 10000)
    assert len(local_candidates([own], [Mapping("8.8.8.8"), Mapping("8.8.8.8")], MINT)) == 1


@pytest.mark.parametrize(
    ("text", "mapping"),
    [
        ("203.0.113.9", Mapping("203.0.113.9")),
        (" 203.0.113.9#7 ", Mapping("203.0.113.9", 7)),
        ("2001:DB8::9#7", Mapping("2001:db8::9", 7)),
    ],
)
def test_mappings_are_read(text: str, mapping: Mapping) -> None:
    assert parse_mapping(text) == mapping


@pytest.mark.parametrize("text", ["", "host", "1.2.3.4#", "1.2.3.4#0", "1.2.3.4#65536", "#5"])
def test_bad_mappings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_mapping(text)


def test_private_addresses_are_known() -> None:
    assert [is_private(ip) for ip in ("10.1.2.3", "127.0.0.1", "fe80::1", "8.8.8.8")] == [
        True,
        True,
        True,
        False,
    ]


def test_port_ranges_are_read() -> None:
    assert parse_port_range("20000-20009") == PortRange(20000, 20009)
    assert len(parse_port_range("5-5")) == 1
    assert len(PortRange()) == 1


@pytest.mark.parametrize(
    "text", ["", "5", "5-", "-5", "0-5", "9-5", "1-65536", "a-b", "1-2-3", "1-\u0662"]
)
def test_bad_port_ranges_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_port_range(text)
