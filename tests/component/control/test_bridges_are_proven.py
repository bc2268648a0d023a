"""How a trial's pod ended says whether a bridge is fit; nothing else does."""

from dataclasses import dataclass, replace

import pytest
from tests.component.control import world as worlds
from tests.component.control.world import World
from tests.unit.control.worlds import ready_bridge, region

from octofleet.core.manifests import mapping, naming, trial
from octofleet.core.manifests.inputs import Home
from octofleet.core.observation import Bridge
from octofleet.shell import documents, kube
from octofleet.shell.kube import KubernetesCluster
from octofleet.shell.proving import Prover, Verdict

SETTINGS = mapping.bridge_settings(region(), "meet.example.org")
BRIDGE = replace(
    ready_bridge("eu-0"), uid="00000000-0000-0000-0000-000000000007", nickname="eu-0-abc"
)


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials of one bridge."""

    world: World
    prover: Prover

    async def look(self, bridge: Bridge = BRIDGE) -> Verdict:
        return await self.prover.verdict(bridge, self.world.namespace, SETTINGS)

    async def pod(self, attempt: int) -> documents.Document | None:
        name = trial.trial_name("eu-0", attempt)
        return await self.world.api.get(kube.PODS, name, self.world.namespace)

    async def ends(self, attempt: int, code: int, words: str) -> None:
        """Have a trial end as its kubelet would tell."""
        ended = {"exitCode": code, "message": words, "reason": "Error"}
        status = {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [
                {
                    "name": "trial",
                    "ready": False,
                    "restartCount": 0,
                    "image": "x",
                    "imageID": "x",
                    "state": {"terminated": ended},
                }
            ],
        }
        await self.world.set_status(kube.PODS, trial.trial_name("eu-0", attempt), status)


async def test_a_call_that_worked_proves_the_bridge_and_leaves_nothing(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "trial-good") as world:
        trials = Trials(world, Prover(api, "load:1"))
        assert (await trials.look()).passed is None
        pod = await trials.pod(1)
        assert documents.items(pod, "metadata", "ownerReferences")[0]["uid"] == BRIDGE.uid
        assert (await trials.look()).passed is None, "it is under way"
        await trials.ends(1, 0, "media both ways")
        passed = Verdict(passed=True, message="media both ways")
        assert await trials.look() == passed
        assert await trials.look() == passed, "whoever died before noting it finds it again"
        await trials.prover.clear(BRIDGE, world.namespace)
        gone = await trials.pod(1)
        assert gone is None or documents.text(gone, "metadata", "deletionTimestamp")


async def test_two_calls_that_failed_and_not_one_are_a_verdict(api: KubernetesCluster) -> None:
    async with worlds.running(api, "trial-bad") as world:
        trials = Trials(world, Prover(api, "load:1"))
        await trials.look()
        await trials.ends(1, 1, "0 of 2 could connect")
        assert await trials.look() == Verdict(None, "0 of 2 could connect")
        await trials.ends(2, 1, "0 of 2 could connect: ICE")
        found = await trials.look()
        assert found == Verdict(passed=False, message="0 of 2 could connect: ICE")
        assert await trials.look() == found, "nothing is remembered, and nothing forgotten"


async def test_a_call_that_could_not_be_tried_is_tried_again(api: KubernetesCluster) -> None:
    async with worlds.running(api, "trial-unable") as world:
        trials = Trials(world, Prover(api, "load:1"))
        await trials.look()
        await trials.ends(1, trial.TRIAL_IMPOSSIBLE, "the brewery can't be entered")
        assert await trials.look() == Verdict(None, "the brewery can't be entered")
        assert await trials.pod(2) is None


async def test_the_trial_of_an_earlier_bridge_of_that_name_proves_nothing(
    api: KubernetesCluster,
) -> None:
    async with worlds.running(api, "trial-stale") as world:
        trials = Trials(world, Prover(api, "load:1"))
        await trials.look()
        await trials.ends(1, 0, "media both ways")
        later = replace(BRIDGE, uid="00000000-0000-0000-0000-000000000008")
        assert (await trials.look(later)).passed is None


@pytest.mark.parametrize("home", [None, Home("203.0.113.9", 30222, "joined")])
def test_a_trial_logs_in_where_the_bridge_does(home: Home | None) -> None:
    settings = replace(SETTINGS, home=home)
    owner = naming.Owner("Pod", "eu-0", "uid", "v1")
    body = trial.build_trial("eu-0-trial-1", "meet", owner, "eu-0-abc", "node-1", settings, "x")
    container = documents.items(body, "spec", "containers")[0]
    env = {each["name"]: each for each in documents.items(container, "env")}
    host, secret = ("meet-prosody.meet.svc", "meet-credentials")
    if home is not None:
        host, secret = home.prosody_host, home.secret
    assert env["XMPP_SERVER"]["value"] == host
    source = documents.mapping(env[naming.KEY_OPERATOR_PASSWORD], "valueFrom", "secretKeyRef")
    assert source["name"] == secret
    assert "eu-0-abc" in str(container["command"])
