"""A link between real bridges that is really cut: named by the operator, until it heals.

Three bridges of a meeting are linked; the way between two of them leads over a path of the test's.
What should be linked is what the scripted focus asked for. What is linked the operator reads from
each bridge's own `/debug`, by its own clients.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, cast

import httpx
import pytest
from tests.integration.bridge.linked import MEETING, Meeting, meeting_on, sees
from tests.integration.bridge.lossy import lossy
from tests.integration.bridge.running import TOKEN, RunningBridge
from tests.integration.prosody import Prosody

from octofleet.api.clusters import JitsiCluster
from octofleet.api.effective import effective_cluster
from octofleet.core import links
from octofleet.core.conditions import Reason, Verdict
from octofleet.core.links import Linking, Wanted
from octofleet.core.meshing import Place, mesh_of
from octofleet.core.observation import Timestamp
from octofleet.shell.bridges import BridgeClient, Tokens
from octofleet.shell.endpoints import ClusterName, Endpoints
from octofleet.shell.jicofo import JicofoBridge, JicofoView
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.linkwatch import LinkPorts, LinkWatch
from octofleet.shell.observer import Observer

pytestmark = pytest.mark.slow

CLUSTER = ClusterName("meetings", "meet")
NEVER = 10**9
PATIENCE = 90.0
"""Consent is lost half a minute after the last answer."""


class Surroundings:
    """What the operator's watch asks besides the bridges: pods, addresses and Jicofo's word."""

    def __init__(self, meeting: Meeting, bridges: Sequence[RunningBridge]) -> None:
        self._meeting = meeting
        self._bridges = {bridge.nickname: bridge for bridge in bridges}
        self.ahead = 0.0

    def clock(self) -> float:
        """Return the time, ahead of the machine's by what the test has skipped."""
        return time.time() + self.ahead

    async def list(self, *_: object) -> list[Any]:
        """Return the bridges' pods."""
        return [
            {"metadata": {"name": name}, "status": {"hostIP": "127.0.0.1"}}
            for name in self._bridges
        ]

    def bridge(self, _address: str, name: str) -> str:
        """Return where a bridge's REST is."""
        return self._bridges[name].rest

    async def jicofo_seen(self, _cluster: ClusterName) -> JicofoView:
        """Return what the scripted focus has asked for, as Jicofo tells it."""
        places = self._meeting.places
        names = {place.relay_id: place.bridge.nickname for place in places}
        pairs = {
            (min(near, names[far]), max(near, names[far]))
            for place in places
            for near in (place.bridge.nickname,)
            for far in place.linked
        }
        return JicofoView(
            at=Timestamp(self.clock()),
            bridges={
                place.bridge.nickname: JicofoBridge(
                    True, False, False, False, 0.1, "1",
                    region=place.bridge.environ["JVB_OCTO_REGION"], relay_id=place.relay_id,
                )
                for place in places
            },
            conferences={},
            links=tuple(Wanted(MEETING, pair) for pair in sorted(pairs)),
        )  # fmt: skip


def judged(seen: Linking | None) -> Verdict:
    document = {"metadata": {"name": "meet"}, "spec": {"domain": "meet.example"}}
    cluster = effective_cluster(JitsiCluster.model_validate(document))
    regions = [Place(f"region-{number}") for number in (1, 2, 3)]
    verdict = links.meshed(mesh_of(cluster, regions), seen)
    assert verdict is not None
    return verdict


async def test_the_pair_between_which_nothing_passes_is_named_until_it_does_again(
    prosody: Prosody,
) -> None:
    async with meeting_on(prosody, 3) as meeting, httpx.AsyncClient() as http:
        one, two, three = meeting.places
        around = Surroundings(meeting, [place.bridge for place in meeting.places])
        watch = LinkWatch(
            LinkPorts(
                kube=cast("KubernetesCluster", around),
                observer=cast("Observer", around),
                bridges=BridgeClient(http),
                endpoints=cast("Endpoints", around),
                clock=around.clock,
            )
        )

        async def becomes(reason: Reason) -> None:
            async def is_so() -> bool:
                around.ahead += 5.0  # past what the watch keeps of its last look
                seen.append(await watch.look(CLUSTER, Tokens(TOKEN)))
                return judged(seen[-1]).reason is reason

            seen: list[Linking | None] = []
            deadline = time.monotonic() + PATIENCE
            while not await is_so():
                assert time.monotonic() < deadline, judged(seen[-1])
                await asyncio.sleep(0.5)

        async with lossy(("127.0.0.1", two.bridge.udp_port), every=NEVER) as (path, port):
            a = await meeting.join(one, "a")
            b = await meeting.join(two, "b")
            c = await meeting.join(three, "c")
            await meeting.link(one, two, through=port)
            await meeting.link(one, three)
            await meeting.link(two, three)
            await becomes(Reason.ALL_LINKED)
            await sees(a, b)
            measured = links.between(await watch.look(CLUSTER, Tokens(TOKEN)))
            assert [each.regions for each in measured] == [
                ("region-1", "region-2"),
                ("region-1", "region-3"),
                ("region-2", "region-3"),
            ]
            path.cut = True
            await becomes(Reason.LINK_BROKEN)
            told = judged(await watch.look(CLUSTER, Tokens(TOKEN))).message
            assert "jvb-1 (region-1) and jvb-2 (region-2)" in told
            assert "jvb-3" not in told
            await sees(a, c)
            await sees(b, c)
            path.cut = False
            await becomes(Reason.ALL_LINKED)
            await sees(a, b)
            await sees(b, a)
