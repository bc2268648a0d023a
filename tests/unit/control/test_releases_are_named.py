"""A release is what people set: it can be made again from its text, and nothing else changes it."""

from dataclasses import replace

import pytest
from tests.unit.control.worlds import region

from octofleet.core import releases
from octofleet.core.manifests import mapping

DOMAIN = "meet.example.org"
SPECS: tuple[dict[str, object], ...] = (
    {},
    {"bridge": {"image": "bridge:2", "port": 10001}},
    {"bridge": {"resources": {"requests": {"cpu": "3"}, "limits": {"cpu": "4"}}}},
    {"bridge": {"nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}]}},
    {"bridge": {"addresses": {"source": "Static", "static": ["192.0.2.1#10000"]}}},
    {"bridge": {"engine": "jvb"}, "placement": {"region": "eu-1", "zones": ["a"]}},
)


@pytest.mark.parametrize("spec", SPECS)
def test_bridges_of_a_release_can_be_made_again_from_its_text(spec: dict[str, object]) -> None:
    wanted = region(spec)
    text = releases.text_of(wanted, DOMAIN)
    made = releases.made_from(region(), text)
    assert made is not None
    assert releases.text_of(made.region, made.domain) == text
    assert mapping.bridge_settings(made.region, made.domain) == mapping.bridge_settings(
        wanted, DOMAIN
    )


def test_every_change_of_a_bridge_is_another_release() -> None:
    names = {releases.name_of(releases.text_of(region(spec), DOMAIN)) for spec in SPECS}
    assert len(names) == len(SPECS)
    assert releases.text_of(region(), "other.example") != releases.text_of(region(), DOMAIN)


def test_other_accounts_are_another_release_that_can_be_made_again_and_the_first_are_none() -> None:
    plain = region()
    later = replace(plain, bridge=replace(plain.bridge, accounts=2))
    text = releases.text_of(later, DOMAIN)
    assert text != releases.text_of(plain, DOMAIN)
    made = releases.made_from(plain, text)
    assert made is not None
    assert mapping.bridge_settings(made.region, made.domain).generation == 2
    assert "accounts" not in releases.text_of(plain, DOMAIN)


def test_sizing_draining_and_probing_make_no_other_release() -> None:
    plain = releases.text_of(region(), DOMAIN)
    assert releases.text_of(region(maxBridges=9, drain={"deadline": "9h"}), DOMAIN) == plain
    assert releases.text_of(region({"bridge": {"probe": "Off"}}), DOMAIN) == plain


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"bridge": {"image": 1}}'])
def test_a_text_that_makes_no_sense_makes_no_bridge(text: str) -> None:
    assert releases.made_from(region(), text) is None
