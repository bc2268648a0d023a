"""The focus over a real Prosody, with bridges that do as they are told."""

import asyncio
import signal
from dataclasses import replace

import pytest
from tests.integration.focus.conftest import Lab, settings, until
from tests.integration.prosody import Prosody

from jitsiwire.colibri2 import Colibri2Error, Condition, Reason
from jitsiwire.jicofo import parse_debug, parse_stats
from octoload import signalling
from octoload.focus.app import running
from octoload.focus.doctor import Doctor


async def test_people_of_a_call_meet_on_the_least_loaded_bridge(lab: Lab) -> None:
    busy, calm = await lab.bridge("busy"), await lab.bridge("calm")
    busy.publish(replace(busy.stats, stress_level=0.7))
    await until(lambda: any(v.stress == 0.7 for v in lab.focus.shell.focus.bridges.values()))
    one = await lab.client(sources={"audioSsrc": 1, "videoSsrc": 2})
    await until(lambda: one.bridge == "calm")
    two = await lab.client(sources={"audioSsrc": 3, "videoSsrc": 4})
    await until(lambda: two.bridge == "calm")
    assert [s.ssrc for s in two.offers[0].sources] == [1, 2]
    await until(lambda: any(isinstance(m, signalling.Sources) for m in one.said))
    await until(lambda: len(calm.requests) == 4)
    assert busy.requests == []
    assert set(calm.kinds) == {"get"}, "as recorded: Jicofo asks with type get"
    assert [r.create for r in calm.requests if r.endpoints[0].create] == [True, False]
    told = [r.endpoints[0] for r in calm.requests if not r.endpoints[0].create]
    assert all(e.transport and e.transport.ice and e.sources for e in told)


async def test_debug_stats_and_metrics_show_it(lab: Lab) -> None:
    await lab.bridge("a")
    one = await lab.client()
    await until(lambda: one.bridge == "a")
    status, said = await lab.get("/debug?full=true")
    debug = parse_debug(said)
    assert status == 200
    assert list(debug.conferences["call@muc.meet.jitsi"].placements.values()) == ["a"]
    (view,) = debug.bridges.values()
    assert (view.operational, view.endpoints, view.drain) == (True, 1, False)
    assert parse_stats((await lab.get("/stats"))[1]).operational_bridge_count == 1
    assert (await lab.get("/debug/conferences"))[1] == ["call@muc.meet.jitsi"]
    assert (await lab.get("/debug/conference/call@muc.meet.jitsi"))[0] == 200
    assert (await lab.get("/debug/conference/other@muc.meet.jitsi"))[0] == 404
    assert "call@muc.meet.jitsi" in (await lab.get("/debug/conferences-full"))[1]
    assert (await lab.get("/about/health")) == (200, "OK")
    assert 'jitsi_jicofo_bridge_endpoints{jvb="a"} 1.0' in (await lab.get("/metrics"))[1]


async def test_a_shutdown_of_a_bridge_moves_its_people(lab: Lab) -> None:
    a = await lab.bridge("a")
    one = await lab.client()
    await until(lambda: one.bridge == "a")
    b = await lab.bridge("b")
    a.publish(replace(a.stats, shutting_down=True))
    await until(lambda: one.bridge == "b")
    await until(lambda: any(r.expire for r in a.requests))
    assert b.requests[0].create


async def test_a_bridge_that_vanishes_is_left(lab: Lab) -> None:
    a = await lab.bridge("a")
    one = await lab.client()
    await until(lambda: one.bridge == "a")
    await lab.bridge("b")
    await a.vanish()
    await until(lambda: one.bridge == "b")
    assert parse_stats((await lab.get("/stats"))[1]).lost_bridges == 1


async def test_a_failed_health_check_moves_people(lab: Lab) -> None:
    a = await lab.bridge("a")
    one = await lab.client()
    await until(lambda: one.bridge == "a")
    await lab.bridge("b")
    a.health = Condition.INTERNAL_SERVER_ERROR
    # The checks' pace is the core's; here it is only made quicker.
    lab.focus.shell.focus.doctor = Doctor(interval=0.5)
    for jid in lab.focus.shell.focus.bridges:
        lab.focus.shell.focus.doctor.admit(jid, 0)
    await until(lambda: one.bridge == "b")
    assert a.checks > 0
    assert parse_debug((await lab.get("/debug"))[1]).bridges[f"{_room(lab)}/a"].operational is False


