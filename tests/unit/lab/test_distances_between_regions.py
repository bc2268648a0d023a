"""How people say how far a lab's regions are from one another."""

import json

import pytest

from octolab import layout, wan
from octolab.cluster import Choice, settle
from octolab.distances import Distance, distances
from octolab.errors import UnmetError

WORLD = ("eu", "us", "asia")


def test_every_pair_is_there_once_in_the_order_of_the_regions() -> None:
    found = distances(WORLD, "us-eu=80ms,eu-asia=220.5ms", "asia-eu=0.5%")
    assert found == (
        Distance("eu", "us", 80, 0),
        Distance("eu", "asia", 220.5, 0.005),
        Distance("us", "asia", 0, 0),
    )


def test_names_with_dashes_are_told_apart() -> None:
    found = distances(("eu-west", "us-east-1"), "eu-west-us-east-1=80ms")
    assert found == (Distance("eu-west", "us-east-1", 80),)


def test_none_brings_everything_near() -> None:
    assert distances(WORLD, "none") == ()


@pytest.mark.parametrize(
    ("rtt", "loss", "why"),
    [
        ("eu-us", "", "write it as eu-us=80ms"),
        ("eu-us=80", "", "write it as eu-us=80ms"),
        ("eu-us=-1ms", "", "write it as eu-us=80ms"),
        ("eu-mars=80ms", "", "aren't two of the regions eu,us,asia"),
        ("eu-eu=80ms", "", "aren't two of the regions"),
        ("eu-us=80ms,us-eu=90ms", "", "twice"),
        ("eu-us=99999ms", "", "at most 10000ms"),
        ("", "eu-us=101%", "at most 100%"),
        ("", "eu-us=1", "write it as eu-us=0.5%"),
    ],
)
def test_what_cant_be_meant_is_refused_with_the_reason(rtt: str, loss: str, why: str) -> None:
    with pytest.raises(UnmetError, match=why):
        distances(WORLD, rtt, loss)


def test_a_standing_lab_keeps_its_distances_until_others_are_chosen() -> None:
    kept = [{"first": "eu", "second": "us", "rtt_ms": 80.0, "loss": 0.0}]
    record = {"network": "10.77.0.0/16", "nodes": 2, "regions": ["eu", "us"], "distances": kept}
    assert settle(Choice(), record).distances == (Distance("eu", "us", 80),)
    assert settle(Choice(rtt="eu-us=10ms"), record).distances == (Distance("eu", "us", 10),)
    assert settle(Choice(rtt="none"), record).distances == ()
    del record["distances"]
    assert settle(Choice(), record).distances == ()


def test_the_router_owns_each_nodes_address_and_pods_and_knows_its_region() -> None:
    planned = layout.plan("octo", "10.77.0.0/16", 2, ("eu", "us"), (Distance("eu", "us", 80),))
    told = json.loads(wan.config(planned))
    assert told["lines"] == [{"first": "eu", "second": "us", "rtt_ms": 80, "loss": 0.0}]
    assert told["ports"][1] == {
        "name": "wan2",
        "address": "10.77.0.12/32",
        "namespace": "/run/netns/octo-node2",
        "owns": ["10.77.2.0/25", "10.77.2.128/25"],
        "group": "us",
        "borrowed": True,
    }
