"""How Prosody and Jicofo do, by their pods; and who is in a room, as Jicofo tells."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octofleet.core.observation import Timestamp
from octofleet.core.restarts import Standing
from octofleet.shell.jicofo import JicofoClient
from octofleet.shell.restarting import HANGING_SECONDS, standing_of

START = "2026-01-01T00:00:00Z"
LATER = "2026-01-01T01:00:00Z"
RECORDED = Path(__file__).parents[2] / "contract/transcripts/rest/conf-jicofo-debug_full_true.json"
AT_LATER = 1767229200.0
RUNNING: dict[str, Any] = {"running": {"startedAt": START}}
WAITING: dict[str, Any] = {"waiting": {"reason": "CrashLoopBackOff"}}


def pod(state: dict[str, Any], ready: str = "True", since: str = START) -> dict[str, Any]:
    return {
        "metadata": {"name": "meet-jicofo-1"},
        "status": {
            "phase": "Running",
            "startTime": START,
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}],
            "containerStatuses": [{"name": "jicofo", "state": state}],
        },
    }


def leaving() -> dict[str, Any]:
    found = pod(RUNNING)
    return {**found, "metadata": {**found["metadata"], "deletionTimestamp": LATER}}


@pytest.mark.parametrize(
    ("pods", "seconds", "standing"),
    [
        ([], 0, Standing.DOWN),
        ([pod(WAITING, "False", LATER)], 0, Standing.DOWN),
        ([pod(RUNNING, "False")], 9999, Standing.DOWN),
        ([leaving()], 0, Standing.DOWN),
        ([pod(RUNNING)], 0, Standing.SERVING),
        ([leaving(), pod(RUNNING)], 0, Standing.SERVING),
        ([pod(RUNNING, "False", LATER)], 5, Standing.SERVING),
        ([pod(RUNNING, "False", LATER)], HANGING_SECONDS + 1, Standing.HANGING),
        ([pod(RUNNING, "False", LATER), pod(RUNNING)], HANGING_SECONDS + 1, Standing.SERVING),
        ([pod(RUNNING, "False", "garbage")], HANGING_SECONDS + 1, Standing.SERVING),
    ],
)
def test_a_component_does_as_its_pods_do(
    pods: list[dict[str, Any]], seconds: float, standing: Standing
) -> None:
    assert standing_of(pods, AT_LATER + seconds) is standing


async def present(rooms: object) -> int | None:
    answer: dict[str, Any] = {"bridge_selector": {"bridge": {}}, "focus_manager": rooms}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=json.dumps(answer)))
    async with httpx.AsyncClient(transport=transport) as http:
        return (await JicofoClient(http).view("http://jicofo", Timestamp(0.0))).present


async def test_people_of_the_recorded_meeting_are_counted() -> None:
    recorded = json.loads(RECORDED.read_text())
    assert await present(recorded["focus_manager"]) == 3


async def test_who_waits_alone_in_a_room_is_counted_too() -> None:
    members: dict[str, Any] = {
        "chat_room": {"members": {"a": {}}},
        "colibri_session_manager": {"participants": {}},
    }
    assert await present({"r@muc": members}) == 1
    assert await present({}) == 0


@pytest.mark.parametrize(
    ("rooms", "people"),
    [("null", None), (None, None), ({"r": 4}, 4), ({"r": {}}, 1), ({"r": "?"}, 1), ({"r": -3}, 0)],
)
async def test_rooms_that_are_not_understood_are_not_empty(
    rooms: object, people: int | None
) -> None:
    assert await present(rooms) == people


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["chat_room", "members", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(ANYTHING)
async def test_whatever_jicofo_says_is_read(rooms: object) -> None:
    found = await present(rooms)
    assert found is None or found >= 0
