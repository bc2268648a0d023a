"""What is told and drawn of media between regions."""

import xml.etree.ElementTree as ElementTree

from rich.console import Console

from octodemo.regions_picture import Measured, drawn

REGIONS = ("eu", "us")
OCTO = Measured(
    REGIONS, 1.0, {("eu", "eu"): 1, ("eu", "us"): 43, ("us", "eu"): 44, ("us", "us"): 3}, 2.5
)
CENTRAL = Measured(
    REGIONS, 0.5, {("eu", "eu"): 2, ("eu", "us"): 85, ("us", "eu"): 63, ("us", "us"): 144}, 8.9
)


def test_local_is_the_mean_of_those_who_speak_to_their_own_region() -> None:
    assert OCTO.local_ms == 2
    assert CENTRAL.local_ms == 73


def test_the_table_has_a_row_for_each_region_and_what_passes_between() -> None:
    console = Console(width=60)
    with console.capture() as capture:
        console.print(CENTRAL.table())
    told = capture.get()
    assert "144" in told
    assert "8.90 Mbit/s" in told


def test_the_picture_is_well_formed_and_has_two_bars_a_pair_in_proportion() -> None:
    picture = ElementTree.fromstring(drawn(OCTO, CENTRAL))
    bars = [
        float(each.attrib["width"])
        for each in picture.iter("{http://www.w3.org/2000/svg}rect")
        if each.attrib["height"] == "14"
    ]
    assert len(bars) == 8
    assert max(bars) == bars[7]
    assert round(bars[6] / bars[7], 3) == round(3 / 144, 3)
