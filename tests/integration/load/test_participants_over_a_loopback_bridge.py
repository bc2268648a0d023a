"""Synthetic participants through a bridge in this process; counts are checked."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from octoload import signalling
from octoload.crowd import CallRequest, Crowd
from octoload.report import Summary

if TYPE_CHECKING:
    from tests.integration.load.conftest import Bridges, Focus

SILENCE_MS = 5_000
"""A busy machine stands still for a while; what is dropped is missed for longer."""


async def until(crowd: Crowd, condition: Callable[[Summary], bool], seconds: float = 45) -> Summary:
    deadline = time.monotonic() + seconds
    while True:
        total = crowd.report().total
        if condition(total):
            return total
        assert time.monotonic() < deadline, f"{total} {crowd.statuses()}"
        await asyncio.sleep(0.1)


async def settled(condition: Callable[[], bool], seconds: float = 45) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_two_hear_and_see_each_other(focus: "Focus", crowd: Crowd) -> None:
    crowd.apply(CallRequest(name="call", participants=2))
    total = await until(crowd, lambda t: t.packets_received > 300)
    assert (total.admitted, total.dropped, total.moved) == (2, 0, 0)
    assert total.packets_lost == 0
    assert total.max_gap_ms < SILENCE_MS
    assert 0 < total.delay_ms_mean < SILENCE_MS
    assert total.join_ms_p50 is not None
    per_person = [
        {reading.ssrc: reading.packets for reading in readings}
        for readings in crowd.engines[0].readings().values()
    ]
    assert len(per_person) == 2
    for heard in per_person:
        assert len(heard) == 2
        assert min(heard.values()) > 20
    sent = focus.bridge.engine.stats().counters if focus.bridge else {}
    assert sent["packets_sent"] >= total.packets_received


async def test_without_video_only_audio_is_sent(focus: "Focus", crowd: Crowd) -> None:
    crowd.apply(CallRequest(name="call", participants=3, video=False))
    await until(crowd, lambda t: t.packets_received > 300)
    for readings in crowd.engines[0].readings().values():
        assert len(readings) == 2


async def test_a_call_grows_shrinks_and_ends_without_a_drop(focus: "Focus", crowd: Crowd) -> None:
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await until(crowd, lambda t: t.admitted == 2)
    crowd.apply(CallRequest(name="call", participants=5, video=False, ramp=0.5))
    await until(crowd, lambda t: t.admitted == 5)
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await settled(lambda: len(focus.members) == 2)
    total = crowd.report().total
    assert (total.dropped, total.present, total.participants) == (0, 2, 5)
    assert crowd.remove("call") == 2
    bridge = focus.bridge
    assert bridge is not None
    await settled(lambda: not focus.members and not bridge.endpoints)
    await settled(lambda: len(crowd.engines[0]) == 0)


async def test_a_move_to_another_bridge_is_counted_and_drops_nobody(
    focus: "Focus", crowd: Crowd, bridges: "Bridges"
) -> None:
    crowd.apply(CallRequest(name="call", participants=3, video=False))
    await until(crowd, lambda t: t.packets_received > 300)
    focus.bridge = bridges("bridge-b")
    for member in list(focus.members.values()):
        await focus.place(member)
    total = await until(crowd, lambda t: t.moved == 3)
    assert (total.dropped, total.restarted) == (0, 0)
    assert total.max_gap_ms < SILENCE_MS
    await settled(lambda: len(crowd.engines[0]) == 3)
    assert [join.endpoint_id for join in focus.joins] == [None] * 3


async def test_media_goes_on_while_the_focus_is_away(focus: "Focus", crowd: Crowd) -> None:
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    before = await until(crowd, lambda t: t.packets_received > 100)
    sessions = {member.session_id for member in focus.members.values()}
    await focus.hang_up()
    after = await until(crowd, lambda t: t.packets_received > before.packets_received + 200)
    assert (after.dropped, after.moved, after.restarted) == (0, 0, 0)
    assert after.max_gap_ms < SILENCE_MS
    assert {join.session_id for join in focus.joins[2:]} == sessions
    assert {join.endpoint_id for join in focus.joins[2:]} == set(focus.members)


async def test_a_focus_that_forgot_gives_new_places_with_the_same_ids(
    focus: "Focus", crowd: Crowd, bridges: "Bridges"
) -> None:
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await until(crowd, lambda t: t.packets_received > 100)
    ids, sockets = set(focus.members), [m.socket for m in focus.members.values()]
    focus.members.clear()
    focus.bridge = bridges("bridge-b")
    for socket in sockets:
        await socket.close()
    total = await until(crowd, lambda t: t.moved == 2)
    assert total.dropped == 0
    assert set(focus.members) == ids


async def test_whom_a_focus_that_forgot_places_first_hears_the_other_where_they_were(
    focus: "Focus", crowd: Crowd, bridges: "Bridges"
) -> None:
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await until(crowd, lambda t: t.packets_received > 100)
    first, second = (member.socket for member in focus.members.values())
    focus.members.clear()
    new = focus.bridge = bridges("bridge-b")
    await first.close()
    await settled(lambda: any(end.is_linked for end in new.endpoints.values()))
    before = crowd.report().total.packets_received
    # For far longer than an old session is kept by which nothing comes.
    after = await until(crowd, lambda t: t.packets_received > before + 500)
    assert (len(crowd.engines[0]), after.dropped) == (3, 0)
    assert after.max_gap_ms < SILENCE_MS
    await second.close()
    total = await until(crowd, lambda t: t.moved == 2)
    await settled(lambda: len(crowd.engines[0]) == 2)
    assert (total.dropped, len(new.endpoints)) == (0, 2)


async def test_without_a_bridge_they_wait_and_join_later(focus: "Focus", crowd: Crowd) -> None:
    bridge, focus.bridge = focus.bridge, None
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    total = await until(crowd, lambda t: t.waiting == 2 and len(focus.members) == 2)
    await asyncio.sleep(0.5)
    assert (total.admitted, total.dropped) == (0, 0)
    focus.bridge = bridge
    for member in list(focus.members.values()):
        await focus.place(member)
    total = await until(crowd, lambda t: t.packets_received > 50)
    assert (total.admitted, total.waiting) == (2, 0)


async def test_a_goodbye_from_the_bridge_makes_them_ask_for_another_place(
    focus: "Focus", crowd: Crowd, bridges: "Bridges"
) -> None:
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await until(crowd, lambda t: t.packets_received > 100)
    first, focus.bridge = focus.bridge, bridges("bridge-b")
    assert first is not None
    for key in list(first.endpoints):
        await first.expire(key)
    total = await until(crowd, lambda t: t.moved == 2)
    assert total.dropped == 0
    assert all("DTLS" in m.restarts[0] for m in focus.members.values())


async def test_people_of_a_killed_bridge_count_as_killed(
    focus: "Focus", crowd: Crowd, bridges: "Bridges"
) -> None:
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await until(crowd, lambda t: t.packets_received > 100)
    assert focus.bridge is not None
    assert crowd.killed("bridge-a") == 2
    focus.bridge.go_silent()
    await asyncio.sleep(1)
    focus.bridge = bridges("bridge-b")
    for member in list(focus.members.values()):
        await focus.place(member)
    before = crowd.report().total.packets_received
    total = await until(crowd, lambda t: t.packets_received > before + 100)
    assert (total.killed, total.dropped, total.moved) == (2, 0, 0)
    assert total.killed_max_gap_ms >= 1000


async def test_a_focus_that_breaks_the_protocol_is_left_and_tried_again(
    focus: "Focus", crowd: Crowd
) -> None:
    crowd.apply(CallRequest(name="call", participants=1, video=False))
    await until(crowd, lambda t: t.admitted == 1)
    (member,) = focus.members.values()
    await member.socket.send_str('{"type": "offer", "sessionId": 5}')
    await settled(lambda: len(focus.joins) >= 2)
    assert "broke the protocol" in (crowd.status("call").people[0].last_error or "")


async def test_a_silent_focus_is_left_and_media_goes_on(
    focus: "Focus", crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signalling, "PING_SECONDS", 0.2)
    monkeypatch.setattr(signalling, "SILENCE_SECONDS", 0.6)
    crowd.apply(CallRequest(name="call", participants=2, video=False))
    await until(crowd, lambda t: t.packets_received > 100)
    joins = len(focus.joins)
    focus.is_deaf = True
    await settled(lambda: all(member.socket.closed for member in focus.members.values()))
    focus.is_deaf = False
    before = crowd.report().total.packets_received
    total = await until(crowd, lambda t: t.packets_received > before + 200)
    await settled(lambda: len(focus.joins) >= joins + 2)
    assert (total.dropped, total.restarted, total.moved) == (0, 0, 0)
    assert total.max_gap_ms < SILENCE_MS