def _room(lab: Lab) -> str:
    return lab.focus.shell.focus.settings.room


async def test_a_refusing_bridge_is_left_for_another(lab: Lab) -> None:
    a = await lab.bridge("a")
    a.refusal = Colibri2Error(Condition.SERVICE_UNAVAILABLE, "", Reason.GRACEFUL_SHUTDOWN)
    b = await lab.bridge("b")
    b.publish(replace(b.stats, stress_level=0.5))
    await until(lambda: lab.focus.shell.focus.bridges[f"{_room(lab)}/b"].stress == 0.5)
    one = await lab.client()
    await until(lambda: one.bridge == "b")
    assert lab.focus.shell.focus.bridges[f"{_room(lab)}/a"].graceful_shutdown


async def test_moves_by_rest(lab: Lab) -> None:
    a = await lab.bridge("a")
    people = [await lab.client() for _ in range(2)]
    await until(lambda: {p.bridge for p in people} == {"a"})
    await lab.bridge("b")
    a.publish(replace(a.stats, drain=True))
    await until(lambda: lab.focus.shell.focus.bridges[f"{_room(lab)}/a"].drain)
    assert (await lab.get("/move-endpoints/move-endpoints?bridge=nobody"))[0] == 404
    assert (await lab.get("/move-endpoints/move-fraction"))[0] == 400
    status, said = await lab.get("/move-endpoints/move-fraction?bridge=a&fraction=1")
    assert (status, said) == (200, {"movedEndpoints": 2, "conferences": 1})
    await until(lambda: {p.bridge for p in people} == {"b"})


async def test_without_a_bridge_people_wait_for_one(lab: Lab) -> None:
    one = await lab.client()
    await until(lambda: any(isinstance(m, signalling.Waiting) for m in one.said))
    await lab.bridge("a")
    await until(lambda: one.bridge == "a")


async def test_nonsense_from_a_participant_ends_only_its_connection(lab: Lab) -> None:
    await lab.bridge("a")
    one, two = await lab.client(), await lab.client()
    await until(lambda: one.bridge == two.bridge == "a")
    await one.socket.send_str('{"type": "answer"')
    await until(lambda: one.socket.closed)
    await two.say(signalling.Ping(id=77))
    await until(lambda: any(isinstance(m, signalling.Pong) and m.id == 77 for m in two.said))


async def test_a_participant_that_reconnects_goes_on(lab: Lab) -> None:
    await lab.bridge("a")
    one = await lab.client()
    await until(lambda: one.bridge == "a")
    offer = one.offers[0]
    await one.socket.close()
    back = await lab.client(endpointId=offer.endpoint_id, sessionId=offer.session_id)
    await until(lambda: any(isinstance(m, signalling.Resumed) for m in back.said))
    await back.say(signalling.Leave())
    await until(lambda: not lab.focus.shell.focus.conferences)


@pytest.mark.slow
async def test_the_focus_survives_a_restart_of_prosody(lab: Lab) -> None:
    await lab.bridge("a")
    one = await lab.client()
    await until(lambda: one.bridge == "a")
    await asyncio.to_thread(lab.prosody.stop, signal.SIGKILL)
    await until(lambda: not lab.focus.shell.xmpp.joined, 25)
    assert (await lab.get("/about/health"))[0] == 503
    await until(lambda: any(isinstance(m, signalling.Waiting) for m in one.said))
    await asyncio.to_thread(lab.prosody.start)
    await until(lambda: lab.focus.shell.xmpp.joined, 30)
    await lab.bridge("b")
    await until(lambda: one.bridge == "b")


async def test_a_wrong_password_is_no_crash(prosody: Prosody) -> None:
    async with running(settings(prosody, JICOFO_AUTH_PASSWORD="wrong")) as focus:
        await asyncio.sleep(1.5)
        assert not focus.shell.xmpp.joined
