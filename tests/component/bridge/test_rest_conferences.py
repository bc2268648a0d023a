"""Conferences by REST: a real bridge object asked in JSON, as a focus asks it in XML."""

from typing import Any

import pytest
from tests.component.bridge.test_rest_routes import AUTHORIZED, served

BASE = "/colibri/v2/conferences"
NEW: dict[str, Any] = {
    "meeting-id": "m",
    "create": True,
    "name": "demo@muc.meet.jitsi",
    "endpoints": [
        {
            "id": "a",
            "create": True,
            "capabilities": ["source-names"],
            "medias": [{"type": "audio", "payload-types": [{"id": "111", "name": "opus"}]}],
            "transport": {"ice-controlling": True, "sctp": {}},
        }
    ],
}


async def test_a_conference_is_made_changed_and_ended() -> None:
    async with served() as (bridge, client):
        answer = await client.post(BASE, json=NEW, headers=AUTHORIZED)
        assert answer.status == 200, await answer.text()
        reply = await answer.json()
        (endpoint,) = reply["endpoints"]
        transport = endpoint["transport"]["transport"]
        assert transport["candidates"][0]["port"] == str(bridge.media.sockets[0].address.port)
        assert transport["rtcp-mux"] is True
        assert transport["fingerprints"][0]["setup"] == "actpass"
        assert endpoint["transport"]["sctp"] == {"port": 5000, "role": "server"}
        assert [source["id"] for source in reply["sources"]] == ["jvb-a0", "jvb-v0"]

        mute = {"endpoints": [{"id": "a", "force-mute": {"audio": True, "video": False}}]}
        answer = await client.patch(f"{BASE}/m", json=mute, headers=AUTHORIZED)
        assert await answer.json() == {"endpoints": [{"id": "a"}]}
        conference = bridge.registry.find("m")
        assert conference is not None
        found = conference.find("a")
        assert found is not None
        assert found.force_mute.audio

        answer = await client.get(f"{BASE}/m/dominant-speaker-identification", headers=AUTHORIZED)
        assert await answer.json() == {
            "dominantEndpoint": "null",
            "dominantSpeakerIdentification": {},
            "endpointsBySpeechActivity": ["a"],
            "endpointsInLastNOrder": ["a"],
        }

        answer = await client.patch(f"{BASE}/m", json={"expire": True}, headers=AUTHORIZED)
        assert answer.status == 200
        assert bridge.registry.find("m") is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", "isn't JSON"),
        ("[]", "not an object"),
        ('{"meeting-id": "m", "meeting-id": "n"}', "twice"),
        ("{}", "meeting-id"),
        ('{"meeting-id": "m", "endpoints": 1}', "endpoints isn't a list"),
        ('{"meeting-id": "m", "endpoints": [{"id": "a", "create": true}]}', "no <transport>"),
        ('{"meeting-id": "m", "relays": [{"id": "r", "create": true}]}', "Octo is disabled"),
    ],
)
async def test_whatever_is_wrong_is_a_bad_request_with_a_reason(body: str, problem: str) -> None:
    async with served() as (_, client):
        answer = await client.post(BASE, data=body, headers=AUTHORIZED)
        assert answer.status == 400
        assert problem in await answer.text()


async def test_what_is_not_there_is_said() -> None:
    async with served() as (_, client):
        assert (await client.get(BASE, headers=AUTHORIZED)).status == 501
        assert (await client.get(f"{BASE}/m", headers=AUTHORIZED)).status == 404
        speakers = f"{BASE}/m/dominant-speaker-identification"
        assert (await client.get(speakers, headers=AUTHORIZED)).status == 404
        answer = await client.patch(f"{BASE}/m", json={}, headers=AUTHORIZED)
        assert answer.status == 400
        assert "not found" in await answer.text()
        await client.post(BASE, json=NEW, headers=AUTHORIZED)
        assert (await client.get(f"{BASE}/m", headers=AUTHORIZED)).status == 501
        assert (await client.post(BASE, json=NEW, headers=AUTHORIZED)).status == 400


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=nonsense"])
async def test_a_body_that_is_no_utf8_is_refused(content_type: str) -> None:
    async with served() as (_, client):
        headers = AUTHORIZED | {"Content-Type": content_type}
        answer = await client.post(BASE, data=b'{"meeting-id"\xba "m"}', headers=headers)
        assert answer.status == 400
