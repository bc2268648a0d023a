"""A bridge that people can't connect to, as Jicofo finds, is named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from tests.unit.control.test_troubles_are_named import TWO, condition, said, status
from tests.unit.control.worlds import NOW

from octofleet.core.conditions import ConditionType
from octofleet.core.events import region_notices
from octofleet.shell.jicofo import JicofoClient

T = ConditionType
RECORDED = Path(__file__).parents[2] / "contract/transcripts/rest/conf-jicofo-debug_full_true.json"


async def test_what_jicofo_says_of_a_bridges_connections_is_read() -> None:
    answer: dict[str, Any] = json.loads(RECORDED.read_text())
    (name,) = list(answer["bridge_selector"]["bridge"])[:1]
    answer["bridge_selector"]["bridge"][name]["failing-ice"] = True
    served = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    async with httpx.AsyncClient(transport=served) as http:
        view = await JicofoClient(http).view("http://jicofo", NOW)
    assert view.bridges[name.rpartition("/")[2]].failing_ice


def test_a_bridge_that_people_cannot_connect_to_is_degraded_and_an_event() -> None:
    well = status(*TWO)
    failing = status(TWO[0], replace(TWO[1], failing_ice=True))
    assert said(well, T.DEGRADED) == ("False", "AllWell")
    assert said(failing, T.DEGRADED) == ("True", "IceFailing")
    assert condition(failing, T.DEGRADED).message.startswith("eu-1: people's connections fail")
    told = [(each.type.value, each.reason) for each in region_notices(well, failing)]
    assert ("Warning", "IceFailing") in told
