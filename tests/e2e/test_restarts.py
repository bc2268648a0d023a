"""Jicofo gets new settings once nobody is in a meeting, and says that it waits."""

from octodemo.crowd import Crowd
from octodemo.kube import Object
from octodemo.platform import Platform, condition


async def test_jicofo_waits_for_the_end_of_a_call_to_be_restarted(
    fleet: Platform, crowd: Crowd, region: str
) -> None:
    async def jicofo() -> set[str]:
        pods = await fleet.cluster.items(
            f"/api/v1/namespaces/{fleet.namespace}/pods",
            labelSelector="app.kubernetes.io/component=jicofo",
        )
        return {str(each["metadata"]["uid"]) for each in pods}

    async def waiting(status: str) -> Object:
        async def holds() -> Object | None:
            found = condition(await fleet.jitsi(), "RestartPending")
            return found if found is not None and found["status"] == status else None

        return await fleet.wait(region, f"RestartPending={status}", holds, seconds=90)

    before = await jicofo()
    await crowd.call("peace", 2, bitrate_bps=100_000)
    try:
        try:
            await crowd.connected(2)
            await fleet.patch_cluster({"controller": {"jicofo": {"region": region}}})
            told = await waiting("True")
            assert told["reason"] in {"MeetingsGoOn", "PeopleUnknown"}
            assert await jicofo() == before
            assert (await crowd.people()).present == 2
        finally:
            await crowd.call("peace", 0)
        await waiting("False")

        async def anew() -> bool | None:
            return True if not before & await jicofo() and await jicofo() else None

        await fleet.wait(region, "another Jicofo", anew, seconds=90)
    finally:
        await fleet.patch_cluster({"controller": {"jicofo": {"region": None}}})
        await waiting("False")
        await fleet.wait_ready(region, bridges=2)
