"""The condition Linked: what a region says of the way to its cluster."""

from dataclasses import replace

from tests.unit.control.test_troubles_are_named import CLUSTER, TWO, condition, said, status
from tests.unit.control.worlds import NOW

from octofleet.core.conditions import ConditionType
from octofleet.core.events import region_notices

T = ConditionType
ABROAD = replace(CLUSTER, remote="https://198.51.100.7:30443", brewery_seen_at=NOW)


def test_a_region_beside_its_cluster_needs_no_link() -> None:
    assert said(status(*TWO), T.LINKED) == ("True", "AtHome")


def test_a_region_elsewhere_is_linked_while_both_servers_answer() -> None:
    assert said(status(*TWO, cluster=ABROAD), T.LINKED) == ("True", "LinkUp")


def test_a_silent_gateway_is_said_with_what_goes_on_and_what_does_not() -> None:
    down = status(*TWO, cluster=replace(ABROAD, jicofo_reachable=False))
    assert said(down, T.LINKED) == ("False", "LinkDown")
    text = condition(down, T.LINKED).message
    assert "https://198.51.100.7:30443" in text
    assert "calls on the bridges here go on" in text
    assert said(down, T.READY) == ("Unknown", "JicofoUnreachable")


def test_a_gateway_that_turns_us_away_is_no_silent_one_and_the_fix_is_another_secret() -> None:
    away = replace(ABROAD, jicofo_reachable=False, turned_away=True)
    found = status(*TWO, cluster=away)
    assert said(found, T.LINKED) == ("False", "JoinSecretRefused")
    assert "octofleet join-token" in condition(found, T.LINKED).message


def test_a_silent_prosody_is_a_broken_link_too() -> None:
    for seen in (None, NOW - 61):
        down = status(*TWO, cluster=replace(ABROAD, brewery_seen_at=seen))
        assert said(down, T.LINKED) == ("False", "LinkDown")
        assert "Prosody" in condition(down, T.LINKED).message


def test_an_unusable_secret_is_named_everywhere() -> None:
    why = "Secret home doesn't exist in namespace far"
    lost = replace(ABROAD, remote="Secret home", exists=False, jicofo_reachable=False, message=why)
    found = status(cluster=lost, desired=None)
    assert said(found, T.LINKED) == ("False", "JoinSecretUnusable")
    assert said(found, T.READY) == ("False", "JoinSecretUnusable")
    assert condition(found, T.READY).message == why


def test_a_link_that_breaks_and_one_that_mends_are_events() -> None:
    up = status(*TWO, cluster=ABROAD)
    down = status(*TWO, cluster=replace(ABROAD, jicofo_reachable=False))
    assert ("Warning", "LinkDown") in [(e.type.value, e.reason) for e in region_notices(up, down)]
    mended = [(e.type.value, e.reason) for e in region_notices(down, up)]
    assert ("Normal", "LinkRestored") in mended
